"""Arithmetic coding (Witten, Neal and Cleary 1987), as a range coder with carries (Martin 1979).

Each token narrows an interval to its share by probability; the shortest number in the last interval is the
code. Shares are whole numbers, so decoding repeats encoding exactly. They are so fine (2^-60) that a code is
at most a byte longer than the probabilities demand, whatever the size of the vocabulary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import TextgenError

PARTS = 2**60
"""The parts that the tokens of a vocabulary share; no token has fewer than one."""
BITS = 88
"""The range of a coder has more bits than these, and no more than a byte more."""


def bounds(logits: Tensor) -> NDArray[np.int64]:
    """Return where the share of each token begins and the last one ends, [rows, vocab_size + 1].

    `logits` are [rows, vocab_size]. Raises `TextgenError` if they are no distribution.
    """
    probabilities = logits.double().softmax(-1).numpy()
    if not np.isfinite(probabilities).all():
        raise TextgenError("the model's probabilities are not finite, so nothing can be coded")
    found = np.zeros((len(probabilities), probabilities.shape[1] + 1), np.int64)
    parts = (probabilities * (PARTS - probabilities.shape[1])).astype(np.int64) + 1
    np.cumsum(parts, axis=1, out=found[:, 1:])
    return found


class Encoder:
    """Writes a code."""

    def __init__(self) -> None:
        self._low, self._range, self._bytes = 0, 1 << (BITS + 8), bytearray()

    def put(self, shares: NDArray[np.int64], token: int) -> None:
        """Write a token; `shares` is a row of `bounds`."""
        begin, end, unit = int(shares[token]), int(shares[token + 1]), self._range // int(shares[-1])
        self._low, self._range = self._low + begin * unit, (end - begin) * unit
        while self._range <= 1 << BITS:
            self._shift()
            self._range <<= 8

    def finish(self) -> bytes:
        """Return the code: the bytes so far, and one that every number in the last interval begins with."""
        self._low += (1 << BITS) - 1
        self._shift()
        return bytes(self._bytes)

    def _shift(self) -> None:
        """Move the first byte of the lower bound to the code; it may have to carry."""
        first, rest = divmod(self._low, 1 << BITS)
        if first > 255:
            place = len(self._bytes) - 1
            while self._bytes[place] == 255:
                self._bytes[place] = 0
                place -= 1
            self._bytes[place] += 1
        self._bytes.append(first & 255)
        self._low = rest << 8


class Decoder:
    """Reads a code; after its end there are zeros, and from any bytes some tokens are read."""

    def __init__(self, code: bytes) -> None:
        self._bytes, self._range = iter(code), 1 << (BITS + 8)
        self._above = int.from_bytes(bytes(next(self._bytes, 0) for _ in range(BITS // 8 + 1)))

    def take(self, shares: NDArray[np.int64]) -> int:
        """Read a token; `shares` is a row of `bounds`."""
        unit = self._range // int(shares[-1])
        part = min(self._above // unit, int(shares[-1]) - 1)
        token = int(shares.searchsorted(part, "right")) - 1
        begin, end = int(shares[token]), int(shares[token + 1])
        self._range = (end - begin) * unit
        self._above = min(self._above - begin * unit, self._range - 1)  # which is less, unless it is no code
        while self._range <= 1 << BITS:
            self._above = self._above << 8 | next(self._bytes, 0)
            self._range <<= 8
        return token
