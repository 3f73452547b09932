"""Texts on disk, as long texts are kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from textgen.data.decoding import utf8
from textgen.data.text import FileText


def on_disk(path: Path, pieces: Sequence[str]) -> FileText:
    """Return a text that is written to a file, each piece a block of its own."""
    path.write_bytes(utf8("".join(pieces)))
    chars = list(accumulate(map(len, pieces), initial=0))
    sizes = list(accumulate((len(utf8(piece)) for piece in pieces), initial=0))
    return FileText(path, chars, sizes, ((0, chars[-1]),))
