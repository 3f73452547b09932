"""Texts on disk, as long texts are kept, and packed ones."""

from __future__ import annotations

import io
import zipfile
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


def archive(**files: str | bytes) -> bytes:
    """Return a zip file; a double underscore in a name is a dot, a triple one a slash."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name.replace("___", "/").replace("__", "."), data)
    return packed.getvalue()
