"""Reference scores without a model: compressors that are given the training text.

Compressors cannot be copied, so a process that has compressed the training text forks once per stretch of the
held-out text. The threads of torch would not survive that, so it must not have computed with torch.
"""

from __future__ import annotations

import lzma
import os
from collections.abc import Callable, Sequence
from typing import TypeAlias

from textgen.data.decoding import utf8

PPMD, READING_ON, XZ = "PPMd given train", "PPMd, reading on", "xz given train"
"""Names of the references; the second learns the held-out text while it is scored."""

DESCRIPTIONS = {
    PPMD: "file compressor that has read the training text and predicts each byte from the last 8; "
    "it learns within a stretch, then forgets that",
    READING_ON: "the same, but it also learns the held-out text as it reads",
    XZ: "file compressor that has read the training text; it finds repeated passages",
}
"""A few words about each reference."""

MAX_COMPRESSED_CHARS = 16_000_000
"""Maximum number of characters of training text for compressors, the last ones."""

ORDER = 8
"""Length in bytes of PPMd's longest context."""

MAX_PPMD_BYTES = 20_000_000
"""Maximum number of bytes of training text for PPMd, the last ones."""

MEMORY_PER_BYTE, MIN_MEMORY = 24, 16 << 20
"""Bytes of memory for PPMd: for each byte of training text, and in addition.

If it used up its memory, it would forget everything and begin again. Measured need: 11 to 13 bytes for each
byte of English, at most 17 for random ones.
"""

MAX_WINDOW = 32 << 20
"""Maximum number of bytes that xz looks back; it needs eleven times as much memory."""

CompressedSize: TypeAlias = Callable[[bytes], int]
"""A function that compresses more text and returns how many bytes it wrote."""


def compressed_bits(
    compressor: str, train_text: str, stretches: Sequence[str]
) -> dict[str, tuple[float, ...]]:
    """Return the bits that each held-out stretch adds to the compressed training text.

    `compressor` is one of `COMPRESSORS`; the bits are by the names of its references.
    """
    sizes = COMPRESSORS[compressor](utf8(train_text), [utf8(stretch) for stretch in stretches])
    return {name: tuple(8.0 * size for size in each) for name, each in sizes.items()}


def ppmd_sizes(train: bytes, stretches: Sequence[bytes]) -> dict[str, list[int]]:
    """Return the bytes of each stretch by PPMd that has read the training text, alone or all before it."""
    size_of = _ppmd(train)
    alone = [_forked(size_of, stretch) for stretch in stretches]
    return {PPMD: alone, READING_ON: [size_of(stretch) for stretch in stretches]}


def xz_sizes(train: bytes, stretches: Sequence[bytes]) -> dict[str, list[int]]:
    """Return the bytes of each stretch by xz that has read the training text alone."""
    size_of = _xz(train)
    nothing, *sizes = [_forked(size_of, text) for text in (b"", *stretches)]
    return {XZ: [size - nothing for size in sizes]}


COMPRESSORS: dict[str, Callable[[bytes, Sequence[bytes]], dict[str, list[int]]]] = {
    "PPMd": ppmd_sizes,
    "xz": xz_sizes,
}
"""Functions that measure sizes, by the compressor."""
MODULES = {"PPMd": "pyppmd", "xz": "lzma"}
"""The module that each of them needs."""


def _ppmd(train: bytes) -> CompressedSize:
    """Return PPMd (Shkarin 2002; variant H, as in 7-Zip) after the training text.

    It predicts each byte from the longest known context of at most `ORDER` bytes and escapes to shorter ones.
    """
    from pyppmd import Ppmd7Encoder

    train = train[-MAX_PPMD_BYTES:]
    encoder = Ppmd7Encoder(ORDER, MIN_MEMORY + MEMORY_PER_BYTE * len(train))
    encoder.encode(train)
    # What the encoder has not written yet is as long before a text as after it, give or take a byte.
    return lambda text: len(encoder.encode(text))


def _xz(train: bytes) -> CompressedSize:
    """Return xz (LZMA2) after the training text; it writes the end of that, too, and can be used once."""
    window = min(MAX_WINDOW, max(1 << 20, 2 * len(train)))
    level = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": window}
    compressor = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=[level])
    compressor.compress(train[:-1])  # which fits into the window, and is only stored there
    compressor.compress(train[-1:])  # so that it is compressed before the forks
    return lambda text: len(compressor.compress(text) + compressor.flush())


def _forked(size_of: CompressedSize, text: bytes) -> int:
    """Return `size_of(text)`, computed by a fork of this process, so that nothing changes in this one."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, str(size_of(text)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:
        size = answer.read()
    os.waitpid(child, 0)
    if not size:
        raise ChildProcessError("a copy of the process failed")
    return int(size)
