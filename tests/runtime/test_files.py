"""Files and folders are written whole or not at all, and have names that any file system takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from textgen.runtime.files import write_file
from textgen.runtime.records import to_json


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_file(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_file(path, "new, " * 10_000 + "\ud800")
    assert path.read_text() == "old"
    write_file(path, to_json({"text": "é\ud800"}))
    assert json.loads(path.read_text("utf-8")) == {"text": "é\ufffd"}
    assert list(tmp_path.iterdir()) == [path]
