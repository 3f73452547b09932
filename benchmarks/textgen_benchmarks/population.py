"""Texts that are scored as a whole, so that what a small test part says about them can be checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.data.bound_tokenizer import START
from textgen.data.corpus import Corpus, clean_text, load_corpus, load_text
from textgen.data.split import cut_position
from textgen.data.text import sha256
from textgen.defaults import CLEANER
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import Run
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.files import slug
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


@dataclass(frozen=True, eq=False)
class Population:
    """The part of a text that is neither trained nor validated on, and entries trained on its beginning."""

    text: str
    documents: tuple[str, ...]
    """Its whole documents in order, if the corpus says what they are."""
    beginning: Corpus
    """What entries are trained on."""
    entries: Sequence[str]
    budget: str
    device_config: DeviceConfig
    folder: Path | None
    """Where the bits of stretches are kept."""
    trained: dict[str, Run] = field(default_factory=dict)
    """By entry, those that were needed."""

    @property
    def name(self) -> str:
        """The name of the text."""
        return self.beginning.name

    @classmethod
    def of(
        cls,
        source: str,
        entries: Sequence[str],
        budget: str,
        device_config: DeviceConfig,
        folder: Path | None,
    ) -> Population:
        """Return the rest of a text after the first 30 % for training and 2 % for validation."""
        _, text = load_text([source], CLEANER)
        known = TRAIN_PERCENT + VALIDATION_PERCENT
        held_out = 100 * VALIDATION_PERCENT // known
        split = f"contiguous:{100 - held_out}/{held_out}"
        corpus = load_corpus([source], split=split, max_chars=len(text) * known // 100)
        rest = text[len(corpus.text) :]
        documents = tuple(_documents(rest)) if source == "wiki" else ()
        return cls(rest, documents, corpus, entries, budget, device_config, folder)

    def info(self) -> dict[str, Any]:
        """Return what a result says about the text and the entries."""
        return {
            "name": self.name,
            "population": {"num_chars": len(self.text), "sha256": sha256(self.text)},
            "num_documents": len(self.documents),
            "entries": self.entries,
        }

    def tiles(self, num_tiles: int) -> Stretches:
        """Return the text in stretches of about the same size, cut between paragraphs, lines or words."""
        size = len(self.text) // num_tiles
        room = size // 10
        cuts = [cut_position(self.text, index * size, room, room) for index in range(1, num_tiles)]
        ends = [*cuts, len(self.text)]
        texts = [self.text[begin:end] for begin, end in zip([0, *cuts], ends, strict=True)]
        return self._stretches(texts, max(1, round(size / BLOCK_CHARS)))

    def whole_documents(self) -> Stretches:
        """Return the documents, each as one stretch."""
        return self._stretches(self.documents, num_blocks=1)

    def _stretches(self, texts: Sequence[str], num_blocks: int) -> Stretches:
        bits = [self._kept_bits(entry, texts, num_blocks) for entry in self.entries]
        chars = [np.bincount(blocks_of(np.arange(len(text)), text, num_blocks)) for text in texts]
        return Stretches(np.stack(bits), np.stack(chars).astype(float))

    def _kept_bits(self, entry: str, texts: Sequence[str], num_blocks: int) -> Array:
        """Return the bits of each block, [stretches, blocks], from `folder` if it has them."""
        lengths = ",".join(map(str, map(len, texts)))
        key = f"{sha256(self.text)} {entry} {lengths} {num_blocks}"
        name = f"{slug(entry)}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npy"
        path = self.folder / slug(self.budget) / name if self.folder else None
        if path and path.exists():
            return np.asarray(np.load(path), float)
        found = self._bits(self._run(entry), texts, num_blocks)
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, found)
        return found

    def _bits(self, run: Run, texts: Sequence[str], num_blocks: int) -> Array:
        found = np.zeros((len(texts), num_blocks))
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        start_ids = run.tokenizer.encode(START)
        for begin in range(0, len(order), BATCH_SIZE):
            rows = order[begin : begin + BATCH_SIZE]
            batch = [texts[row] for row in rows]
            ids = list(map(run.tokenizer.encode, batch))
            scored = score_stretches(run.model, batch, ids, start_ids, device=self.device_config.device)
            for row, each in zip(rows, scored, strict=True):
                starts = token_starts(each.ids, run.tokenizer.table)
                found[row] = np.bincount(blocks_of(starts, each.text, num_blocks), each.bits, num_blocks)
        return found

    def _run(self, entry: str) -> Run:
        if entry not in self.trained:
            experiment = Experiment(
                parse_entry(entry), self.beginning, parse_budget(self.budget), self.device_config, seed=0
            )
            self.trained[entry] = experiment.run()
        return self.trained[entry]


def blocks_of(places: NDArray[np.int64], text: str, num_blocks: int) -> NDArray[np.int64]:
    """Return the block of a stretch that each character is in."""
    return np.asarray(places * num_blocks // len(text), np.int64)


def _documents(text: str) -> Iterator[str]:
    """Yield the articles of `wiki` that are in the text as a whole."""
    end = 0
    for title, article in articles():
        cleaned = clean_text(article, title, CLEANER).strip()
        begin = text.find(cleaned, end)
        if begin >= 0:
            end = begin + len(cleaned)
            yield cleaned
