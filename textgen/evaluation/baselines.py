"""Reference scores without a model: compressors that are given the training text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from textgen.data.decoding import utf8
from textgen.data.text import Text
from textgen.evaluation.compressors import METHODS, compressed_sizes

MAX_COMPRESSED_CHARS = 16_000_000
"""Characters of the training text that compressors get at most, its last ones."""

DESCRIPTIONS = {
    "PPMd given train": "compressor of order 8 that has read the training text; it learns within a stretch, "
    "then forgets that",
    "PPMd, reading on": "the same, but it also learns the held-out text as it reads, which no entry does",
    "xz given train": "compressor that has read the training text; it finds repeated passages",
}
"""What each reference is, in a few words."""

READING_ON = "PPMd, reading on"
"""The reference that learns the held-out text while it is scored."""


@dataclass(frozen=True)
class Reference:
    """The score of something that is not an entry."""

    name: str
    description: str
    """What it is, in a few words."""
    bits_per_char: float
    stretch_bits: tuple[float, ...]
    """Bits of each stretch of the held-out text."""
    reads_on: bool = False
    """Whether it learns the held-out text while it is scored, which no entry does."""


def reference_scores(train_text: Text, stretches: Sequence[str]) -> list[Reference]:
    """Return the scores of the held-out stretches without any model.

    A compressor's bits are those that a stretch adds to the compressed training text. A compressor that is
    not installed, or that fails, is left out (see `compressed_sizes`).
    """
    bits: dict[str, list[float]] = {}
    train = utf8(train_text[-MAX_COMPRESSED_CHARS:])
    encoded = [utf8(stretch) for stretch in stretches]
    for method in METHODS:
        if sizes := compressed_sizes(method, train, encoded):
            bits[method] = [8.0 * size for size in sizes]
    num_chars = sum(map(len, stretches))
    return [
        Reference(name, DESCRIPTIONS[name], math.fsum(own) / num_chars, tuple(own), name == READING_ON)
        for name, own in bits.items()
    ]
