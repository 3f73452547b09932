"""The Debian handbook as a corpus: from a small package, and from the real one where it is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from textgen.contracts import TextgenError
from textgen.data.sources import language_of
from textgen_corpora.installed import Handbook

REAL = Path("/usr/share/doc/debian-handbook/html")
PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title>{next}</head>
<body><ul class="docnav"><li><a href="x">Weiter</a></li></ul><div class="section">{body}</div></body></html>
"""
GERMAN = {
    "index.html": '<div class="legalnotice"><div class="para">ISBN 1</div></div>',
    "b.html": """<h2 class="title">1. Titel</h2><a id="i" class="indexterm"></a><div class="para">
        Der <code>apt</code>-Befehl &amp; mehr.<br /> <div class="url">→ <a href="h">http://x</a></div> Ende.
        <pre class="screen"># apt install</pre>
        <ul><li><div class="para">Ein Punkt.</div></li></ul> Schluss.</div>""",
    "a.html": """<div class="para">Not translated.</div><div class="table"><div class="para">Zelle</div></div>
        <div class="para">Übersetzt.""",
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the book, in German, English and two kinds of Chinese."""
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'none'}:{tmp_path}")
    root = tmp_path / "doc" / "debian-handbook" / "html"
    english = {"index.html": '<div class="para">Not translated.</div>'}
    for locale, pages in {"de-DE": GERMAN, "en-US": english, "zh-CN": english, "zh-TW": english}.items():
        (root / locale).mkdir(parents=True)
        names = [*pages, ""]
        for name, following in zip(pages, names[1:], strict=True):
            link = f'<link rel="next" href="{following}" title="x" />' if following else ""
            (root / locale / name).write_text(PAGE.format(next=link, body=pages[name]), "utf-8")
    return root


@pytest.mark.usefixtures("data")
def test_paragraphs_in_the_order_of_the_chapters_without_listings_tables_and_english_ones() -> None:
    assert Handbook().read("de") == ("Der apt-Befehl & mehr. Ende.\n\nEin Punkt.\n\nSchluss.\n\nÜbersetzt.")
    assert Handbook().read("de-DE") == Handbook().read("de")
    assert Handbook().read("en") == "Not translated."


@pytest.mark.usefixtures("data")
def test_languages_are_items_with_their_region_where_there_are_several() -> None:
    assert Handbook().items() == ["de", "en", "zh-CN", "zh-TW"]
    assert [Handbook().language(item) for item in ("de", "zh-CN")] == ["de-DE", "zh-CN"]
    assert language_of(["handbook/de", "handbook/zh-CN", "handbook/de", "lee"]) == "de-DE+zh-CN+en"
    for item in ("", "xx", "../../etc"):
        with pytest.raises(TextgenError, match=r"unknown language of the handbook .*de, en, zh-CN, zh-TW"):
            Handbook().read(item)


def test_pages_in_a_circle_or_missing_are_no_endless_book(data: Path) -> None:
    page = data / "en-US" / "index.html"
    link = '<link rel="next" href="index.html" />'
    page.write_text(PAGE.format(next=link, body='<div class="para">Once.</div>'), "utf-8")
    assert Handbook().read("en") == "Once."
    page.write_text(PAGE.format(next='<link rel="next" href="../../gone.html" />', body=""), "utf-8")
    with pytest.raises(TextgenError, match=r"cannot read the handbook's page .*/en-US/gone\.html"):
        Handbook().read("en")


def test_without_the_package_one_line_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    assert Handbook().items() == []
    message = "the Debian handbook is not installed; run: apt-get install debian-handbook"
    with pytest.raises(TextgenError, match=f"^{message}$"):
        Handbook().read("de")


@pytest.mark.skipif(not REAL.is_dir(), reason="the Debian package debian-handbook is not installed")
@pytest.mark.parametrize(
    ("item", "letters", "least"),
    [
        ("de", "[a-zäöüß]", 0.7),
        ("ru", "[а-яё]", 0.6),
        ("ja", "[\u3040-\u9fff]", 0.5),
        ("zh-CN", "[\u4e00-\u9fff]", 0.5),
    ],
)
def test_the_real_book_is_prose_in_its_language(item: str, letters: str, least: float) -> None:
    text = Handbook().read(item)
    assert len(text) > 200_000
    assert len(re.findall(letters, text.lower())) > least * len(text)
    assert not re.search(r'<div|class="|&amp;|^Weiter$', text, re.M)
    assert "\n\n\n" not in text
