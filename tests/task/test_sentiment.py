"""Sentences as trials: loaders on small folders, word vectors by dense algebra, the loss by hand."""

import io
import subprocess
import tarfile

import jax
import numpy as np
import pytest

from stepwell import NETWORKS, TASKS, Experiment, Optimiser
from stepwell.cli_fetch import fetch
from stepwell.task.sentiment import arrays
from stepwell.task.sentiment_corpus import Corpus, checked, imdb, snippets, sst, synthetic, tokens
from stepwell.task.sentiment_fetch import fetch_snippets, unpack
from stepwell.task.sentiment_vectors import vocabulary, word_vectors

MOVIES = "1\t2.5\tA great great film\n2\t-1.5\ta dull film\n3\t0.2\tneither\n4\t-3.0\tso dull !\n"


def archive(path, files):
    with tarfile.open(path, "w:gz") as out:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))


def test_snippets_are_unpacked_and_labelled_by_the_sign_of_their_rating(tmp_path):
    inner = tmp_path / "inner.tar.gz"
    archive(
        inner,
        {
            "x/movieReviewSnippets_GroundTruth.txt": MOVIES.encode("latin-1"),
            "x/tweets_GroundTruth.txt": b"1\t1.0\tcaf\xe9 film",
            "x/other.txt": b"no",
        },
    )
    archive(tmp_path / "outer.tar.gz", {"p/additional/hutto_ICWSM_2014.tar.gz": inner.read_bytes()})
    unpack(tmp_path / "outer.tar.gz", tmp_path / "data")
    corpus = snippets(tmp_path / "data")
    assert dict(zip(corpus.texts, corpus.labels)) == {
        "A great great film": 1,
        "a dull film": 0,
        "so dull !": 0,
    }
    assert "neither" in corpus.background and "café film" in corpus.background
    assert not (tmp_path / "data" / "other.txt").exists()


def test_a_missing_corpus_says_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="stepwell fetch sentiment"):
        snippets(tmp_path)


def test_folders_of_the_treebank_and_of_reviews_are_read(tmp_path):
    (tmp_path / "train.tsv").write_text("sentence\tlabel\ngood\t1\nbad\t0\n")
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\nnot bad\t1\n")
    assert sst(tmp_path) == Corpus(("good", "bad", "not bad"), (1, 0, 1), 1)
    for part in ("train", "test"):
        for kind, text in (("pos", "fine"), ("neg", "poor")):
            (tmp_path / part / kind).mkdir(parents=True)
            (tmp_path / part / kind / "0_1.txt").write_text(text)
    corpus = imdb(tmp_path)
    assert corpus.validation == 2
    assert all((text == "fine") == label for text, label in zip(corpus.texts, corpus.labels))


@pytest.mark.parametrize(
    ("corpus", "reason"),
    [
        (Corpus((), ()), "empty"),
        (Corpus(("a",), (0, 1)), "1 texts do not fit 2 labels"),
        (Corpus(("a", "b"), (0, 4)), "mislabelled"),
        (Corpus(("a", "b"), (1, 1)), "all labels"),
    ],
)
def test_an_impossible_corpus_is_refused(corpus, reason):
    with pytest.raises(ValueError, match=reason):
        checked(corpus)


def test_wrong_lines_and_settings_are_refused(tmp_path):
    (tmp_path / "movieReviewSnippets_GroundTruth.txt").write_text("1\tgreat\tno number\n")
    with pytest.raises(ValueError, match="mislabelled"):
        snippets(tmp_path)
    (tmp_path / "train.tsv").write_text("sentence\tlabel\ngood\tpositive\n")
    with pytest.raises(ValueError, match="mislabelled"):
        sst(tmp_path)
    for given in ({"corpus": "snipets"}, {"steps": 0}, {"examples": -1}):
        with pytest.raises(ValueError, match=next(iter(given))):
            TASKS["sentiment"](**given)
    with pytest.raises(ValueError, match="folder="):
        TASKS["sentiment"]("sst").trials(jax.random.key(0))


def test_word_vectors_span_what_a_dense_decomposition_does():
    random = np.random.default_rng(1)
    sentences = [random.integers(0, 12, 9) for _ in range(60)]
    counts = np.zeros((12, 12))
    for words in sentences:
        for i in range(9):
            for j in range(9):
                if 0 < abs(i - j) <= 5:
                    counts[words[i], words[j]] += 1 / abs(i - j)
    share = counts.sum(1) ** 0.75 / (counts.sum(1) ** 0.75).sum()
    with np.errstate(divide="ignore"):
        pmi = np.maximum(np.log(counts / counts.sum(1, keepdims=True) / share), 0)
    U, s, _ = np.linalg.svd(pmi)
    expected = U[:, :3] * np.sqrt(s[:3])
    expected *= 0.4 / np.sqrt(np.mean(expected**2))
    found = word_vectors(sentences, 12, 3)
    # Signs are free; counts are kept in single precision.
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)


def test_words_that_come_once_are_left_out_and_sentences_cut():
    data = arrays(Corpus(("a b a c", "b a", "zzz"), (1, 0, 1)), 3, 5)
    assert vocabulary([tokens("a b a c"), tokens("b a"), ["zzz"]]) == ["a", "b"]
    np.testing.assert_array_equal(data.words, [[0, 1, 0], [1, 0, -1], [0, -1, -1]])
    assert data.vectors.shape == (2, 5)


def test_a_batch_asks_once_per_sentence_and_its_loss_is_the_cross_entropy():
    task = TASKS["sentiment"](dimensions=6)
    trials = task.trials(jax.random.key(0), 5)
    assert trials.inputs.shape == (5, 30, 6)
    np.testing.assert_array_equal(np.asarray(trials.mask).sum((1, 2)), 1)
    logits = np.linspace(-2, 2, 150).reshape(5, 30, 1)
    asked = np.asarray(trials.mask) > 0
    p, y = 1 / (1 + np.exp(-logits[asked])), np.asarray(trials.targets)[asked]
    by_hand = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    np.testing.assert_allclose(task.loss(jax.numpy.asarray(logits), trials), by_hand, rtol=1e-12)


def test_a_small_lstm_learns_the_synthetic_sentences():
    task = TASKS["sentiment"](dimensions=8, steps=8, batch=32)
    network = NETWORKS["lstm"](hidden=8, input=8, layers=2, embedding=True)
    run = Experiment(task, network, optimiser=Optimiser("adam", 0.02), updates=150).run([0])
    params = {name: jax.numpy.asarray(run[name].values[0, -1]) for name in network.init(jax.random.key(0))}
    held = task.validation()
    said = np.asarray(network.rollout(params, held))[np.asarray(held.mask) > 0] > 0
    # A coin would be right in half of 40 sentences; the majority of three polar words is an easy task.
    assert np.mean(said == np.asarray(held.targets)[np.asarray(held.mask) > 0]) > 0.9


def test_synthetic_sentences_have_both_labels():
    assert set(synthetic(50).labels) == {0, 1}


def test_what_is_there_is_not_fetched_and_what_cannot_be_had_is_told(tmp_path, monkeypatch):
    asked = []

    def refuse(command, **options):
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "no such host\nERROR: nothing matches\n")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(OSError, match="ERROR: nothing matches"):
        fetch_snippets(tmp_path / "new")
    assert "--require-hashes" in asked[0] and not (tmp_path / "new").exists()
    (tmp_path / "movieReviewSnippets_GroundTruth.txt").write_text(MOVIES)
    assert fetch_snippets(tmp_path) == tmp_path and len(asked) == 1


def test_only_known_data_are_fetched():
    with pytest.raises(ValueError, match="did you mean 'sentiment'"):
        fetch("sentimnt")
