"""The cache: a file is there complete and described, or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from textgen.api import TextgenError
from textgen.runtime.cache import cache_path, cached, new_cached_file, remembered


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of a file in an empty cache."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    return cache_path("texts", "news", 3)


def test_the_same_identity_has_the_same_place_and_another_one_another(path: Path, tmp_path: Path) -> None:
    assert path.parent == tmp_path / "cache" / "texts"
    assert cache_path("texts", "news", 3) == path
    others = {cache_path("ids", "news", 3), cache_path("texts", "news", 4), cache_path("texts", ["news", 3])}
    assert len({path.name, *(other.name for other in others)} | {path.parent for path in others}) == 5


def test_a_written_file_comes_back_with_its_description(path: Path) -> None:
    assert cached(path) is None
    description = {"num_blocks": 2}
    with new_cached_file(path, description) as file:
        file.write(b"some text")
    assert path.read_bytes() == b"some text"
    assert cached(path) == {"num_blocks": 2, "num_bytes": 9}


@pytest.mark.parametrize("damage", ["cut", "described as another", "no description", "not JSON"])
def test_an_incomplete_file_is_as_good_as_none(path: Path, damage: str) -> None:
    with new_cached_file(path, {}) as file:
        file.write(b"some text")
    description = path.with_suffix(".json")
    match damage:
        case "cut":
            path.write_bytes(b"some")
        case "described as another":
            description.write_text("[]")
        case "no description":
            description.unlink()
        case "not JSON":
            description.write_text("{")
    assert cached(path) is None


def test_a_failure_while_writing_leaves_nothing(path: Path) -> None:
    with suppress(KeyboardInterrupt), new_cached_file(path, {}) as file:
        file.write(b"half of")
        raise KeyboardInterrupt
    assert cached(path) is None
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_is_an_error_of_one_line_with_a_remedy(path: Path) -> None:
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
