"""Files and folders are written whole or not at all, and have names that any file system takes."""

from __future__ import annotations

import json
import os
import resource
from contextlib import suppress
from pathlib import Path

import pytest

from textgen.runtime.storage.files import (
    DamagedFileError,
    check_digests,
    new_folder,
    slug,
    write_digests,
    write_file,
)
from textgen.runtime.storage.json_records import to_json


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_file(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_file(path, "new, " * 10_000 + "\ud800")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # as if the disk were full
    try:
        with pytest.raises(OSError, match="File too large"):
            write_file(path, "x" * 5000)  # so short that it is written when the file closes
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "old"
    write_file(path, to_json({"text": "é\ud800"}))
    assert json.loads(path.read_text("utf-8")) == {"text": "é\ufffd"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "run") as made:
        (made / "first").write_text("1")
        assert not (tmp_path / "deep" / "run").exists()
    assert [path.name for path in (tmp_path / "deep" / "run").iterdir()] == ["first"]
    with suppress(SystemExit), new_folder(tmp_path / "deep" / "other") as made:
        (made / "first").write_text("1")
        raise SystemExit
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run"]


def test_a_slug_is_the_name_itself_or_ends_with_a_hash_that_tells_similar_names_apart() -> None:
    assert slug("char-lstm") == "char-lstm"
    names = ["char-lstm:a=1,b=2", "char-lstm:a=1;b=2", "../char-lstm", "é" * 200, "x" * 200, "x" * 201]
    slugs = [slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    assert all(len(text) <= 80 and "/" not in text and text.isascii() for text in slugs)


def test_all_files_have_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with new_folder(tmp_path / "run") as made:
            (made / "plain").write_text("1")
            (made / "private").touch(mode=0o600)  # as safetensors makes it
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()} == {0o640}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.json").write_text('{"value": 1}')
    (tmp_path / "two.bin").write_bytes(bytes(range(256)))
    write_digests(tmp_path)
    return tmp_path


def test_every_flipped_bit_is_found(folder: Path) -> None:
    for name in ("one.json", "two.bin"):
        data = (folder / name).read_bytes()
        for place in range(0, len(data), 5):
            changed = bytearray(data)
            changed[place] ^= 1 << place % 8
            (folder / name).write_bytes(changed)
            with pytest.raises(DamagedFileError, match=f"^{name} has changed since it was written$"):
                check_digests(folder)
        (folder / name).write_bytes(data)
    check_digests(folder)


def test_a_cut_or_missing_file_is_named(folder: Path) -> None:
    (folder / "two.bin").write_bytes(b"short")
    with pytest.raises(DamagedFileError, match=r"^two.bin has 5 bytes instead of 256$"):
        check_digests(folder)
    (folder / "two.bin").unlink()
    with pytest.raises(DamagedFileError, match=r"^two.bin is missing$"):
        check_digests(folder)
