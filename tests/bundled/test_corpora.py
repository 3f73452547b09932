"""The bundled corpora, without a network: what downloads is pointed at a closed port or a local server."""

from __future__ import annotations

import bisect
import hashlib
import json
import re
import sys
import textwrap
from functools import cache
from inspect import getsource
from pathlib import Path

import pytest

from helpers.texts import archive
from textgen.contracts import TextgenError
from textgen.data.sources import language_of
from textgen_corpora import downloads
from textgen_corpora.downloads import Europarl, Gutenberg, TinyShakespeare
from textgen_corpora.gensim_texts import Lee, Wiki, articles, is_prose
from textgen_corpora.installed import StandardLibrary
from textgen_corpora.wikitext import HOLE, plain_text


@cache
def wiki() -> str:
    """Return the whole corpus, read once."""
    return "\n\n".join(Wiki().read(""))


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where downloads are kept, empty, without a network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(downloads, "NLTK_DATA", "http://127.0.0.1:9")
    monkeypatch.setattr(downloads, "URL", "http://127.0.0.1:9/input.txt")
    monkeypatch.delenv("TEXTGEN_CACHE", raising=False)
    return tmp_path / "textgen" / "downloads"


def test_wiki_is_english_prose() -> None:
    text = wiki()
    paragraphs = text.split("\n\n")
    assert 2_000_000 < len(text) < 3_500_000
    assert len(set(text)) <= 135
    assert all(is_prose(paragraph) for paragraph in paragraphs)
    assert not re.search(r"\[\[|\]\]|\{\{|\}\}|'''|<ref|thumb\||&nbsp;|\(\)|\( *[,;]|  | ,", text)
    assert "Anarchism is a political philosophy" in text


def test_wiki_articles() -> None:
    titles = Wiki().items()
    assert len(titles) > 90
    assert "AccessibleComputing" not in titles  # a redirect
    assert not any(title.startswith(("Wikipedia:", "File:", "Template:")) for title in titles)
    assert Wiki().read("Aristotle") in wiki()


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("[[Rome|The city]] of '''[[Italy]]'''", "The city of Italy"),
        ("a [[File:x.png|thumb|a [[link]] in a caption]]b[[Category:Y]]", "a b"),
        ("{{Infobox|name={{nowrap|x}}|y=[[a|b]]}}Text", "Text"),
        (
            "It is {{convert|1300|mi|km}} or {{convert|3|to|5|ft|m}} long",
            "It is 1300 miles or 3 to 5 feet long",
        ),
        (
            "known.<ref name=a/> Yes<ref>{{cite|x}} [http://a.b c]</ref>{{citation needed|date=May 2016}}.",
            "known. Yes.",
        ),
        ("so <math>x^2</math> holds", f"so {HOLE} holds"),
        ("H<sub>2</sub>O, 10<sup>6</sup>, 5<sup>th</sup>&nbsp;day", "H2O, 10^6, 5th\xa0day"),
        ("a\n{| class=x\n|-\n| b\n{|\n| c\n|}\n|}\nd", "a\nd"),
        ("see [http://example.org the page] [http://x.y]", "see the page "),
        ("<!-- note -->{{as of|2014|lc=y}} there", "as of 2014 there"),
    ],
)
def test_wikitext(wikitext: str, text: str) -> None:
    assert plain_text(wikitext) == text


@pytest.mark.parametrize(
    "line",
    [
        "A heading or a caption without an end",
        "Too short.",
        "These are the following branches of the family, which we list here in full:",
        "In 1990 1,234 5,678 9,012 3,456 7,890 12,345 67,890 12,345 67,890 1,234 5,678 9,012.",
        "Some [[broken link that was never closed in the text of this long sentence.",
    ],
)
def test_no_prose(line: str) -> None:
    assert not is_prose(line)


def test_lee() -> None:
    items = Lee().read("")
    assert len(items) == 300
    assert items[0].startswith("Hundreds of people have been forced to vacate their homes")
    with pytest.raises(TextgenError, match="no item '1'; write lee"):
        Lee().read("1")


def test_gutenberg_lists_its_books() -> None:
    assert len(Gutenberg().items()) == 18
    for item in ("", "emma", "../../etc/passwd"):
        with pytest.raises(TextgenError, match=r"unknown gutenberg book .* austen-emma\.txt"):
            Gutenberg().read(item)


def keep(folder: Path, name: str, **files: bytes) -> None:
    """Put a data package of NLTK's where a download is kept."""
    packed = folder / "nltk" / "corpora" / f"{name}.zip"
    packed.parent.mkdir(parents=True)
    packed.write_bytes(archive(**files))


def test_gutenberg_reads_what_was_downloaded(cache_folder: Path) -> None:
    parts = ["[Emma by Jane Austen 1816] naïve\n\n", "CHAPTER I\n\nEmma.\n\n", "Chapter 2\n\nMr. Knightley."]
    keep(cache_folder, "gutenberg", **{"gutenberg/austen-emma.txt": "".join(parts).encode("latin-1")})
    assert Gutenberg().read("austen-emma.txt") == parts


def test_europarl_has_the_debates_of_each_language_in_the_order_of_the_days(cache_folder: Path) -> None:
    first, second = "Wiederaufnahme\nIch erkläre .\n \nGenehmigung .\n", "\nDonnerstag .\n\n\nEnde ."
    keep(
        cache_folder,
        "europarl_raw",
        **{
            "europarl_raw/german/ep-00-01-18.de": second.encode(),
            "europarl_raw/german/ep-00-01-17.de": first.encode(),
            "europarl_raw/finnish/ep-00-01-17.fi": b"Puhemies .",
        },
    )
    debates = Europarl().read("de")
    assert [each.split() for each in debates] == [
        ["Wiederaufnahme", "Ich", "erkläre", "."],
        ["Genehmigung", "."],
        ["Donnerstag", "."],
        ["Ende", "."],
    ]
    assert Europarl().read("fi") == ["Puhemies ."]
    assert language_of(["europarl/de", "europarl/fi", "europarl/de", "lee"]) == "de+fi+en"
    for item in ("", "xx", "../../etc"):
        with pytest.raises(TextgenError, match=r"unknown language of europarl .*da, de, el, en"):
            Europarl().read(item)


@pytest.mark.parametrize(
    ("corpus", "item"), [(Europarl(), "de"), (Gutenberg(), "austen-emma.txt"), (TinyShakespeare(), "")]
)
@pytest.mark.usefixtures("cache_folder")
def test_without_a_network(
    corpus: Europarl | Gutenberg | TinyShakespeare, item: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        TextgenError, match=r"^cannot download .*; use wiki or lee, .* or the path of a text$"
    ):
        corpus.read(item)
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("downloading ")
    assert output.err.count("\n") == 1


def test_tinyshakespeare_is_downloaded_once_and_checked(
    cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "input.txt"
    source.write_text("First Citizen:\nSpeak.\n")
    monkeypatch.setattr(downloads, "URL", source.as_uri())
    with pytest.raises(TextgenError, match="is not tinyshakespeare"):
        TinyShakespeare().read("")
    assert not cache_folder.exists()

    monkeypatch.setattr(downloads, "SHA256", hashlib.sha256(source.read_bytes()).hexdigest())
    assert TinyShakespeare().read("") == "First Citizen:\nSpeak.\n"
    assert [path.name for path in cache_folder.iterdir()] == ["tinyshakespeare.txt"]

    source.unlink()  # from now on only the cache has it
    assert TinyShakespeare().read("") == "First Citizen:\nSpeak.\n"
    (cache_folder / "tinyshakespeare.txt").write_text("damaged")
    with pytest.raises(TextgenError, match="cannot download"):
        TinyShakespeare().read("")


@pytest.mark.parametrize("corpus", [Wiki, Lee])
def test_without_gensim_its_texts_say_what_to_install(
    corpus: type[Wiki | Lee], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    articles.cache_clear()
    with pytest.raises(TextgenError, match=r"the corpus (wiki|lee) is part of gensim, .*\[vectors\]"):
        corpus().read("")


def test_it_contains_the_modules_unchanged_in_the_order_of_their_names() -> None:
    text = "\n\n".join(StandardLibrary().read(""))
    assert getsource(json) not in text  # a package
    assert getsource(bisect) in text
    assert 0 < text.index("# bisect.py\n") < text.index("# textwrap.py\n") < text.index(getsource(textwrap))
