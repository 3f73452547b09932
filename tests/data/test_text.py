"""Texts on disk: they slice like strings, end their blocks with paragraphs, and give what small ones do."""

from __future__ import annotations

import codecs
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.api import TextgenError
from textgen.data import cleaning as cleaned
from textgen.data import corpus, split
from textgen.data.corpus import load_corpus
from textgen.data.decoding import decode, decode_chunks
from textgen.data.text import FileText, alphabet, blocks, cut_blocks, part, sha256
from textgen.data.unicode import utf8
from textgen.data.words import split_words
from textgen.runtime import processes

PROSE = "\n\n".join(f"{i} The “rain” had stopped at last,\nand <b>nobody</b>  came by." for i in range(400))


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of prose that counts as too large for memory."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpus, "MAX_IN_MEMORY", 10_000)
    monkeypatch.setattr(cleaned, "BLOCK_CHARS", 2000)
    monkeypatch.setattr(processes, "MAX_PROCESSES", 1)  # they take a second to start
    path = tmp_path / "big.txt"
    path.write_text(PROSE, encoding="utf-8")
    return path


def on_disk(path: Path, pieces: list[str]) -> FileText:
    path.write_bytes(utf8("".join(pieces)))
    chars = list(accumulate(map(len, pieces), initial=0))
    return FileText(path, chars, list(accumulate((len(utf8(p)) for p in pieces), initial=0)), 0, chars[-1])


@given(pieces=st.lists(st.text(min_size=1), max_size=6), data=st.data())
def test_a_text_on_disk_slices_like_a_string(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], data: st.DataObject
) -> None:
    whole = "".join(pieces)
    text = on_disk(tmp_path_factory.getbasetemp() / "sliced.txt", pieces)
    place = st.none() | st.integers(-len(whole) - 2, len(whole) + 2)
    begin, end = data.draw(place), data.draw(place)
    assert len(text) == len(whole)
    assert text[begin:end] == whole[begin:end]
    low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    stretch = part(text, low, high)
    assert len(stretch) == high - low
    assert "".join(blocks(stretch)) == whole[low:high]
    assert stretch[1:-1] == whole[low:high][1:-1]
    assert sha256(stretch) == sha256(whole[low:high])
    assert alphabet(stretch) == set(whole[low:high])


@given(pieces=st.lists(st.text()), size=st.integers(1, 30))
def test_blocks_are_the_text(pieces: list[str], size: int) -> None:
    cut = list(cut_blocks(pieces, size))
    assert "".join(cut) == "".join(pieces)
    assert all(0 < len(block) <= size for block in cut)


def test_blocks_end_with_paragraphs_else_lines_else_words_else_anywhere() -> None:
    paragraphs = "one two three\n \nfour five six\n\nseven"
    assert list(cut_blocks([paragraphs[:8], paragraphs[8:]], 31)) == [paragraphs[:-5], "seven"]
    assert list(cut_blocks(["one two\nthree  four\n  five"], 22)) == ["one two\n", "three  four\n  five"]
    assert list(cut_blocks(["one  two three"], 10)) == ["one  two", " three"]
    assert list(cut_blocks(["x" * 25], 10)) == ["x" * 10, "x" * 10, "x" * 5]


@given(st.lists(st.sampled_from(["word", " ", "\n", "n't", "'s", "--", ".", "\t", "é"]), min_size=1))
def test_no_word_token_reaches_over_the_end_of_a_block(words: list[str]) -> None:
    text = "".join(words).replace("wordword", "word word") + "\n\nend"
    cut = list(cut_blocks([text], max(12, len(text) // 2)))
    if all(a.endswith("\n") and not b[0].isspace() for a, b in pairwise(cut)):
        assert [piece for block in cut for piece in split_words(block)] == split_words(text)


@given(data=st.binary(max_size=40), sizes=st.lists(st.integers(1, 6)))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "gb18030", "ascii"])
def test_pieces_are_decoded_as_the_whole(encoding: str, data: bytes, sizes: list[int]) -> None:
    ends = [0, *accumulate(sizes)]
    chunks = [*(data[a:b] for a, b in pairwise(ends)), data[ends[-1] :]]

    def outcome(chunks: list[bytes]) -> str:
        try:
            return "".join(decode_chunks(chunks, "x", encoding))
        except TextgenError as error:
            # Python reports a missing byte-order mark or the first wrong unit, whichever it meets first
            return str(error).partition(":")[0] if lacks_mark else str(error)

    lacks_mark = encoding == "utf-16" and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    assert (
        outcome(chunks).replace("--encoding utf-16", "plain")
        == outcome([data]).replace("--encoding utf-16", "plain")
        or not chunks[0]
    )


@pytest.mark.parametrize(
    ("cleaner", "num_processes"),
    [("prose", 2), ("prose", 1), ("raw", 1), ("letters", 1), ("prose:markup=no", 1)],
)
def test_a_big_file_gives_the_text_and_the_split_of_a_small_one(
    big: Path, cleaner: str, num_processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MAX_PROCESSES", num_processes)
    large = load_corpus([str(big)], cleaner)
    assert isinstance(large.text, FileText)
    assert len(large.text.chars) > 10
    shortened = load_corpus([str(big)], cleaner, max_chars=9000)
    monkeypatch.setattr(corpus, "MAX_IN_MEMORY", 10_000_000)
    small = load_corpus([str(big)], cleaner)
    assert large.text[:] == small.text
    assert large.info == small.info
    assert shortened.info == load_corpus([str(big)], cleaner, max_chars=9000).info


def test_files_of_a_folder_are_joined_by_a_blank_line(big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (big.parent / "more").mkdir()
    (big.parent / "more" / "b.txt").write_text("The end.")
    (big.parent / "more" / "a.txt").write_text(PROSE.replace("rain", "snow"))
    sources = [str(big), str(big.parent / "more")]
    large = load_corpus(sources)
    monkeypatch.setattr(corpus, "MAX_IN_MEMORY", 10_000_000)
    assert large.info == load_corpus(sources).info
    assert large.name == "big.txt+more"


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


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", None])
def test_a_damaged_cache_is_made_anew(big: Path, damage: Any) -> None:
    first = load_corpus([str(big)])
    for path in (big.parent / "cache" / "texts").iterdir():
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage(path.read_bytes()))
    assert load_corpus([str(big)]).sha256 == first.sha256


def test_a_cache_that_cannot_be_written_is_one_line(big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (big.parent / "file").write_text("no folder")
    monkeypatch.setenv("TEXTGEN_CACHE", str(big.parent / "file"))
    with pytest.raises(TextgenError, match=r"^cannot write to the cache folder .*TEXTGEN_CACHE$"):
        load_corpus([str(big)])


def test_a_full_disk_is_one_line_and_leaves_nothing(big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(text: str) -> bytes:  # noqa: ARG001
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cleaned, "utf8", write)
    with pytest.raises(TextgenError, match=r"No space left on device; free some space"):
        load_corpus([str(big)])
    assert not list((big.parent / "cache" / "texts").iterdir())


def test_what_is_wrong_with_a_big_file_is_told_with_its_place(big: Path) -> None:
    data = PROSE.encode() * 2
    big.write_bytes(data + b"\xff")
    with pytest.raises(TextgenError, match=rf"big\.txt is not utf-8: byte 0xFF at offset {len(data)}"):
        load_corpus([str(big)])
    big.write_bytes(data + b"a\0")
    with pytest.raises(TextgenError, match=rf"zero byte at offset {len(data) + 1}"):
        load_corpus([str(big)])
    big.write_text("<p> </p>\n\n" * 2000)
    with pytest.raises(TextgenError, match=r"nothing of big\.txt remains"):
        load_corpus([str(big)])
    assert decode(b"fine", "x") == "fine"


def test_only_the_beginning_of_a_long_held_out_part_is_scored(
    big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "MAX_HELD_OUT_CHARS", 500)
    monkeypatch.setattr(split, "MAX_HELD_OUT_CHARS", 500)
    text = load_corpus([str(big)])
    assert text.split.scored("test") == text.split.test[:500]
    parts = text.info.split
    assert parts.test.scored_chars == parts.validation.scored_chars == 500
    assert parts.test.num_chars == len(text.split.test) > 500
    assert parts.train.scored_chars is None
