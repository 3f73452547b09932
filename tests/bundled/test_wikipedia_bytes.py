"""The corpora enwik8 and text8: the right file, the split of papers, and bits per byte as they count them.

The files have 100 million bytes; here their length and hash are those of a small one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import textgen
from helpers.texts import archive, on_disk
from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.data.sources import download_folder
from textgen.data.split import MAX_HELD_OUT_CHARS, parse_split, split_text
from textgen_corpora import wikipedia_bytes
from textgen_corpora.wikipedia_bytes import Enwik8, Text8

LINE = "'''Île''' is a [[word]] of {number}; &lt;ref&gt;Ærøskøbing 東京&lt;/ref&gt;\n"
DATA = "".join(LINE.format(number=number * number) for number in range(2000)).encode()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that is enwik8 in this test."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(wikipedia_bytes, "NUM_BYTES", len(DATA))
    monkeypatch.setattr(Enwik8, "md5", hashlib.md5(DATA, usedforsecurity=False).hexdigest())
    path = tmp_path / "enwik8"
    path.write_bytes(DATA)
    return path


class Bigram(nn.Module):
    """The share of each byte after the byte before it, with one more of each."""

    is_normalized = True

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.register_buffer("log_shares", torch.zeros(vocab_size, vocab_size))
        self.log_shares: Tensor

    def fit(self, ids: np.ndarray) -> None:
        """Count pairs."""
        self.log_shares.copy_(torch.from_numpy(np.log(shares_of_pairs(ids))))

    def initial_state(self, batch_size: int) -> Tensor:
        """Return nothing: the last byte is among the ids."""
        return torch.zeros(batch_size, 0)

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logarithms of the shares."""
        return self.log_shares[ids], state


def shares_of_pairs(ids: np.ndarray) -> NDArray[np.float64]:
    """Return the share of each byte after each."""
    counts = np.ones((256, 256))
    np.add.at(counts, (ids[:-1], ids[1:]), 1)
    shares: NDArray[np.float64] = counts / counts.sum(1, keepdims=True)
    return shares


def bits_per_byte_of_papers(path: Path, starts: list[int]) -> float:
    """Train on 90 % of the bytes and score the last 5 %, with a line feed before each of `starts`."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    train, test = data[: len(data) * 90 // 100], data[len(data) * 95 // 100 :]
    before = np.append(ord("\n"), test[:-1])
    before[starts] = ord("\n")
    return float(-np.log2(shares_of_pairs(train)[before, test]).sum() / len(test))


def test_bits_per_byte_are_those_of_ten_lines(file: Path, tmp_path: Path) -> None:
    corpus = load_corpus([f"enwik8/{file}"], "raw", "exact:90/5/5")
    run = textgen.train("byte-bigram", corpus, plugins=[Bigram], out=tmp_path / "run")
    test, stretches = run.result.test, corpus.split.test.stretches()
    assert test.num_bytes == len(DATA) - len(DATA) * 95 // 100
    assert "".join(stretches).encode() == DATA[-test.num_bytes :]
    starts = np.cumsum([0, *(len(stretch.encode()) for stretch in stretches[:-1])])
    assert test.bits_per_byte == pytest.approx(bits_per_byte_of_papers(file, starts.tolist()), abs=1e-6)
    assert run.settings.corpus.name == "enwik8/enwik8"


def test_all_of_an_exact_split_is_scored() -> None:
    text = "Rain, again.\n" * (MAX_HELD_OUT_CHARS * 20 // 13 + 20)
    exact, contiguous = (split_text(text, parse_split(f"{name}:90/5/5")) for name in ("exact", "contiguous"))
    assert len(exact.held_out) == len(exact.test) > MAX_HELD_OUT_CHARS
    assert len(contiguous.held_out) <= MAX_HELD_OUT_CHARS


@pytest.mark.parametrize("cut", range(4))
def test_a_character_that_a_cut_would_divide_is_of_the_later_part(cut: int) -> None:
    text = "x" * (900 - cut) + "\U0001f600" + "y" * (96 + cut)
    split = split_text(text, parse_split("exact:90/5/5"))
    assert split.train.text.encode() == b"x" * (900 - cut)
    assert (split.train.text + split.validation.text + split.test.text) == text


def test_a_text_on_disk_is_cut_as_one_in_memory(tmp_path: Path) -> None:
    text, method = DATA.decode(), parse_split("exact:90/5/5")
    in_memory, stored = (split_text(each, method) for each in (text, on_disk(tmp_path / "text", [text])))
    for part in ("train", "validation", "test"):
        assert getattr(stored, part).text[:] == getattr(in_memory, part).text


def test_an_archive_is_unpacked_once(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "enwik8.zip"
    packed.write_bytes(archive(enwik8=DATA))
    file.unlink()
    assert load_corpus([f"enwik8/{packed}"], "raw").text == DATA.decode()
    packed.unlink()
    assert load_corpus(["enwik8"], "raw").text == DATA.decode()
    assert download_folder() in Enwik8().path("").parents


def test_another_file_is_refused(file: Path, tmp_path: Path) -> None:
    def refused(source: str, reason: str) -> None:
        with pytest.raises(TextgenError, match=reason):
            load_corpus([source], "raw")

    refused(f"enwik8/{tmp_path / 'mine'}", r"no such file: .*mine; download .*enwik8\.zip and name it after")
    refused("text8", "does not contain text8; download")
    refused(f"text8/{file}", r"is not text8: MD5 \w+ instead of 3bea1919949baf155f99411df5fada7e")
    file.write_bytes(DATA[:-1] + b"!")
    refused(f"enwik8/{file}", "is not enwik8: MD5")
    file.write_bytes(DATA[:-1])
    refused(f"enwik8/{file}", rf"{len(DATA) - 1:,} bytes instead of {len(DATA):,}")
    packed = tmp_path / "enwik8.zip"
    for data, reason in ((archive(enwik8=DATA[:-1]), "does not have the"), (b"no archive", "damaged")):
        packed.write_bytes(data)
        refused(f"enwik8/{packed}", reason)


def test_the_hashes_are_those_of_the_benchmark() -> None:
    assert (Enwik8.md5, Text8.md5) == ("a1fa5ffddb56f4953e226637dabbb36a", "3bea1919949baf155f99411df5fada7e")
