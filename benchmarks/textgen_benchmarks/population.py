"""Texts that are scored as a whole, so that what a small test part says about them can be checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.data.bound_tokenizer import START
from textgen.data.corpus import clean_text, load_corpus, load_text
from textgen.data.split import cut_position
from textgen.data.text import sha256
from textgen.defaults import CLEANER
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.trained import Trained
from textgen.runtime.device import DeviceConfig
from textgen.runtime.files import slug
from textgen.training.budget import parse_budget
from textgen_corpora.wiki import articles

TRAIN_PERCENT, VALIDATION_PERCENT = 30, 2
BATCH_SIZE = 24
BLOCK_CHARS = 500
"""Characters of the blocks that intervals were once made of."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stretches:
    """Consecutive stretches of a text, and the bits that each of several entries needs for them."""

    bits: Array
    """[entries, stretches, blocks], each stretch scored from an initial state."""
    chars: Array
    """[stretches, blocks]"""


@dataclass(frozen=True)
class Population:
    """The part of a text that is neither trained nor validated on, and models trained before it."""

    name: str
    text: str
    documents: tuple[str, ...]
    """Its whole documents in order, if the corpus says what they are."""
    trained: tuple[Trained, ...]
    device: torch.device
    folder: Path | None
    """Where the bits of stretches are kept."""

    def info(self) -> dict[str, Any]:
        """Return what a result says about the text and the entries."""
        return {
            "name": self.name,
            "population": {"num_chars": len(self.text), "sha256": sha256(self.text)},
            "num_documents": len(self.documents),
            "entries": [each.entry.name for each in self.trained],
        }

    def tiles(self, num_tiles: int) -> Stretches:
        """Return the text in stretches of about the same size, cut between paragraphs, lines or words."""
        size = len(self.text) // num_tiles
        room = size // 10
        cuts = [cut_position(self.text, index * size, room, room) for index in range(1, num_tiles)]
        ends = [*cuts, len(self.text)]
        return self._stretches([self.text[begin:end] for begin, end in zip([0, *cuts], ends, strict=True)])

    def whole_documents(self) -> Stretches:
        """Return the documents, each as one stretch."""
        return self._stretches(self.documents, num_blocks=1)

    def _stretches(self, texts: Sequence[str], num_blocks: int | None = None) -> Stretches:
        if num_blocks is None:
            num_blocks = max(1, round(sum(map(len, texts)) / len(texts) / BLOCK_CHARS))
        bits = [self._bits(each, texts, num_blocks) for each in self.trained]
        chars = [np.bincount(blocks_of(np.arange(len(text)), text, num_blocks)) for text in texts]
        return Stretches(np.stack(bits), np.stack(chars).astype(float))

    def _bits(self, trained: Trained, texts: Sequence[str], num_blocks: int) -> Array:
        """Return the bits of each block of each stretch, [stretches, blocks]."""
        lengths = ",".join(map(str, map(len, texts)))
        key = f"{sha256(self.text)} {trained.entry.name} {lengths} {num_blocks}"
        name = f"{slug(trained.entry.name)}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npy"
        if self.folder and (self.folder / name).exists():
            return np.asarray(np.load(self.folder / name), float)
        found = np.zeros((len(texts), num_blocks))
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        for begin in range(0, len(order), BATCH_SIZE):
            rows = order[begin : begin + BATCH_SIZE]
            batch = [texts[row] for row in rows]
            ids = list(map(trained.tokenizer.encode, batch))
            start_ids = trained.tokenizer.encode(START)
            scored = score_stretches(trained.model, batch, ids, start_ids, device=self.device)
            for row, each in zip(rows, scored, strict=True):
                starts = token_starts(each.ids, trained.tokenizer.table)
                found[row] = np.bincount(blocks_of(starts, each.text, num_blocks), each.bits, num_blocks)
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            np.save(self.folder / name, found)
        return found


def blocks_of(places: NDArray[np.int64], text: str, num_blocks: int) -> NDArray[np.int64]:
    """Return the block of a stretch that each character is in."""
    return np.asarray(places * num_blocks // len(text), np.int64)


def train_on_the_beginning(
    source: str, entries: Sequence[str], budget: str, device_config: DeviceConfig, folder: Path | None
) -> Population:
    """Return the rest of a text, after entries were trained on its first 30 %."""
    name, text = load_text([source], CLEANER)
    known = TRAIN_PERCENT + VALIDATION_PERCENT
    split = f"contiguous:{100 - 100 * VALIDATION_PERCENT // known}/{100 * VALIDATION_PERCENT // known}"
    corpus = load_corpus([source], split=split, max_chars=len(text) * known // 100)
    trained = tuple(
        Experiment(parse_entry(entry), corpus, parse_budget(budget), device_config, 0).run(lambda _: None)
        for entry in entries
    )
    rest = text[len(corpus.text) :]
    documents = tuple(_documents(rest)) if source == "wiki" else ()
    return Population(name, rest, documents, trained, device_config.device, folder)


def _documents(text: str) -> Iterator[str]:
    """Yield the articles of `wiki` that are in the text as a whole."""
    end = 0
    for title, article in articles():
        cleaned = clean_text(article, title, CLEANER).strip()
        begin = text.find(cleaned, end)
        if begin >= 0:
            end = begin + len(cleaned)
            yield cleaned
