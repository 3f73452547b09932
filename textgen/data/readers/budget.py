"""Budget of a file: what may come out of it, at every layer of packing, by its size on disk."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from textgen.contracts import TextgenError

MAX_RATIO = 200
"""Bytes of text that a byte on disk may stand for beyond `SMALL_BYTES`; zeros give 1,000, prose 5."""
SMALL_BYTES = 1 << 24
NUM_PASSES = 3
"""Each text is counted when its encoding is guessed, when it is decoded and when it is given."""
RECORD_COST = 64
"""Characters as which a record counts besides its own, since an empty one takes memory and time, too."""
MAX_SECONDS = 5
"""Seconds of processor time for each `SMALL_BYTES` of a file in which some text must come."""
MAX_RECORD_CHARS = 1 << 24
"""Maximum number of characters that are held at a time: of a line, a value of a table, a tag or XML.

JSON takes up to 30 bytes of memory per character.
"""


class Budget:
    """What is left of the bytes and characters that a file may give, and the time without any."""

    def __init__(self, where: str, num_bytes: int) -> None:
        self._where = where
        self._left = NUM_PASSES * max(SMALL_BYTES, MAX_RATIO * num_bytes)
        self._max_seconds = MAX_SECONDS * max(1, num_bytes / SMALL_BYTES)
        self._since: float | None = None

    def take(self, amount: int) -> None:
        """Count what gives no text by itself; raises `TextgenError` if that is too much or takes too long."""
        self._count(amount)
        now = time.thread_time()
        self._since = self._since or now
        if now - self._since > self._max_seconds:
            raise TextgenError(
                f"{self._where} gives no text for {self._max_seconds:.0f} seconds; leave it out"
            )

    def texts(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the pieces of a document, which are counted."""
        self._count(RECORD_COST)
        for piece in pieces:
            self._count(len(piece))
            if piece and not piece.isspace():
                self._since = None
            yield piece

    def _count(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise TextgenError(
                f"{self._where} unpacks to over {MAX_RATIO} times its size; if it is a text, unpack it"
            )


def check_length(num_chars: int, where: str) -> None:
    """Raise `TextgenError` for a line or value that is too long to be held in memory."""
    if num_chars > MAX_RECORD_CHARS:
        raise TextgenError(f"{where} has a record of more than {MAX_RECORD_CHARS:,} characters; split it")
