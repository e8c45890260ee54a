"""Tell a positive sentence from a negative one."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from stepwell.settings import setting
from stepwell.task.base import AbstractTask, Trials, draw
from stepwell.task.sentiment_corpus import Corpus, load, tokens
from stepwell.task.sentiment_vectors import vocabulary, word_vectors

CORPORA = ("synthetic", "snippets", "sst", "imdb")


class Sentiment(AbstractTask):
    """One word per step, as a fixed vector; after the last word the output is the logit of "positive".

    The loss is the cross-entropy of the batch. Sentences are cut at `steps` words; shorter ones are followed
    by zeros, which are not asked about.

    Attributes:
        corpus: "synthetic" (made up, for tests), "snippets" (rated movie snippets, fetched by `stepwell fetch
            sentiment`), "sst" or "imdb" (folders that you have).
        folder: where the corpus is; empty for the user's data folder.
        steps: longest sentence. batch: sentences per update. dimensions: of a word vector.
        examples: how many sentences to learn from; 0 for all.

    Raises:
        ValueError: for an unknown, empty or mislabelled corpus.
        FileNotFoundError: where it is not there.

    Source: schuessler2020, section 4 (there the sentence treebank and vectors from another corpus).
    """

    corpus: str = setting("synthetic")
    folder: str = setting("")
    steps: int = setting(30)
    batch: int = setting(64)
    dimensions: int = setting(100)
    examples: int = setting(0)

    def __check_init__(self) -> None:
        if self.corpus not in CORPORA:
            raise ValueError(f"corpus='{self.corpus}' is unknown; choose one of {', '.join(CORPORA)}.")
        if min(self.steps, self.batch, self.dimensions) < 1 or self.examples < 0:
            raise ValueError(
                f"sentences need steps, batch and dimensions of at least 1 and examples of at least 0; got "
                f"{self.steps}, {self.batch}, {self.dimensions}, {self.examples}."
            )

    def trial(self, key: PRNGKeyArray) -> Trials:
        """One sentence to learn from: inputs [step, dimension], target and mask [step, 1]."""
        data = self._data()
        known = len(data.labels) - data.validation
        count = min(self.examples or known, known)
        return Trials(*self._sentence(jax.random.randint(key, (), 0, count)))

    def trials(self, key: PRNGKeyArray, count: int | None = None) -> Trials:
        """`count` sentences (`batch` if None)."""
        return draw(self, key, count)

    def validation(self) -> Trials:
        """All sentences that are kept for validation."""
        data = self._data()
        last = jnp.arange(len(data.labels) - data.validation, len(data.labels))
        return Trials(*jax.vmap(self._sentence)(last))

    def loss(self, outputs: Float[Array, "trial step output"], trials: Trials) -> Float[Array, ""]:
        """The cross-entropy of the logits after the last words, mean over sentences."""
        entropy = jax.nn.softplus(outputs) - trials.targets * outputs
        return jnp.sum(trials.mask * entropy) / jnp.sum(trials.mask)

    def _sentence(self, index: Array) -> tuple[Array, Array, Array]:
        data = self._data()
        words = jnp.asarray(data.words)[index]
        last = jnp.arange(self.steps) == jnp.sum(words >= 0) - 1
        vectors = jnp.asarray(data.vectors, float)
        inputs = jnp.where((words >= 0)[:, None], vectors[jnp.maximum(words, 0)], 0.0)
        mask = last[:, None].astype(inputs.dtype)
        return inputs, mask * jnp.asarray(data.labels)[index], mask

    def _data(self) -> "Data":
        return prepared(self.corpus, self.folder, self.steps, self.dimensions)


class Data(NamedTuple):
    """A corpus as arrays.

    Attributes:
        words: word numbers, -1 where a sentence is over, [sentence, step].
        labels: [sentence]. vectors: [word, dimension]. validation: how many of the last sentences.
    """

    words: np.ndarray
    labels: np.ndarray
    vectors: np.ndarray
    validation: int


@cache
def prepared(corpus: str, folder: str, steps: int, dimensions: int) -> Data:
    """A corpus by name, as arrays; the vectors are learned once per process."""
    return arrays(load(corpus, folder), steps, dimensions)


def arrays(corpus: Corpus, steps: int, dimensions: int) -> Data:
    """A corpus as arrays: words that its sentences have once are left out, sentences cut.

    Raises:
        ValueError: where no word comes twice.
    """
    sentences = [tokens(text) for text in corpus.texts]
    learned = [tokens(text) for text in corpus.background] or sentences
    known = vocabulary(sentences)
    if not known:
        raise ValueError("no word of the corpus comes twice, so there is nothing to learn from it.")
    numbers = {word: i for i, word in enumerate(known)}
    coded = [[numbers[word] for word in each if word in numbers][:steps] or [0] for each in sentences]
    words = np.array([row + [-1] * (steps - len(row)) for row in coded], np.int32)
    company = [np.array([numbers[word] for word in each if word in numbers], int) for each in learned]
    vectors = np.zeros((len(known), dimensions))
    found = word_vectors(company, len(known), min(dimensions, len(known)))
    vectors[:, : found.shape[1]] = found
    held = len(sentences) // 10 if corpus.validation is None else corpus.validation
    return Data(words, np.array(corpus.labels, float), vectors, held)
