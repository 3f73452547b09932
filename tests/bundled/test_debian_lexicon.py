"""Words of the languages whose word lists or spelling dictionaries are installed."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from textgen.contracts import TextgenError
from textgen_corpora.lexicons import dictionaries, lexicon

AFFIXES = """SET UTF-8
FLAG long
NEEDAFFIX Na
FORBIDDENWORD Fw

PFX Vo Y 1
PFX Vo 0 не .

SFX Pl Y 3
SFX Pl 0 и [гкх]
SFX Pl ь и ь
SFX Pl 0 ы [^гкхь]

SFX Nc N 1
SFX Nc 0 ок .
"""
STEMS = ["Книг/Pl po:noun", "друг/PlNa", "тень/Pl", "правд/VoPlNc", "плохо/Fw", "точка\tpo:noun"]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of data with a German list and a Russian dictionary."""
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    (tmp_path / "dict").mkdir()
    (tmp_path / "dict" / "ngerman").write_text("Haus\nHäuser\nGeht’s\n", "utf-8")
    folder = tmp_path / "hunspell"
    folder.mkdir()
    (folder / "ru_RU.aff").write_text(AFFIXES, "utf-8")
    (folder / "ru_RU.dic").write_text("\n".join([str(len(STEMS)), *STEMS]) + "\n", "utf-8")
    return tmp_path


def test_word_lists_are_in_lower_case_with_straight_apostrophes() -> None:
    words = lexicon("de-DE")
    assert [word in words for word in ("haus", "häuser", "geht's")] == [True] * 3
    assert [word in words for word in ("Haus", "the")] == [False] * 2


@pytest.mark.parametrize(
    ("word", "is_known"),
    [
        ("книг", True), ("книги", True), ("книгы", False), ("тени", True), ("теньи", False), ("точка", True),
        ("друг", False), ("други", True), ("плохо", False), ("правды", True), ("неправд", True),
        ("неправды", True), ("правдок", True), ("неправдок", False), ("нетень", False), ("и", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_dictionary_knows_stems_with_their_affixes(word: str, is_known: bool) -> None:
    assert (word in lexicon("ru")) == is_known
    assert (word in pickle.loads(pickle.dumps(lexicon("ru")))) == is_known


def test_flags_may_be_letters_numbers_or_aliases_in_an_old_encoding(data: Path) -> None:
    folder = data / "hunspell"
    (folder / "pt_BR.aff").write_text("SET ISO8859-1\nAF 1\nAF X\nSFX X Y 1\nSFX X ão ões ão\n", "latin-1")
    (folder / "pt_BR.dic").write_text("1\ncanção/1\n", "latin-1")
    (folder / "pt_PT.aff").write_text("FLAG num\nSFX 12 Y 1\nSFX 12 0 s .\n", "latin-1")
    (folder / "pt_PT.dic").write_text("1\nfacto/7,12\n", "latin-1")
    assert ["canções" in lexicon(tag) for tag in ("pt-BR", "pt-PT", "pt")] == [True, False, False]
    assert ["factos" in lexicon(tag) for tag in ("pt-BR", "pt-PT", "pt")] == [False, True, True]
    assert [path.stem for path in dictionaries("pt", "PT")][:1] == ["pt_PT"]


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("fr", "no word list for the language 'fr' is installed; run: apt-get install wfrench"),
        ("cs-CZ", "no word list for the language 'cs-CZ' is installed; run: apt-get install hunspell-cs"),
        ("ja", "no word list for the language 'ja' is installed"),
        ("en", "English words come from the lexicon glove"),
    ],
)
def test_a_missing_language_is_one_line(language: str, message: str) -> None:
    with pytest.raises(TextgenError) as caught:
        lexicon(language)
    assert str(caught.value) == message


def test_a_damaged_file_is_one_line(data: Path) -> None:
    (data / "dict" / "french").write_bytes(b"\xff\xfe\n")
    (data / "hunspell" / "uk_UA.aff").write_text("SET no-such-encoding\n")
    (data / "hunspell" / "uk_UA.dic").write_text("1\nx\n")
    for language in ("fr", "uk"):
        with pytest.raises(TextgenError, match=r"^cannot read the (?:word list|dictionary) [^\n]*$"):
            lexicon(language)
