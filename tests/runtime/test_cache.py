"""The cache: a file is there complete and described, or not at all."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from textgen.cli.cache import remove_all
from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.storage.cache import (
    cache_folder,
    cache_path,
    cached,
    contents,
    new_cached_file,
    remembered,
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of a file in an empty cache."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    return cache_path("texts", "news", 3)


def write(path: Path, data: bytes, used: float | None = None) -> None:
    with new_cached_file(path, {"num_blocks": 2}) as file:
        file.write(data)
    if used is not None:
        os.utime(path.with_suffix(".json"), (used, used))


def test_a_written_file_comes_back_with_its_description(path: Path) -> None:
    assert cached(path) is None
    write(path, b"some text")
    assert path.read_bytes() == b"some text"
    digest = hashlib.sha256(b"some text").hexdigest()
    assert cached(path) == {"num_blocks": 2, "num_bytes": 9, "sha256": digest}
    for each in (path, path.with_suffix(".json")):
        write(path, b"some text")
        each.unlink()
        assert cached(path) is None


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "one bit": flip,
}


@pytest.mark.parametrize("suffix", [".bin", ".json"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_and_made_again(path: Path, damage: str, suffix: str) -> None:
    for _ in range(2):
        write(path, b"2 texts")
        assert cached(path) is not None
        DAMAGE[damage](path.with_suffix(suffix))
        with pytest.warns(TextgenWarning, match=rf"^the cached file '{path}' is damaged \(.*recreating it$"):
            assert cached(path) is None


def test_a_failure_while_writing_leaves_nothing(path: Path) -> None:
    with suppress(KeyboardInterrupt), new_cached_file(path, {}) as file:
        file.write(b"half of")
        raise KeyboardInterrupt
    assert cached(path) is None
    assert list(path.parent.iterdir()) == []
    with pytest.raises(TextgenError) as caught, new_cached_file(path, {}):
        raise OSError(28, "No space left on device")
    assert str(caught.value) == (
        f"cannot write to the cache folder {str(path.parent)!r}: No space left on device; free some space, "
        "or choose another folder with the environment variable TEXTGEN_CACHE"
    )


@pytest.mark.usefixtures("path")
def test_an_answer_is_found_once_and_again_if_it_is_damaged() -> None:
    answers = iter(["first", "second", "third"])
    assert [remembered("kind", lambda: next(answers), "here") for _ in range(2)] == ["first", "first"]
    assert remembered("kind", lambda: next(answers), "there") == "second"
    cache_path("kind", "here").with_suffix(".json").write_text("[1")
    assert remembered("kind", lambda: next(answers), "here") == "third"


def numbered(number: int) -> Path:
    return cache_path("texts", number)


def test_the_least_recently_used_files_go_first_but_none_of_today(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write(numbered(number), bytes(50_000), used=1000 - number)
    assert cached(numbered(3)) is not None  # it is used, and now the most recent one
    monkeypatch.setenv("TEXTGEN_CACHE_LIMIT", "160 kB")
    write(path, bytes(50_000))
    assert [numbered(number).exists() for number in range(4)] == [True, False, False, True]
    assert {item.paths[-1] for item in contents(cache_folder())} == {numbered(0), numbered(3), path}
    monkeypatch.setenv("TEXTGEN_CACHE_LIMIT", "1kB")
    write(path, bytes(50_000), used=time.time() - 90_000)
    write(numbered(0), bytes(50_000))
    assert [each.exists() for each in (numbered(0), numbered(3), path)] == [True, True, False]


@pytest.mark.parametrize("limit", ["20", "-5GB", "GB"])
def test_a_limit_that_is_not_a_size_is_refused(
    path: Path, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE_LIMIT", limit)
    with pytest.raises(TextgenError, match=rf"TEXTGEN_CACHE_LIMIT='{limit}': give a size, such as 500MB or"):
        write(path, b"")


def test_only_what_textgen_made_is_removed(path: Path) -> None:
    write(path, b"some text")
    mine = [path.with_name("notes.txt"), path.with_name("0" * 32), cache_folder() / ("0" * 32 + ".bin")]
    for each in mine:
        each.write_text("mine")
    downloaded = cache_folder() / "downloads" / "deep" / "text.txt"
    downloaded.parent.mkdir(parents=True)
    downloaded.write_text("x")
    assert {item.kind for item in contents(cache_folder())} == {"texts", "downloads"}
    remove_all(cache_folder())
    assert not downloaded.parent.parent.exists()
    assert not path.exists()
    assert all(each.exists() for each in mine)
