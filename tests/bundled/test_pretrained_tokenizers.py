"""Tokenizers from elsewhere: they cut as their libraries do, lose nothing, and need no network."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.hugging_face import END, byte_level, lower_case, sentence_pieces, word_pieces
from textgen.contracts import TextgenError
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen_tokenizers.pretrained import HFTokenizer, TiktokenTokenizer

ODD = f"Käse 😀😀, HELLO {END}\n\n  [UNK] \ud800 中文"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A byte-level tokenizer."""
    folder = tmp_path_factory.mktemp("tokenizer")
    byte_level(request.getfixturevalue("news")).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an encoding that tiktoken knows as `own`, with the vocabulary of the other tokenizer."""
    tiktoken: Any = pytest.importorskip("tiktoken")
    merged = [b" t", b"he", b" the", b"in", b"ing", b" a", b"er"]
    pieces = [*(bytes([value]) for value in range(256)), *merged]
    lines = [f"{base64.b64encode(piece).decode()} {rank}" for rank, piece in enumerate(pieces)]
    path = tmp_path / "own.tiktoken"
    path.write_text("\n".join(lines), "utf-8")

    def own() -> dict[str, Any]:
        loaded = tiktoken.load.load_tiktoken_bpe("https://example.invalid/own.tiktoken")
        return {
            "name": "own",
            "pat_str": r" ?\w+|[^\w\s]+|\s+",
            "mergeable_ranks": loaded,
            "special_tokens": {},
        }

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
    monkeypatch.setattr("tiktoken.registry.ENCODING_CONSTRUCTORS", {"own": own})
    monkeypatch.setattr(socket, "getaddrinfo", None)
    return path


def fitted(tokenizer: Any, text: str) -> BoundTokenizer:
    bound = BoundTokenizer(tokenizer)
    bound.fit(text)
    return bound


def test_the_tokens_are_those_of_the_library(folder: Path, news: str) -> None:
    import tokenizers

    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    text = news[:20_000] + "Käse 😀😀"
    ours = fitted(HFTokenizer(str(folder), min_count=1), text)
    ids, expected = ours.encode(text), theirs.encode(text)
    assert len(ids) == len(expected.ids)
    number_of = dict(zip(ids.tolist(), expected.ids, strict=True))
    assert [number_of[token] for token in ids.tolist()] == expected.ids


@pytest.mark.parametrize("make", [byte_level, lower_case, word_pieces, sentence_pieces])
def test_nothing_is_lost_whatever_a_tokenizer_does(
    make: Callable[[str], Any], news: str, tmp_path: Path
) -> None:
    make(news).save(str(tmp_path / "tokenizer.json"))
    ours = fitted(HFTokenizer(str(tmp_path)), news)
    for text in (news[:3000], ODD, " ", ""):
        assert ours.preserves(text, ours.encode(text))
    assert len(ours.encode(news)) < len(news) / 1.5
    assert END not in ours.tokens


def test_rare_tokens_are_spelled_and_a_run_needs_no_file(folder: Path, news: str, tmp_path: Path) -> None:
    path = tmp_path / "moved.json"
    path.write_bytes((folder / "tokenizer.json").read_bytes())
    text = news[:10_000]
    sizes = [fitted(HFTokenizer(str(path), count), text).vocab_size for count in (1, 100_000)]
    assert sizes[0] > sizes[1] == 256
    ours = fitted(HFTokenizer(str(path)), text)
    path.unlink()
    again = BoundTokenizer(HFTokenizer(str(path)))
    again.restore(json.loads(json.dumps(ours.state())))
    assert again.encode(ODD).tolist() == ours.encode(ODD).tolist()


def test_a_tiktoken_file_is_read_and_nothing_else(ranks: Path, news: str) -> None:
    ours = fitted(TiktokenTokenizer(str(ranks), min_count=1), news)
    for text in (news[:3000], ODD, ""):
        assert ours.preserves(text, ours.encode(text))
    assert ours.vocab_size == 256 + 7
    assert len(ours.encode(" the theme")) == 4


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "needs an encoding; write path=FILE or name=ENCODING"),
        ({"name": "own"}, "tiktoken's cache has no own.tiktoken, and textgen downloads nothing; give the "),
        ({"name": "other"}, "tiktoken has no encoding 'other'; give name= one of own"),
        ({"path": "no/own.tiktoken"}, "'no/own.tiktoken' cannot be read: No such file"),
    ],
)
@pytest.mark.usefixtures("ranks")
def test_an_encoding_that_is_not_here_is_refused(options: dict[str, str], reason: str) -> None:
    with pytest.raises(TextgenError) as caught:
        TiktokenTokenizer(**options).fit("text")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("no.json", "", "cannot be read: No such file"),
        ("tokenizer.json", "{}", "cannot be used: "),
        ("tokenizer.json", "\0", "cannot be used: "),
        ("", "", "needs a file; write path=FOLDER"),
    ],
)
def test_a_file_that_is_not_a_tokenizer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(TextgenError, match=reason) as caught:
        HFTokenizer(name).fit("text")
    assert "\n" not in str(caught.value)
