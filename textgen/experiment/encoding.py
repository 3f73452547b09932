"""The text of an entry as ids of its tokenizer, and the vectors of its embedding."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import Embedding, PretrainedVectors, TextgenError, TokenIds, WordVectors
from textgen.data.bound_tokenizer import BoundTokenizer, fit_and_encode
from textgen.data.corpus import Corpus
from textgen.data.split import MIN_CHARS, Part, Split
from textgen.data.text import Text
from textgen.data.vocabulary import COUNTED_AT_ONCE, count_tokens
from textgen.data.words import split_words
from textgen.evaluation.neighbors import Neighbors
from textgen.experiment.entry import Entry
from textgen.nn.language_model import LanguageModel
from textgen.registry.registry import contract_error, find
from textgen.runtime.storage.json_records import Amount, Count, Share
from textgen.training.budget import Budget


@dataclass(frozen=True, kw_only=True)
class EmbeddingAudit:
    """Shares of a vocabulary and of the training text that have a pretrained vector."""

    source: str
    dimension: Count
    """0 if no model reads the vectors, but the list of words alone."""
    frozen: bool
    type_coverage: Share | None
    """Share of the vocabulary, without fallback tokens and white space, that was found."""
    token_coverage: Share | None
    """Share of the running words and punctuation of the training text that was found. An OOV word, a run of
    fallback tokens without white space, counts as one that is missing."""
    most_frequent_missing: tuple[str, ...]
    found_by: dict[str, int]
    """Form under which a token was looked up (see `lookup_forms`): number of tokens found by it."""
    seconds: Amount
    """The time to load or train the vectors and to match them."""
    neighbors: tuple[Neighbors, ...] = ()
    """The nearest words of some words, before and after training."""


NUM_MISSING = 10
"""The number of missing tokens that an audit shows, the most frequent ones."""


def match_vectors(
    embedding: Embedding,
    source: str,
    train_text: str,
    tokens: Sequence[str],
    train_ids: NDArray[np.integer[Any]],
    *,
    is_fallback: NDArray[np.bool_] | None = None,
    list_suffices: bool = False,
) -> tuple[PretrainedVectors, EmbeddingAudit]:
    """Return the vector of each token that has one, and the audit.

    A token is looked up by its surface, then without the space around it, then in lower case. Tokens
    marked in `is_fallback` [vocab_size] spell OOV words and never get a word's vector. The table keeps its
    geometry; it is scaled as a whole so that the root mean square of the entries found is 1, and a model
    scales it further to the range of its own initial values.

    Raises `TextgenError` if no token is found, if word vectors match single characters only, and if the
    vectors are not finite. If `list_suffices`, for a model that reads the list of words alone, some of which
    must occur in the text, the vectors of such an embedding are left out: their dimension is 0.
    """
    began = time.perf_counter()
    vectors = embedding.vectors(train_text, tokens)
    rows = _rows(embedding, vectors)
    spells = np.zeros(len(tokens), bool) if is_fallback is None else np.asarray(is_fallback, bool)
    table, has_vector = np.zeros((len(spells), vectors.table.shape[1]), np.float32), np.zeros_like(spells)
    found_by = {"surface": 0, "without_space": 0, "lower_case": 0}
    for index in np.flatnonzero(~spells).tolist():
        for way, form in lookup_forms(tokens[index]):
            if form in rows:
                table[index], has_vector[index] = vectors.table[rows[form]], True
                found_by[way] += 1
                break
    problem = _problem(vectors.words, [tokens[index] for index in np.flatnonzero(has_vector).tolist()])
    if problem and list_suffices:  # unless it is of another language
        forms = {form for piece in set(split_words(train_text)) for _, form in lookup_forms(piece)}
        list_suffices = not forms.isdisjoint(vectors.words)
    if problem and not list_suffices:
        raise TextgenError(f"vectors of {source} {problem}")
    if problem:
        table, has_vector = table[:, :0], np.zeros_like(has_vector)
    else:
        spread = np.sqrt(np.mean(np.square(table[has_vector], dtype=np.float64)))
        if not 0 < spread < np.inf:
            raise TextgenError(f"vectors of {source} are all zero or not finite; choose another source")
        table /= np.float32(spread)
    coverage = (None, None, ()) if problem else _coverage(tokens, train_ids, has_vector, spells)
    type_coverage, token_coverage, missing = coverage
    audit = EmbeddingAudit(
        source=source,
        dimension=table.shape[1],
        frozen=embedding.frozen,
        type_coverage=type_coverage,
        token_coverage=token_coverage,
        most_frequent_missing=missing,
        found_by=found_by,
        seconds=time.perf_counter() - began,
    )
    found = torch.from_numpy(has_vector)
    return PretrainedVectors(torch.from_numpy(table), found, embedding.frozen, vectors.words), audit


def _rows(embedding: Embedding, vectors: WordVectors) -> dict[str, int]:
    """Return the row of each word; raises `PluginError` for anything but distinct words and their vectors."""
    if not isinstance(vectors, WordVectors):
        raise contract_error(embedding, f"returned {type(vectors).__name__} instead of WordVectors")
    shape, num_words = list(getattr(vectors.table, "shape", ())), len(vectors.words)
    if len(shape) != 2 or shape[0] != num_words or not shape[1]:
        raise contract_error(embedding, f"returned a table of shape {shape} for {num_words} words")
    rows = {word: row for row, word in enumerate(vectors.words)}
    if len(rows) < num_words:
        raise contract_error(embedding, "returned several vectors for one word; give each word once")
    return rows


def lookup_forms(token: str) -> list[tuple[str, str]]:
    """Return the forms under which a token is looked up, the best first, each with the way it was made."""
    word = token.strip()
    lower = word.lower()
    forms = [("surface", token)]
    if word:
        forms += [
            ("without_space", word),
            ("lower_case", lower),
            ("lower_case", lower.replace("\u2019", "'")),
        ]
    return forms


def _problem(keys: Sequence[str], matched: Sequence[str]) -> str | None:
    """Return why vectors of the words `keys` are of no use, given the tokens that match, or None."""
    # Vectors of the words "a" and "I" say nothing about letters; vectors made for characters are welcome.
    if matched and (any(len(token.strip()) > 1 for token in matched) or all(len(key) == 1 for key in keys)):
        return None
    which = "match single characters only" if matched else "match no token"
    other = "" if matched else ", or vectors in the language of the text"
    return f"{which} of this vocabulary; use the word tokenizer, as in word-lstm-glove{other}"


def _coverage(
    tokens: Sequence[str],
    train_ids: NDArray[np.integer[Any]],
    has_vector: NDArray[np.bool_],
    spells: NDArray[np.bool_],
) -> tuple[float | None, float | None, tuple[str, ...]]:
    """Return the coverage of types and of tokens, and the most frequent missing tokens."""
    visible = np.array([bool(token.strip()) for token in tokens], bool)
    counts = count_tokens(train_ids, len(tokens))
    num_oov = _num_runs(visible & spells, train_ids)
    words = visible & ~spells
    missing = np.flatnonzero(words & ~has_vector & (counts > 0))
    missing = missing[np.argsort(-counts[missing], kind="stable")][:NUM_MISSING]
    return (
        _share(int(has_vector[words].sum()), int(words.sum())),
        _share(int(counts[words & has_vector].sum()), int(counts[words].sum()) + num_oov),
        tuple(tokens[index] for index in missing.tolist()),
    )


def _num_runs(of: NDArray[np.bool_], ids: NDArray[np.integer[Any]]) -> int:
    """Return how many runs of ids that are marked in `of` [vocab_size] there are."""
    number, before = 0, False
    for start in range(0, len(ids), COUNTED_AT_ONCE):
        marked = np.append(before, of[ids[start : start + COUNTED_AT_ONCE]])
        number += int((marked[1:] & ~marked[:-1]).sum())
        before = bool(marked[-1])
    return number


def _share(part: int, whole: int) -> float | None:
    return int(part) / int(whole) if whole else None


MAX_EMBEDDING_CHARS = 100_000_000
"""Characters of the training text, from its beginning, that word vectors are trained on."""

TRAINED_PER_SECOND, COUNTED_PER_SECOND, GPU_FACTOR, MAX_COUNTED = 500_000, 200_000, 8, 50_000_000
"""Maximum characters of training text to prepare per second of budget, for entries that are trained and for
those with a model that counts; the factor on a GPU; and the maximum to count, since counts are in memory."""

MAX_VALIDATION_CHARS = 200_000
"""Characters of validation, from the beginning of each stretch, that are scored at a time during training."""


@dataclass(frozen=True)
class Encoded:
    """What is trained and validated on, as ids of one tokenizer."""

    train: TokenIds
    quick_validation: tuple[TokenIds, ...]
    """The first `MAX_VALIDATION_CHARS` characters of validation, one array per stretch."""
    seconds: float
    """To fit the tokenizer and to tokenize what is trained on."""
    is_lossless: bool
    """True if the ids spell the text."""

    def read_by(self, model: LanguageModel) -> Encoded:
        """Return the tokens that a model is trained on and scored with in training."""
        return replace(
            self,
            train=model.tokens_read(self.train),
            quick_validation=tuple(map(model.tokens_read, self.quick_validation)),
        )


def readable(split: Split, entry: Entry, budget: Budget, device: torch.device) -> Split:
    """Return a split with as much of each training stretch, from its beginning, as an entry has use for."""
    counts, most = len(entry.trained) < len(entry.models), len(split.train)
    if budget.unit == "seconds":
        pace = TRAINED_PER_SECOND * (1 if device.type == "cpu" else GPU_FACTOR)
        most = int(budget.amount * (COUNTED_PER_SECOND if counts else pace))
    most = max(min(most, MAX_COUNTED) if counts else most, MIN_CHARS["train"])
    return split if len(split.train) <= most else replace(split, train=split.train.first(most))


def encode_training(entry: Entry, tokenizer: BoundTokenizer, corpus: Corpus) -> Encoded:
    """Fit the tokenizer to the training text, and tokenize what is trained and validated on."""
    name = entry.parts["tokenizer"]
    identity = (name, find("tokenizer", name).identity(), entry.options.get("tokenizer", {}))
    train = fit_and_encode(tokenizer, identity, corpus.split.train.text)
    validation, is_lossless = _encode(tokenizer, corpus.split.validation.first(MAX_VALIDATION_CHARS))
    return Encoded(train.ids, validation, train.seconds, train.is_preserved and is_lossless)


def _encode(tokenizer: BoundTokenizer, part: Part) -> tuple[tuple[TokenIds, ...], bool]:
    """Return the ids of each stretch of a part, and whether they spell the text."""
    texts = part.stretches()
    encoded = tuple(map(tokenizer.encode, texts))
    return encoded, all(map(tokenizer.preserves, texts, encoded))


def embed(
    entry: Entry, tokenizer: BoundTokenizer, train_text: Text, train_ids: TokenIds
) -> tuple[PretrainedVectors | None, EmbeddingAudit | None]:
    """Return the vectors of the entry's embedding and their audit, or None twice without one."""
    embedding = entry.build_embedding()
    if embedding is None:
        return None, None
    beginning, suffices = train_text[:MAX_EMBEDDING_CHARS], entry.accepts_word_list
    what = (embedding, entry.parts["embedding"], beginning, tokenizer.tokens, train_ids)
    return match_vectors(*what, is_fallback=tokenizer.is_fallback, list_suffices=suffices)
