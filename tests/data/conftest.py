"""A text on disk, as long texts are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.texts import on_disk
from textgen.data.text import FileText, cut_blocks


@pytest.fixture
def stored_text(tmp_path: Path, news: str) -> FileText:
    """News with some stranger characters, on disk in seven blocks or so."""
    blocks = list(cut_blocks([news.replace("a", "ä", 100) + "\n\nThe 😀 end.\n"], 10_000))
    return on_disk(tmp_path / "text.txt", blocks)
