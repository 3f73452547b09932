"""Reference scores without a model: compressors that are given the training text.

Compressors cannot be copied, so a separate process compresses the training text and forks once per stretch of
the held-out text. torch's threads would not survive a fork: `python -m textgen.evaluation.baselines` imports
little besides this module.
"""

from __future__ import annotations

import json
import lzma
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TypeAlias

from textgen.contracts import TextgenWarning
from textgen.data.decoding import utf8
from textgen.data.text import Text
from textgen.runtime.storage.json_records import from_values

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

TIMEOUT_SECONDS = 120

CompressedSize: TypeAlias = Callable[[bytes], int]
"""A function that compresses more text and returns how many bytes it wrote."""


def reference_scores(train_text: Text, stretches: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Return the bits of each held-out stretch without any model, by the name of the reference.

    A compressor's bits are those that a stretch adds to the compressed training text. A compressor that is
    not installed, or that fails, is left out (see `compressed_sizes`).
    """
    train = utf8(train_text[-MAX_COMPRESSED_CHARS:])
    encoded = [utf8(stretch) for stretch in stretches]
    sizes = {method: compressed_sizes(method, train, encoded) for method in METHODS}
    return {method: tuple(8.0 * size for size in each) for method, each in sizes.items() if each}


def compressed_sizes(method: str, train: bytes, stretches: Sequence[bytes]) -> list[int]:
    """Return the bytes that each stretch adds to the compressed training text, by a method of `METHODS`.

    The list is empty if the method needs a package that is not installed and, with a `TextgenWarning`, if
    the process fails.
    """
    if method in (PPMD, READING_ON) and find_spec("pyppmd") is None:
        return []
    texts = [train, *stretches]
    sent = b"".join([json.dumps([len(text) for text in texts]).encode(), b"\n", *texts])
    command = [sys.executable, "-P", "-m", "textgen.evaluation.baselines", method]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            command, input=sent, env=environment, capture_output=True, check=False, timeout=TIMEOUT_SECONDS
        )
        if done.returncode:
            reason = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise ValueError(reason or f"exit code {done.returncode}")
        return from_values(list[int], json.loads(done.stdout))
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        warnings.warn(f"{method!r} is not among the references: {error}", TextgenWarning, stacklevel=2)
        return []


def main() -> None:
    """Read a line of JSON with the lengths of the texts that follow it, and print the sizes as JSON."""
    lengths = json.loads(sys.stdin.buffer.readline())
    train, *stretches = [sys.stdin.buffer.read(length) for length in lengths]
    print(json.dumps(METHODS[sys.argv[1]](train, stretches)))


def ppmd_given_train(train: bytes, stretches: Sequence[bytes]) -> list[int]:
    """Return the bytes of each stretch by PPMd that has read the training text alone."""
    return _each_alone(_ppmd, train, stretches)


def ppmd_reading_on(train: bytes, stretches: Sequence[bytes]) -> list[int]:
    """Return the bytes of each stretch by PPMd that has read all text before it."""
    size_of = _ppmd(train)
    return [size_of(stretch) for stretch in stretches]


def xz_given_train(train: bytes, stretches: Sequence[bytes]) -> list[int]:
    """Return the bytes of each stretch by xz that has read the training text alone."""
    sizes = _each_alone(_xz, train, [b"", *stretches])
    return [size - sizes[0] for size in sizes[1:]]


METHODS: dict[str, Callable[[bytes, Sequence[bytes]], list[int]]] = {
    PPMD: ppmd_given_train,
    READING_ON: ppmd_reading_on,
    XZ: xz_given_train,
}
"""Functions that measure sizes, by the name of the reference."""


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


def _each_alone(start: Callable[[bytes], CompressedSize], train: bytes, texts: Sequence[bytes]) -> list[int]:
    """Return the compressed size of each text, given only the training text."""
    size_of = start(train)
    return [_forked(size_of, text) for text in texts]


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


if __name__ == "__main__":
    main()
