"""Where the bits of words go: `python -m textgen_benchmarks.spelling runs/NAME…`, folders of comparisons.

The runs score their test text again. Bits are split by the vocabulary of the tokenizer `word`, whatever the
tokens of an entry are, so that entries over characters and over words can be compared kind by kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import textgen
from textgen.cli.console import print_rows
from textgen.contracts import TextgenError
from textgen.data.bound_tokenizer import START
from textgen.data.words import split_words
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.saved_run import read_manifest
from textgen.runtime.environment import Machine
from textgen_benchmarks.saving import json_option, save
from textgen_tokenizers.word import WordTokenizer

KINDS = KNOWN, FIRST, REST, OTHER = ("known words", "first letters", "further letters", "other")
"""Words in the vocabulary; the space and first letter of other words, and what follows; what is no word."""
BASE = "char-lstm"
ENTRIES = (BASE, "char-lstm+ngram", "word-lstm:speller=model", "word-lstm", "word-lstm-glove")

Bits = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SpellingRow:
    """The bits of an entry on a text, means over seeds."""

    text: str
    entry: str
    num_seeds: int
    bits: dict[str, float]
    """Bits per character of the whole text by kind; they sum to the score."""
    words_cheaper: float
    """Share of the words that cost fewer bits than they cost `BASE` with the same seed."""


@dataclass(frozen=True, kw_only=True)
class SpellingResults:
    """The contents of spelling.json."""

    schema_version: int
    versions: dict[str, str]
    machine: Machine
    rows: tuple[SpellingRow, ...]


def main() -> None:
    """Print and save the rows of all comparisons."""
    parser = json_option(__doc__, "spelling")
    parser.add_argument("folders", nargs="+", type=Path)
    options = parser.parse_args()
    rows = [row for folder in options.folders for row in rows_of(folder)]
    print_rows([{**vars(row), **row.bits, "bits": sum(row.bits.values())} for row in rows])
    save(options.json, rows=rows)


def rows_of(folder: Path) -> list[SpellingRow]:
    """Return the rows of the entries that a folder has runs of."""
    paths = sorted((folder / "runs").iterdir())
    runs = [textgen.load(path) for path in paths if read_manifest(path).entry.name in ENTRIES]
    corpus = runs[0].corpus()
    tokenizer = WordTokenizer()
    tokenizer.fit(corpus.split.train.text[:])
    known = set(np.array(tokenizer.tokens)[~tokenizer.fallback])
    stretches = corpus.split.scored("test").stretches()
    kinds, words = kinds_and_words(stretches, known)
    found = {(run.entry, run.settings.seed): bits_of_characters(run, stretches) for run in runs}
    base = {seed: np.bincount(words, bits) for (entry, seed), bits in found.items() if entry == BASE}
    if not base:
        raise TextgenError(f"{folder} has no run of {BASE}")
    rows = []
    for entry in ENTRIES:
        own = {seed: bits for (name, seed), bits in found.items() if name == entry}
        of_kinds = np.mean([np.bincount(kinds, bits, len(KINDS)) for bits in own.values()], 0) / len(kinds)
        cheaper = [np.bincount(words, bits)[:-1] < base[seed][:-1] for seed, bits in own.items()]
        rows.append(
            SpellingRow(
                text=corpus.name,
                entry=entry,
                num_seeds=len(own),
                bits=dict(zip(KINDS, of_kinds.tolist(), strict=True)),
                words_cheaper=float(np.mean(cheaper)),
            )
        )
    return rows


def kinds_and_words(stretches: Sequence[str], known: set[str]) -> tuple[Indices, Indices]:
    """Return the kind of each character, an index of `KINDS`, and the number of its word (last: no word)."""
    kinds, words, number = list[int](), list[int](), 0
    for piece in chain.from_iterable(map(split_words, stretches)):
        is_word = re.search(r"\w", piece) is not None
        first = 1 + piece.startswith(" ")
        if not is_word or piece in known:
            kinds += [KINDS.index(KNOWN if is_word else OTHER)] * len(piece)
        else:
            kinds += [KINDS.index(FIRST)] * first + [KINDS.index(REST)] * (len(piece) - first)
        words += [number if is_word else -1] * len(piece)
        number += is_word
    numbers = np.array(words)
    return np.array(kinds), np.where(numbers < 0, number, numbers)


def bits_of_characters(run: textgen.Run, stretches: Sequence[str]) -> Bits:
    """Return the bits of the tokens that begin at each character of the joined stretches."""
    trained = run.saved
    ids, start = [*map(trained.encode, stretches)], trained.tokenizer.encode(START)
    scored = score_stretches(trained.model, stretches, ids, start, device=run.config.device)
    begins = (token_starts(each.ids, trained.tokenizer.table) for each in scored)
    return np.concatenate(
        [
            np.bincount(begin, each.bits, len(text))
            for begin, each, text in zip(begins, scored, stretches, strict=True)
        ]
    )


if __name__ == "__main__":
    main()
