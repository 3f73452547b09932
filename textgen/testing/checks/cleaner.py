"""Checks of cleaners."""

from __future__ import annotations

from typing import Any

from textgen.data.cleaning import join
from textgen.data.text import cut_blocks
from textgen.testing.asserts import difference, require, shown
from textgen.testing.process_state import state_unchanged
from textgen.testing.runner import check
from textgen.testing.texts import OTHER_PROSE, PROSE, any_texts, stretched

__tracebackhide__ = True

BLOCK_CHARS = 1500


@check("cleaner")
def check_cleaner_any_text(component: Any, /, **options: Any) -> None:
    """Any text gives a string.

    Files contain control characters, halves of characters and worse.
    """
    cleaner = component(**options)
    for text in any_texts():
        try:
            cleaned = cleaner.clean(text)
        except Exception as error:
            error.add_note(f"while cleaning {shown(text)}")
            raise
        require(
            isinstance(cleaned, str), f"expected a string from {shown(text)}; got {type(cleaned).__name__}"
        )


@check("cleaner")
def check_cleaner_empty_text(component: Any, /, **options: Any) -> None:
    """An empty text stays empty.

    Otherwise the cleaned text contains something that nobody wrote.
    """
    cleaned = component(**options).clean("")
    require(cleaned == "", f"expected nothing from nothing; got {shown(cleaned)}")


@check("cleaner")
def check_cleaner_deterministic(component: Any, /, **options: Any) -> None:
    """The same text is cleaned the same way each time, without global randomness.

    Every entry of a comparison gets the same text, now and later.
    """
    cleaner = component(**options)
    with state_unchanged("cleaning"):
        first = [cleaner.clean(text) for text in any_texts()]
        again = [each.clean(text) for each in (cleaner, component(**options)) for text in any_texts()]
    for text, once, twice in zip(any_texts() * 2, first * 2, again, strict=True):
        found = f"{shown(once)} and {shown(twice)}"
        require(once == twice, f"expected the same from {shown(text)} each time; got {found}")


@check("cleaner")
def check_cleaner_idempotent(component: Any, /, **options: Any) -> None:
    """Cleaning clean prose changes nothing, even if it had long runs of spaces or blank lines.

    Otherwise a text that was saved after cleaning changes when it is used.
    """
    cleaner = component(**options)
    for prose in (PROSE, OTHER_PROSE, stretched(PROSE, " "), stretched(PROSE, "\n")):
        once = cleaner.clean(prose)
        twice = cleaner.clean(once)
        require(twice == once, f"expected cleaning twice to change nothing; {difference(once, twice)}")


@check("cleaner")
def check_cleaner_blocks(component: Any, /, **options: Any) -> None:
    """Prose cleaned in blocks of paragraphs, joined by `joint`, equals the prose cleaned as a whole.

    Texts larger than memory are cleaned in blocks.
    """
    cleaner = component(**options)
    text = f"{PROSE}\n{OTHER_PROSE}"
    blocks = cut_blocks([text], BLOCK_CHARS)
    joined = "".join(join(cleaner, (cleaner.clean(block) for block in blocks)))
    whole = cleaner.clean(text)
    require(joined == whole, f"expected the same in blocks, see joint; {difference(whole, joined)}")
