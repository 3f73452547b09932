"""Reference scores without a model: the uniform distribution and compressors."""

from __future__ import annotations

import bz2
import lzma
import math
from collections.abc import Callable
from dataclasses import dataclass

from textgen.data.text import Text, alphabet
from textgen.data.unicode import utf8

MAX_COMPRESSED_CHARS = 16_000_000


@dataclass(frozen=True)
class Reference:
    """The score of something that is not an entry."""

    name: str
    bits_per_char: float


def reference_scores(train_text: Text, text: str) -> list[Reference]:
    """Return bits per character without any model: uniform, and compressors given the training text.

    They get the last `MAX_COMPRESSED_CHARS` of it: bz2 looks back 0.9 MB and xz at most 64 MB.
    """
    train, test = utf8(train_text[-MAX_COMPRESSED_CHARS:]), utf8(text)
    compressors: dict[str, Callable[[bytes], bytes]] = {
        "bz2": lambda data: bz2.compress(data, 9),
        "xz": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
    }
    scores = {"uniform": math.log2(len(alphabet(train_text)))}
    for name, compress in compressors.items():
        extra_bytes = len(compress(train + test)) - len(compress(train))
        scores[f"{name} given train"] = 8 * extra_bytes / len(text)
    return [Reference(name, bits) for name, bits in scores.items()]
