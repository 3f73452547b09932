"""Texts that are scored as a whole, to check what a small test part says about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from textgen.data.bound_tokenizer import START
from textgen.data.cleaning import clean_text, load_text
from textgen.data.corpus import load_corpus
from textgen.data.text import cut_position
from textgen.defaults import CLEANER
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import SavedRun
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen_corpora.gensim_texts import articles

TRAIN_PERCENT, VALIDATION_PERCENT = 30, 2
BATCH_SIZE = 24
BLOCK_CHARS = 500
"""Characters of the blocks that intervals were once made of."""

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Stretches:
    """Consecutive stretches of a text, and the bits that each of several entries needs for them."""

    bits: Array
    """[entries, stretches, blocks], each stretch scored from an initial state."""
    chars: Array
    """[stretches, blocks]"""


@dataclass(frozen=True, eq=False)
class Population:
    """The part of a text that is neither trained nor validated on, and runs trained on its beginning."""

    name: str
    text: str
    documents: tuple[str, ...]
    """Its whole documents in order, if the corpus says what they are."""
    runs: Sequence[SavedRun]
    device_config: DeviceConfig

    @classmethod
    def of(cls, source: str, entries: Sequence[str], budget: str, device_config: DeviceConfig) -> Population:
        """Return the rest of a text after the first 30 % for training and 2 % for validation."""
        text = load_text([source], CLEANER).text
        known = TRAIN_PERCENT + VALIDATION_PERCENT
        held_out = 100 * VALIDATION_PERCENT // known
        split = f"contiguous:{100 - held_out}/{held_out}"
        corpus = load_corpus([source], split=split, max_chars=len(text) * known // 100)
        rest = text[len(corpus.text) :]
        runs = [
            Experiment(parse_entry(entry), corpus, parse_budget(budget), device_config, seed=0).run()
            for entry in entries
        ]
        documents = tuple(_documents(rest)) if source == "wiki" else ()
        return cls(corpus.name, rest, documents, runs, device_config)

    def tiles(self, num_tiles: int) -> Stretches:
        """Return the text in stretches of about the same size, cut between paragraphs, lines or words."""
        size = len(self.text) // num_tiles
        room = size // 10
        cuts = [cut_position(self.text, index * size, room, room) for index in range(1, num_tiles)]
        ends = [*cuts, len(self.text)]
        texts = [self.text[begin:end] for begin, end in zip([0, *cuts], ends, strict=True)]
        return self.stretches(texts, max(1, round(size / BLOCK_CHARS)))

    def stretches(self, texts: Sequence[str], num_blocks: int) -> Stretches:
        """Score stretches, each in blocks of about the same number of characters."""
        bits = [self._bits(run, texts, num_blocks) for run in self.runs]
        chars = [np.bincount(_blocks_of(np.arange(len(text)), text, num_blocks)) for text in texts]
        return Stretches(np.stack(bits), np.stack(chars).astype(float))

    def _bits(self, run: SavedRun, texts: Sequence[str], num_blocks: int) -> Array:
        """Return the bits of each block, [stretches, blocks]."""
        bits = np.zeros((len(texts), num_blocks))
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        start_ids = run.tokenizer.encode(START)
        for begin in range(0, len(order), BATCH_SIZE):
            rows = order[begin : begin + BATCH_SIZE]
            batch = [texts[row] for row in rows]
            ids = list(map(run.tokenizer.encode, batch))
            scored = score_stretches(run.model, batch, ids, start_ids, device=self.device_config.device)
            for row, each in zip(rows, scored, strict=True):
                starts = token_starts(each.ids, run.tokenizer.table)
                bits[row] = np.bincount(_blocks_of(starts, each.text, num_blocks), each.bits, num_blocks)
        return bits


def _blocks_of(places: NDArray[np.int64], text: str, num_blocks: int) -> NDArray[np.int64]:
    """Return the block of a stretch that each character is in."""
    return np.asarray(places * num_blocks // len(text), np.int64)


def _documents(text: str) -> Iterator[str]:
    """Yield the articles of `wiki` that are in the text as a whole."""
    end = 0
    for title, article in articles().items():
        cleaned = clean_text(article, title, CLEANER).strip()
        begin = text.find(cleaned, end)
        if begin >= 0:
            end = begin + len(cleaned)
            yield cleaned
