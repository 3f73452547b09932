"""The cleaners: each step by name, and what holds for every text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_cleaners.markup import strip_markup
from textgen_cleaners.plain import Letters, Raw
from textgen_cleaners.prose import Prose, strip_boilerplate
from textgen_cleaners.typography import normalise_unicode, repair, straighten_quotes

ANY_TEXT = st.text(st.characters())  # lone surrogates included
PIECES = [
    *"<>&;[]{}|_='`*#/!-. \t\n\r\x00\x85\u200b\u2028\u00ad\ud800é“”—…\u2018\u2019\uff57",
    *("amp;", "lt;", "&#10;", "&nbsp;", "b", "<b>", "</b>", "<br/>", "<!--", "-->", "<ref>", "</ref>"),
    *("[[", "]]", "{{", "}}", "File:", "__TOC__", "''", "'''", "``", "_word_", "[12]"),
    *("[Illustration: x]", "â€™", "Ã©", "Ä\x9c", "ﬁ", "e\u0301", "\x1b[1m"),
    "\n\n",
    "== x ==",
    "Project Gutenberg's X\n",
    "*** START OF THIS PROJECT GUTENBERG EBOOK X ***\n",
    "*** END OF THE PROJECT GUTENBERG EBOOK X ***\n",
    "Produced by A\n",
]
NASTY_TEXT = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@given(ANY_TEXT | NASTY_TEXT)
@settings(max_examples=200, deadline=None)
def test_clean_is_idempotent_and_tidy(text: str) -> None:
    cleaned = Prose().clean(text)
    assert Prose().clean(cleaned) == cleaned
    assert "\n\n\n" not in cleaned
    assert "  " not in cleaned
    assert cleaned == "" or (cleaned.endswith("\n") and not cleaned.startswith("\n"))
    cleaned.encode()


STEPS = [field.name for field in dataclasses.fields(Prose)]

WRAPPED = (
    "It was a truth that nobody in the whole neighbourhood would have\n"
    "denied, that the bridge had been built in the wrong place, and--\n"
    "what was worse--far too late.\n"
)
VERSE = "Many a flower is born,\nTo blush unseen,\nAnd waste its fragrance.\n"


def test_wrapped_prose_is_joined_and_verse_keeps_its_lines() -> None:
    joined = WRAPPED.replace("and--\n", "and--").replace("\n", " ").strip() + "\n"
    text = "\n".join([WRAPPED] * 9 + [VERSE])
    assert Prose().clean(text) == "\n".join([joined] * 9 + [VERSE])
    assert Prose(unwrap=False).clean(text) == text
    assert Prose().clean("\n".join([WRAPPED] + [VERSE] * 9)) == "\n".join([WRAPPED] + [VERSE] * 9)


@given(ANY_TEXT)
def test_without_steps_nothing_changes(text: str) -> None:
    assert Prose(**dict.fromkeys(STEPS, False)).clean(text) == text
    assert Raw().clean(text) == text


def test_plain_prose_is_left_alone() -> None:
    prose = (
        'It\'s 5 * 3 (or so) -- "well", he said; A/B, 50% & more: x < y, $5 #1 C++.\n\n'
        "In snake_case __init__ 'tis.\n"
    )
    assert Prose().clean(prose) == prose


@pytest.mark.parametrize(
    ("option", "text", "cleaned"),
    [
        ("repair", "CafÃ© noir.\n", "Café noir.\n"),
        ("unicode", "Soft\u00adware.\n", "Software.\n"),
        ("quotes", "“Yes.”\n", '"Yes."\n'),
        ("markup", "A <b>bold</b> word.\n", "A bold word.\n"),
        ("boilerplate", "*** START OF THE PROJECT GUTENBERG EBOOK X ***\nText.\n", "Text.\n"),
        ("whitespace", "One  two. \n\n\n", "One two.\n"),
    ],
)
def test_each_option_switches_its_step_off(option: str, text: str, cleaned: str) -> None:
    assert Prose().clean(text) == cleaned
    assert Prose(**{option: False}).clean(text) == text


@pytest.mark.parametrize(
    ("step", "text", "cleaned"),
    [
        (repair, "Itâ€™s a cafÃ©", "It\u2019s a café"),
        (repair, "\x1b[1mbold\x1b[0m", "bold"),
        (repair, "“naïve” \u2013 5 €, Łódź, 東京", "“naïve” \u2013 5 €, Łódź, 東京"),
        (normalise_unicode, "cafe\u0301 o\ufb03ce \uff37", "café office W"),
        (normalise_unicode, "a\u00a0b\u3000c\u2009d", "a b c d"),
        (normalise_unicode, "a\u200bb\u00adc\ufeffd\x00e\ue000f\ud800g", "abcdefg"),
        (normalise_unicode, "a\r\nb\rc\x0cd\u2028e\tf", "a\nb\nc\nd\ne\tf"),
        (normalise_unicode, "10² ½ Ω 東京", "10² ½ Ω 東京"),
        (straighten_quotes, "“Don\u2019t,” she said—\u2018never\u2019 …", "\"Don't,\" she said--'never' ..."),
        (straighten_quotes, "``So,'' she said, 1914\u201318 «oui»", '"So," she said, 1914-18 "oui"'),
    ],
)
def test_typography(step: Callable[[str], str], text: str, cleaned: str) -> None:
    assert step(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<p class='x'>One<br/>two</p> <!-- no\nnote -->", "One\ntwo "),
        ("a<ref name=x>Smith 1990</ref>, b<ref/>", "a, b"),
        ("x &lt; y &amp;amp; z &eacute;&#233; AT&T; &nosuch;", "x < y & z éé AT&T; &nosuch;"),
        ("[[Rome|the city]] of [[Italy]] [[File:a.png|thumb|x]]", "the city of Italy "),
        ("see [https://example.org/a the page]", "see  the page"),
        ("'''Bold''' and ''italic'' {{cite|x}}", "Bold and italic "),
        ("== Early life ==", " Early life "),
        ("{| class=x\n|-\n| a || b\n|}", "\n\n\n"),
        ("a _very_ good _long\nphrase_, snake_case_name", "a very good long\nphrase, snake_case_name"),
        ("[Illustration: A\nship] Text[12] goes[*] on [sic]", " Text goes on [sic]"),
        ("if a < b and c > d", "if a < b and c > d"),
        ("the dogs' and ''Tis", "the dogs' and ''Tis"),
    ],
)
def test_markup(text: str, cleaned: str) -> None:
    assert strip_markup(text) == cleaned


BOOK = """The Project Gutenberg EBook of Emma, by Jane Austen

This eBook is for the use of anyone anywhere at no cost.

*** START OF THIS PROJECT GUTENBERG EBOOK EMMA ***

Produced by An Anonymous Volunteer
and another

EMMA

Emma Woodhouse, handsome, clever, and rich.

End of the Project Gutenberg EBook of Emma, by Jane Austen

*** END OF THIS PROJECT GUTENBERG EBOOK EMMA ***

Section 1. General Terms of Use
This Web site includes information about how to
subscribe to our email newsletter to hear about new eBooks.
"""
OLD_BOOK = """**The Project Gutenberg Etext of Persuasion, by Jane Austen**

Please take a look at the important information in this header.
*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*

Sir Walter Elliot, of Kellynch Hall.

End of The Project Gutenberg Etext of Persuasion
"""


def test_boilerplate_of_one_or_several_books() -> None:
    emma = "EMMA\n\nEmma Woodhouse, handsome, clever, and rich."
    assert strip_boilerplate(BOOK).strip() == emma
    assert strip_boilerplate(OLD_BOOK).strip() == "Sir Walter Elliot, of Kellynch Hall."
    both = Prose().clean(f"My own notes.\n\n{OLD_BOOK}\n{BOOK}\nMy last word.")
    assert both == f"My own notes.\n\nSir Walter Elliot, of Kellynch Hall.\n\n{emma}\n\nMy last word.\n"


def test_boilerplate_leaves_a_text_that_only_mentions_gutenberg() -> None:
    text = "Michael Hart began Project Gutenberg in 1971.\n\nProduced by hand.\n"
    assert strip_boilerplate(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Don\u2019t! I can't, won't; they'll've been", "do not i can not will not they will have been\n"),
        ("I'm sure he's late. Let's go, we're 5.", "i am sure he is late let us go we are\n"),
        ("John's coat, o'clock, 'tis", "john s coat o clock it is\n"),
        ("Señor Ærø, naïve Straße", "senor aero naive strasse\n"),
        ("One line\nof two.\n\n\nNext (1815) one.", "one line of two\nnext one\n"),
        ("東京 42!", ""),
    ],
)
def test_letters(text: str, cleaned: str) -> None:
    assert Letters().clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Er sagte: „Ja“ und »nein«!", 'Er sagte: "Ja" und "nein"!'),
        ("Il dit\u00a0: «\u202foui\u202f» et « non ».", 'Il dit : "oui" et "non".'),
        ("»a!« und »b«", '"a!" und "b"'),
        ("Он сказал: «да» — и ушёл…", 'Он сказал: "да" -- и ушёл...'),
        ("这是“软件包”（包）：很好！……——ＤＥＢ１", "这是“软件包”（包）：很好！……——DEB1"),
        ("「はい」（ｄｅｂ）、どうぞ！", "「はい」（deb）、どうぞ！"),
        ("It is “good”！", 'It is "good"!'),
    ],
)
def test_typography_of_other_languages(text: str, cleaned: str) -> None:
    assert Prose().clean(text) == cleaned + "\n"


def test_wrapped_chinese_is_joined_without_spaces() -> None:
    line = "软件包" * 20
    assert Prose().clean(f"{line}\n{line}\nDebian {line}\n{line}") == f"{line}{line} Debian {line}{line}\n"
