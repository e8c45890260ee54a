"""Labelled sentences: texts and what they say, from folders that a user has or has fetched, or made up."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

SNIPPETS = "movieReviewSnippets_GroundTruth.txt"
FETCH = "fetch them with: stepwell fetch sentiment"
UNCLEAR = 0.5
"""Snippets whose mean rating is no larger than this are left out."""


class Corpus(NamedTuple):
    """Sentences and their labels.

    Attributes:
        texts: sentences. labels: 1 for a positive one, 0 for a negative one.
        validation: how many at the end are kept for validation; None for a tenth.
        background: further texts without labels, from which word vectors may learn.
    """

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    validation: int | None = None
    background: tuple[str, ...] = ()


def checked(corpus: Corpus) -> Corpus:
    """The corpus itself, if something can be learned from it.

    Raises:
        ValueError: for an empty corpus, labels that do not fit the texts, or labels other than 0 and 1.
    """
    if not corpus.texts:
        raise ValueError("the corpus is empty; give sentences with labels.")
    if len(corpus.texts) != len(corpus.labels):
        raise ValueError(
            f"{len(corpus.texts)} texts do not fit {len(corpus.labels)} labels; give one label per text."
        )
    if not set(corpus.labels) <= {0, 1}:
        odd = next(label for label in corpus.labels if label not in (0, 1))
        raise ValueError(
            f"the label {odd!r} is mislabelled: a sentence is positive (1) or negative (0), and nothing else."
        )
    if len(set(corpus.labels)) < 2:
        raise ValueError("all labels of the corpus are equal, so nothing can be learned; give both kinds.")
    return corpus


def tokens(text: str) -> list[str]:
    """Words in lower case, with marks that count in a sentence.

    Example:
        >>> tokens("Isn't it GREAT!")
        ["isn't", 'it', 'great', '!']
    """
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?|[!?]", text.lower())


def data_folder() -> Path:
    """The user's folder for what stepwell fetches."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "stepwell"


def snippets(folder: Path | None = None) -> Corpus:
    """About 10,000 rated movie-review snippets, in a random but fixed order; the sign of the mean rating is
    the label.

    Args:
        folder: where they were fetched to; the user's data folder if None.

    Raises:
        FileNotFoundError: where they are not there.
        ValueError: for a file with other lines.
    """
    folder = data_folder() / "sentiment" if folder is None else Path(folder)
    if not (folder / SNIPPETS).exists():
        raise FileNotFoundError(f"the rated movie snippets are not in {folder}; {FETCH}")
    rows = [_rated(line) for line in _lines(folder / SNIPPETS)]
    clear = [(text, int(mean > 0)) for mean, text in rows if abs(mean) > UNCLEAR]
    order = np.random.default_rng(0).permutation(len(clear))
    others = [file for file in sorted(folder.glob("*_GroundTruth.txt")) if file.name != SNIPPETS]
    background = [_rated(line)[1] for file in others for line in _lines(file)]
    texts, labels = zip(*(clear[i] for i in order))
    return checked(Corpus(texts, labels, 1000, (*(text for _, text in rows), *background)))


def sst(folder: Path | str) -> Corpus:
    """The sentence treebank as a folder of `train.tsv` and `dev.tsv`: sentence, tab, label 0 or 1, one head
    line.

    Raises:
        FileNotFoundError: where the files are not there. ValueError: for lines of another form.
    """
    learned, held = (_table(Path(folder) / name) for name in ("train.tsv", "dev.tsv"))
    texts, labels = zip(*learned, *held)
    return checked(Corpus(texts, labels, len(held)))


def imdb(folder: Path | str) -> Corpus:
    """The large movie review data set as its folder: `train` and `test` with `pos` and `neg`, a file per
    review.

    Raises:
        FileNotFoundError: where there are no such folders.
    """
    parts = []
    for part in ("train", "test"):
        files = [(f, y) for y, kind in enumerate(("neg", "pos")) for f in _reviews(Path(folder), part, kind)]
        order = np.random.default_rng(0).permutation(len(files))
        parts.append([(files[i][0].read_text(encoding="utf-8"), files[i][1]) for i in order])
    texts, labels = zip(*parts[0], *parts[1])
    return checked(Corpus(texts, labels, len(parts[1])))


def synthetic(count: int = 400, length: int = 8, seed: int = 0) -> Corpus:
    """Made-up sentences: most words are neutral, a few are polar, and their majority is the label."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(count):
        label, words = int(random.integers(2)), [f"neutral{k}" for k in random.integers(20, size=length)]
        for place in random.choice(length, 3, replace=False):
            words[place] = f"{'good' if label else 'bad'}{random.integers(4)}"
        texts.append(" ".join(words))
        labels.append(label)
    return checked(Corpus(tuple(texts), tuple(labels)))


def load(name: str, folder: str = "") -> Corpus:
    """A corpus by its name: "synthetic", "snippets", "sst" or "imdb" (the last two with a folder)."""
    if name in ("sst", "imdb") and not folder:
        raise ValueError(f"corpus='{name}' is yours to bring; say where it is with folder=....")
    readers = {"synthetic": synthetic, "sst": lambda: sst(folder), "imdb": lambda: imdb(folder)}
    readers["snippets"] = lambda: snippets(Path(folder) if folder else None)
    return readers[name]()


def _lines(path: Path) -> Sequence[str]:
    return [line for line in path.read_text(encoding="latin-1").splitlines() if line.strip()]


def _rated(line: str) -> tuple[float, str]:
    parts = line.split("\t")
    try:
        return float(parts[1]), parts[2]
    except (IndexError, ValueError):
        raise ValueError(
            f"the line {line[:40]!r} is mislabelled: it needs a number, a mean rating and a text, with tabs "
            "between them."
        ) from None


def _table(path: Path) -> list[tuple[str, int]]:
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}; an SST folder has train.tsv and dev.tsv.")
    rows = [line.rsplit("\t", 1) for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    wrong = [row for row in rows if len(row) != 2 or row[1] not in ("0", "1")]
    if wrong:
        raise ValueError(
            f"{path} is mislabelled at {wrong[0][0][:40]!r}: a line is a sentence, a tab, and 0 or 1."
        )
    return [(text, int(label)) for text, label in rows]


def _reviews(folder: Path, part: str, kind: str) -> list[Path]:
    files = sorted((folder / part / kind).glob("*.txt"))
    if not files:
        raise FileNotFoundError(
            f"there are no reviews in {folder / part / kind}; an IMDB folder has train and test with pos and "
            "neg."
        )
    return files
