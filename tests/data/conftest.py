"""A text on disk, as long texts are kept."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pytest

from textgen.data.decoding import utf8
from textgen.data.text import FileText, cut_blocks


@pytest.fixture
def stored_text(tmp_path: Path, news: str) -> FileText:
    """News with some stranger characters, on disk in seven blocks or so."""
    blocks = list(cut_blocks([news.replace("a", "ä", 100) + "\n\nThe 😀 end.\n"], 10_000))
    path = tmp_path / "text.txt"
    path.write_bytes(utf8("".join(blocks)))
    chars = list(accumulate(map(len, blocks), initial=0))
    sizes = list(accumulate((len(utf8(block)) for block in blocks), initial=0))
    return FileText(path, chars, sizes, ((0, chars[-1]),))
