"""Checks of corpora; they are skipped if the text would have to be downloaded and cannot be."""

from __future__ import annotations

import re
from typing import Any

from textgen.contracts import TextgenError
from textgen_kit.checking import CheckError, CheckSkipped, Subject, expect, shown, state_unchanged

NO_DATA = re.compile(r"download|network|internet|connect|offline|not installed", re.I)
UNKNOWN_ITEM = "no/such item"


def check_corpus_text(subject: Subject) -> None:
    """Reading it, or its first item, gives a text that UTF-8 can encode.

    It is split, cleaned and hashed.
    """
    text = read(subject.new())
    expect(isinstance(text, str), f"a string; got {type(text).__name__}")
    expect(bool(text.strip()), f"a text; got {shown(text)}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        lone = shown(text[error.start : error.end])
        raise CheckError(f"expected no lone surrogates; got {lone} at {error.start}") from error


def check_corpus_deterministic(subject: Subject) -> None:
    """Reading it again gives the same text, without global randomness.

    Otherwise its results are results on different texts.
    """
    with state_unchanged("reading the corpus"):
        first, again = read(subject.new()), read(subject.new())
    sizes = f"{len(first)} and {len(again)} characters"
    expect(first == again, f"the same text again; got different texts of {sizes}")


def check_corpus_unknown_item(subject: Subject) -> None:
    """An item that does not exist is a `TextgenError` of one line.

    Users mistype names; a traceback does not help them.
    """
    try:
        text: object = subject.new().read(UNKNOWN_ITEM)
    except TextgenError as error:
        message = str(error)
        expect(bool(message) and "\n" not in message, f"a message of one line; got {shown(message)}")
        return
    except Exception as error:
        text = error
    expect(False, f"a TextgenError for the item {UNKNOWN_ITEM!r}; got {shown(text)}")


def read(corpus: Any) -> Any:
    """Return the text, or that of the first item if it has only items.

    Raises `CheckSkipped` if the text would have to be downloaded and cannot be.
    """
    try:
        try:
            return corpus.read("")
        except TextgenError as error:
            items = corpus.items() if hasattr(corpus, "items") else []
            if NO_DATA.search(str(error)) or not items:
                raise
            return corpus.read(items[0])
    except TextgenError as error:
        if NO_DATA.search(str(error)):
            raise CheckSkipped(str(error)) from error
        raise CheckError(f"expected a text; got the error: {error}") from error
