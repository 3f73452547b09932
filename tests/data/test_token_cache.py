"""Tokens on disk are those in memory, in the smallest type; they are made once, and anew when damaged."""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from textgen.api import TextgenError
from textgen.data import tokenization
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.text import FileText, cut_blocks
from textgen.data.token_cache import fit_and_encode
from textgen.data.unicode import utf8
from textgen.registry.options import build
from textgen.registry.registry import names
from textgen.runtime import processes as parallel

every_tokenizer = pytest.mark.parametrize("name", names("tokenizer"))


def built(name: str) -> BoundTokenizer:
    return BoundTokenizer(build("tokenizer", name))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parallel, "MAX_PROCESSES", 1)  # they take a second to start
    return tmp_path / "cache"


@pytest.fixture
def text(tmp_path: Path, news: str) -> FileText:
    """News with some stranger characters, on disk in seven blocks or so."""
    blocks = list(cut_blocks([news.replace("a", "ä", 100) + "\n\nThe 😀 end.\n"], 10_000))
    path = tmp_path / "text.txt"
    path.write_bytes(utf8("".join(blocks)))
    chars = list(accumulate(map(len, blocks), initial=0))
    return FileText(path, chars, list(accumulate((len(utf8(b)) for b in blocks), initial=0)), 0, chars[-1])


@pytest.mark.parametrize(
    ("name", "num_processes"), [*((name, 1) for name in names("tokenizer")), ("char", 2)]
)
def test_tokens_on_disk_are_those_in_memory(
    name: str, num_processes: int, text: FileText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "MAX_PROCESSES", num_processes)
    small = built(name)
    ids, lossless = fit_and_encode(small, [name], text[:])
    large = built(name)
    stored, stored_lossless = fit_and_encode(large, [name], text)
    assert large.state() == small.state()
    assert lossless is stored_lossless is True
    assert stored.dtype == ids.dtype == np.min_scalar_type(len(small.tokens) - 1)
    assert np.array_equal(stored, ids)
    assert not stored.flags.writeable


@every_tokenizer
def test_a_second_call_reads_the_cache(
    name: str, text: FileText, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = built(name)
    ids, _ = fit_and_encode(first, [name], text)
    before = {path: path.stat().st_mtime_ns for path in (cache / "tokens").iterdir()}
    with monkeypatch.context() as patched:
        patched.delattr(tokenization, "map_in_order")  # which nothing needs now
        again = built(name)
        found, lossless = fit_and_encode(again, [name], text)
    assert lossless
    assert np.array_equal(found, ids)
    assert again.state() == first.state()
    assert {path: path.stat().st_mtime_ns for path in (cache / "tokens").iterdir()} == before
    fit_and_encode(built(name), [name, "other"], text)
    assert len(list((cache / "tokens").iterdir())) == 2 * len(before)


def test_a_damaged_cache_is_made_again(text: FileText, cache: Path) -> None:
    ids, _ = fit_and_encode(built("char"), ["char"], text)
    [path] = (cache / "tokens").glob("*.bin")
    whole = path.read_bytes()
    for damaged in (whole[:-2], b"", b"\1" * len(whole)):
        path.write_bytes(damaged)
        again, _ = fit_and_encode(built("char"), ["char"], text)
        assert np.array_equal(again, ids)
        assert path.read_bytes() == whole
    description = path.with_suffix(".json").read_text()
    foreign = json.dumps({**json.loads(description), "state": {"of": "another version"}})
    for damaged_description in ("{", foreign):
        path.with_suffix(".json").write_text(damaged_description)
        assert np.array_equal(fit_and_encode(built("char"), ["char"], text)[0], ids)
        assert path.with_suffix(".json").read_text() == description


def test_a_cache_that_cannot_be_written_is_a_one_line_error(text: FileText, cache: Path) -> None:
    cache.write_text("no folder")
    with pytest.raises(TextgenError, match=r"^cannot write to the cache folder .*TEXTGEN_CACHE$"):
        fit_and_encode(built("char"), ["char"], text)


class Bytes:
    """A tokenizer as a third party writes it: it cannot count block by block."""

    def __init__(self, vocab_size: int = 256, lossless: bool = True) -> None:
        self.tokens = [f"<0x{value:02X}>" for value in range(vocab_size)]
        self.lossless, self.fitted = lossless, ""

    def fit(self, text: str) -> None:
        self.fitted = text

    def encode(self, text: str) -> list[int]:
        return list(utf8(text))

    def decode(self, ids: list[int]) -> str:
        return bytes(list(ids)).decode()

    def state(self) -> dict[str, str]:
        return {}


def test_a_tokenizer_that_cannot_count_is_fitted_to_the_beginning(
    text: FileText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokenization, "MAX_FIT_CHARS", 15_000)
    tokenizer = Bytes()
    BoundTokenizer(tokenizer).fit(text)
    assert tokenizer.fitted == text[:15_000]


def test_ids_have_the_smallest_type_and_fit_the_vocabulary() -> None:
    assert [BoundTokenizer(Bytes(size)).id_type for size in (0, 256, 257, 65_536, 65_537)] == [
        np.uint8, np.uint8, np.uint16, np.uint16, np.uint32
    ]  # fmt: skip
    tokenizer = BoundTokenizer(Bytes())
    ids = tokenizer.encode("né")
    assert (ids.tolist(), ids.dtype) == ([0x6E, 0xC3, 0xA9], np.uint8)
    assert tokenizer.preserves("né", ids)
    assert not tokenizer.preserves("ne", ids)
    assert not BoundTokenizer(Bytes(lossless=False)).preserves("né", ids)
    with pytest.raises(TextgenError, match="Bytes returned the id 195 with a vocabulary of 128"):
        BoundTokenizer(Bytes(128)).encode("né")


def test_what_is_known_of_a_vocabulary_follows_it() -> None:
    tokenizer = built("char")
    for text in ("ab", "abcd"):
        tokenizer.fit(text)
        assert len(tokenizer.is_fallback) == len(tokenizer.table.pieces) == tokenizer.vocab_size
        assert tokenizer.is_fallback.tolist() == [False] * len(text) + [True] * 256
    tokenizer.restore({"alphabet": ["a"]})
    assert len(tokenizer.is_fallback) == len(tokenizer.table.pieces) == 257


def test_the_fallback_is_what_a_tokenizer_declares_or_its_bytes() -> None:
    tokenizer = Bytes(2)
    tokenizer.tokens = ["a", "<0x41>", "<0x41><0x42>", "<0x4>"]
    assert BoundTokenizer(tokenizer).is_fallback.tolist() == [False, True, False, False]
    tokenizer.fallback = [True, False, False, True]
    assert BoundTokenizer(tokenizer).is_fallback.tolist() == tokenizer.fallback
    tokenizer.fallback = [True]
    with pytest.raises(TextgenError, match=r"Bytes has a fallback of shape \[1\], but 4 tokens"):
        _ = BoundTokenizer(tokenizer).is_fallback
