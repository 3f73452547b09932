"""Checks of cleaners."""

from __future__ import annotations

from textgen.data.cleaning import join_cleaned
from textgen.data.text import cut_blocks
from textgen_kit.checking import Subject, expect, shown, state_unchanged, text_difference
from textgen_kit.texts import OTHER_PROSE, PROSE, any_texts, stretched

BLOCK_CHARS = 1500


def check_cleaner_any_text(subject: Subject) -> None:
    """Any text gives a string.

    Files contain control characters, halves of characters and worse.
    """
    cleaner = subject.new()
    for text in any_texts():
        try:
            cleaned = cleaner.clean(text)
        except Exception as error:
            error.add_note(f"while cleaning {shown(text)}")
            raise
        expect(isinstance(cleaned, str), f"a string from {shown(text)}; got {type(cleaned).__name__}")


def check_cleaner_empty_text(subject: Subject) -> None:
    """An empty text stays empty.

    Otherwise the cleaned text contains something that nobody wrote.
    """
    cleaned = subject.new().clean("")
    expect(cleaned == "", f"nothing from nothing; got {shown(cleaned)}")


def check_cleaner_deterministic(subject: Subject) -> None:
    """The same text is cleaned the same way each time, without global randomness.

    Every entry of a comparison gets the same text, now and later.
    """
    cleaner = subject.new()
    with state_unchanged("cleaning"):
        first = [cleaner.clean(text) for text in any_texts()]
        again = [each.clean(text) for each in (cleaner, subject.new()) for text in any_texts()]
    for text, once, twice in zip(any_texts() * 2, first * 2, again, strict=True):
        both = f"{shown(once)} and {shown(twice)}"
        expect(once == twice, f"the same from {shown(text)} each time; got {both}")


def check_cleaner_idempotent(subject: Subject) -> None:
    """Cleaning clean prose changes nothing, even if it had long runs of spaces or blank lines.

    Otherwise a text that was saved after cleaning changes when it is used.
    """
    cleaner = subject.new()
    for prose in (PROSE, OTHER_PROSE, stretched(PROSE, " "), stretched(PROSE, "\n")):
        once = cleaner.clean(prose)
        twice = cleaner.clean(once)
        expect(twice == once, f"cleaning twice to change nothing; {text_difference(once, twice)}")


def check_cleaner_blocks(subject: Subject) -> None:
    """Prose cleaned in blocks of paragraphs, joined by `joint`, equals the prose cleaned as a whole.

    Texts larger than memory are cleaned in blocks.
    """
    cleaner = subject.new()
    text = f"{PROSE}\n{OTHER_PROSE}"
    blocks = cut_blocks([text], BLOCK_CHARS)
    cleaned = ((cleaner.clean(block), False) for block in blocks)
    joined = "".join(part for part, _ in join_cleaned(cleaner, cleaned))
    whole = cleaner.clean(text)
    expect(joined == whole, f"the same in blocks, see joint; {text_difference(whole, joined)}")
