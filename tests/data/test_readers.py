"""Readers of other authors: which files they read, and what is told if they fail."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import run_textgen
from textgen.contracts import TextgenError, TextgenWarning
from textgen.data import cleaning
from textgen.data.cleaning import load_text
from textgen.data.sources import read_documents
from textgen.registry import registry

Install = Callable[..., None]
ENTRY_POINT = "[textgen.readers]\nshout = {name}:Shout\n"
SHOUT = """
class Shout:
    '''Files of lines, each of which is a document, in capitals.'''
    suffixes = (".shout", ".SHOUT".lower() + "2")
    def documents(self, file, field):
        for line in file.lines():
            {first}
            yield (line.strip().upper(),)
"""


def documents(*sources: object) -> list[str]:
    return list(map("".join, read_documents(list(map(str, sources)))[1]))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.shout").write_text("one\ntwo\n")
    return folder / "a.shout"


def test_a_reader_in_one_file_is_used_by_commands(text: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "shout.py"
    plugin.write_text(SHOUT.format(first="pass"))
    lines = [f"line {n} of a text" for n in range(60)]
    text.write_text("".join(f"{line}\n" for line in lines))
    told = run_textgen("corpus", text, "--json", "--clean", "raw").stdout
    assert json.loads(told)["num_documents"] == 1  # plain text, as long as nobody knows the suffix
    told = run_textgen("corpus", text, "--json", "--clean", "raw", "--plugin", plugin).stdout
    assert json.loads(told)["num_documents"] == 60
    assert json.loads(told)["num_chars"] == len("\n\n".join(lines))
    listed = run_textgen("plugins", "--plugin", plugin, "--json").stdout
    assert "shout" in {row["name"] for row in json.loads(listed)["plugins"] if row["kind"] == "reader"}
    checked = run_textgen("plugins", "check", "shout", "--plugin", plugin, "--json").stdout
    assert '"failed"' not in checked


def test_files_in_folders_and_archives_and_compressed_ones_are_read(text: Path, install: Install) -> None:
    folder = text.parent
    (folder / "b.SHOUT.gz").write_bytes(gzip.compress(b"three"))
    (folder / "c.other").write_text("left out")
    with zipfile.ZipFile(folder / "d.zip", "w") as archive:
        archive.writestr("e.shout2", "four")
        archive.writestr("f.other", "left out")
    with pytest.raises(TextgenError, match="contains no texts"):
        documents(folder / "d.zip")
    install("shout", ENTRY_POINT.format(name="shout"), SHOUT.format(first="pass"))
    assert documents(folder) == ["ONE", "TWO", "THREE", "FOUR"]


def test_two_readers_of_one_suffix_are_refused_by_name(text: Path, install: Install) -> None:
    for name in ("one", "two"):
        install(name, f"[textgen.readers]\n{name} = {name}:Shout\n", SHOUT.format(first="pass"))
    plain = text.with_name("a.txt")
    plain.write_text("plain")
    assert documents(plain) == ["plain"]
    with pytest.raises(
        TextgenError, match=r"\.shout are read by reader 'one' .* and reader 'two' .*; uninstall"
    ):
        documents(text)


def test_a_reader_may_replace_plain_text_and_two_of_one_name_are_refused(
    text: Path, install: Install
) -> None:
    plain = text.with_name("a.txt")
    plain.write_text("plain")
    install("one", ENTRY_POINT.format(name="one"), SHOUT.replace(".shout", ".txt").format(first="pass"))
    assert documents(plain) == ["PLAIN"]
    install("two", ENTRY_POINT.format(name="two"), SHOUT.replace(".shout", ".txt").format(first="pass"))
    with pytest.raises(TextgenError, match=r"\(one:Shout, .* and reader 'shout' \(two:Shout, "):
        documents(plain)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (
            "raise KeyError('no chapter')",
            r"read .*a\.shout: reader 'shout' \(.*\) failed: KeyError: 'no chapter' \(shout\.py, line 7",
        ),
        (
            "raise SystemExit(3)",
            r"cannot read .*a\.shout: reader 'shout' \(.*\) failed: SystemExit: 3 \(shout",
        ),
        ("yield [b'bytes']", r"reader 'shout' \(.*\) yielded bytes instead of text"),
        ("yield 3", r"cannot read .*a\.shout: .*TypeError: 'int' object is not iterable"),
    ],
)
def test_a_reader_that_fails_is_named_with_the_file(
    first: str, message: str, text: Path, install: Install
) -> None:
    install("shout", ENTRY_POINT.format(name="shout"), SHOUT.format(first=first))
    with pytest.raises(TextgenError, match=message) as caught:
        documents(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_library", r"reader 'shout' \(.*\) cannot be loaded: ModuleNotFoundError"),
        ("class Shout: pass", "is not a valid reader: Shout lacks documents"),
        ("class Shout:\n    def documents(self, file, field): ...", r"has the suffixes None; give a tuple"),
        (SHOUT.format(first="pass").replace('".shout"', '"shout"'), r"has the suffix 'shout'; write it"),
        (
            SHOUT.format(first="pass").replace("suffixes = (", "suffixes = '.shout' # "),
            r"suffixes '\.shout'; give",
        ),
        (SHOUT.format(first="pass") + "    def __init__(self): 1 / 0", r"failed: ZeroDivisionError"),
    ],
)
def test_a_reader_that_cannot_be_used_stops_no_other(
    code: str, message: str, text: Path, install: Install
) -> None:
    table = text.with_name("b.csv")
    table.write_text("text\nfrom a table\n")
    install("shout", ENTRY_POINT.format(name="shout"), code)
    with pytest.warns(TextgenWarning, match=message):
        assert documents(table) == ["from a table"]
    assert documents(text.parent) == ["from a table"]


def test_a_string_is_a_document_in_one_piece(text: Path, install: Install) -> None:
    install("shout", ENTRY_POINT.format(name="shout"), SHOUT.format(first="yield line.strip()"))
    assert documents(text) == ["one", "ONE", "two", "TWO"]


def test_a_large_text_is_read_again_by_a_reader_that_has_changed(
    text: Path, install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cleaning, "MAX_IN_MEMORY", 1)
    install("shout", ENTRY_POINT.format(name="shout"), SHOUT.format(first="pass"))
    assert load_text([str(text)], "raw").text[:] == "ONE\n\nTWO"
    code = tmp_path / "shout" / "shout.py"
    code.write_text(code.read_text().replace("upper()", "title()"))
    del sys.modules["shout"]
    registry.clear_caches()
    assert load_text([str(text)], "raw").text[:] == "One\n\nTwo"
