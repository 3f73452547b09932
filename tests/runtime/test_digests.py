"""Damage is found, and named by its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgen.runtime.storage.files import DIGESTS, DamagedFileError, check_digests, write_digests


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.json").write_text('{"value": 1}')
    (tmp_path / "two.bin").write_bytes(bytes(range(256)))
    write_digests(tmp_path)
    return tmp_path


def test_what_was_not_changed_passes_and_other_files_do_not_matter(folder: Path) -> None:
    check_digests(folder)
    (folder / "notes.txt").write_text("mine")
    check_digests(folder)


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


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"one.json": 5}', '{"one.json": {"num_bytes": "x"}}'])
def test_damaged_digests_are_damage(folder: Path, content: str) -> None:
    (folder / DIGESTS).write_text(content)
    with pytest.raises(DamagedFileError):
        check_digests(folder)
