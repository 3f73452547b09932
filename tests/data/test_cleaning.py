"""Texts too large for memory: cleaned into the cache, with the result of small ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgen.contracts import TextgenError
from textgen.data import cleaning, parallel
from textgen.data.corpus import load_corpus
from textgen.data.text import FileText

PROSE = "\n\n".join(f"{i} The “rain” had stopped at last,\nand <b>nobody</b>  came by." for i in range(400))


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of prose that counts as too large for memory."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cleaning, "MAX_IN_MEMORY", 10_000)
    monkeypatch.setattr(cleaning, "BLOCK_CHARS", 2000)
    monkeypatch.setattr(parallel, "MAX_PROCESSES", 1)  # they take a second to start
    path = tmp_path / "big.txt"
    path.write_text(PROSE, encoding="utf-8")
    return path


@pytest.mark.parametrize(("cleaner", "num_processes"), [("prose", 2), ("prose", 1), ("raw", 1)])
def test_a_big_file_gives_the_text_and_the_split_of_a_small_one(
    big: Path, cleaner: str, num_processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "MAX_PROCESSES", num_processes)
    large = load_corpus([str(big)], cleaner)
    assert isinstance(large.text, FileText)
    assert len(large.text.chars) > 10
    shortened = load_corpus([str(big)], cleaner, max_chars=9000)
    monkeypatch.setattr(cleaning, "MAX_IN_MEMORY", 10_000_000)
    small = load_corpus([str(big)], cleaner)
    assert large.text[:] == small.text
    assert large.info == small.info
    assert shortened.info == load_corpus([str(big)], cleaner, max_chars=9000).info


def test_the_cleaned_text_is_kept_until_file_or_cleaner_change(big: Path) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (big.parent / "cache" / "texts").iterdir()}

    first = load_corpus([str(big)])
    before = files()
    assert load_corpus([str(big)]).sha256 == first.sha256
    assert files() == before
    assert load_corpus([str(big)], "raw").sha256 != first.sha256
    big.write_text(PROSE + " More.", encoding="utf-8")
    assert load_corpus([str(big)]).text[-6:] == "More.\n"
    assert len(files()) == 3 * len(before)


def test_an_error_in_a_big_file_is_reported_with_its_place(big: Path) -> None:
    data = PROSE.encode() * 2
    big.write_bytes(data + b"\xff")
    with pytest.raises(TextgenError, match=rf"big\.txt is not utf-8: byte 0xFF at offset {len(data)}"):
        load_corpus([str(big)])
    big.write_bytes(data + b"a\0")
    with pytest.raises(TextgenError, match=rf"zero byte at offset {len(data) + 1}"):
        load_corpus([str(big)])
    big.write_text("<p> </p>\n\n" * 2000)
    with pytest.raises(TextgenError, match=r"nothing is left of big\.txt"):
        load_corpus([str(big)])
