"""Checks of readers, with files that may be of their format or not."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from textgen.contracts import TextgenError
from textgen.data.decoding import utf8
from textgen.data.readers import SUFFIX, readers
from textgen.data.text_file import SourceFile
from textgen_kit.checking import CheckError, Subject, expect, reworded, shown, state_unchanged
from textgen_kit.texts import OTHER_PROSE, PROSE

FIELD = "text"


def check_reader_suffixes(subject: Subject) -> None:
    """`suffixes` are its own, in lower case with dots; `has_fields` and `is_binary`, if given, are bools.

    By its suffix a file finds its reader.
    """
    reader = subject.new()
    suffixes: Any = getattr(reader, "suffixes", None)
    is_row = isinstance(suffixes, (tuple, list)) and len(suffixes) > 0
    expect(is_row, f"a tuple of suffixes, such as ('.html',); got {shown(suffixes)}")
    wrong = [each for each in suffixes if not (isinstance(each, str) and SUFFIX.fullmatch(each))]
    expect(not wrong, f"suffixes in lower case after their dot; got {shown(wrong)}")
    for name in ("has_fields", "is_binary"):
        value = getattr(reader, name, False)
        expect(isinstance(value, bool), f"True or False in {name}; got {shown(value)}")
    for suffix in suffixes:
        claims = readers().get(suffix, ())
        others = [str(each.plugin) for each in claims if not isinstance(reader, type(each.reader))]
        expect(not others, f"suffixes that no other reader has; {suffix} is that of {', '.join(others)}")


def check_reader_documents(subject: Subject) -> None:
    """`documents` returns or yields documents, from the file that it is given.

    The file may be packed: its `where` is for messages.
    """
    reader = subject.new()
    for data in files().values():
        try:
            list(documents_of(reader, data))
        except CheckError:
            raise
        except Exception:  # of which reader-any-file tells
            pass


def check_reader_any_file(subject: Subject) -> None:
    """Any file gives documents of strings, or a `TextgenError` of one line.

    Files are cut off, or not what their names say.
    """
    reader = subject.new()
    for what, data in files().items():
        try:
            for piece in chain.from_iterable(documents_of(reader, data)):
                expect(isinstance(piece, str), f"pieces of text from {what}; got {type(piece).__name__}")
        except TextgenError as error:
            expect(len(str(error).splitlines()) == 1, f"one line about {what}; got {shown(str(error))}")
        except Exception as error:
            error.add_note(f"while reading {what}; make it a TextgenError, see naming_damage")
            raise


def check_reader_deterministic(subject: Subject) -> None:
    """The same file gives the same documents each time, without global randomness.

    A text is read again when a run is continued or verified.
    """
    with state_unchanged("reading"):
        for what, data in files().items():
            first, again = (read(subject, data) for _ in range(2))
            expect(first == again, f"the same documents of {what} again; they differ")


def read(subject: Subject, data: bytes) -> list[str] | str:
    """Return the documents of a file, or the error about it."""
    reader = subject.new()
    try:
        return ["".join(document) for document in documents_of(reader, data)]
    except TextgenError as error:
        return str(error)


def documents_of(reader: Any, data: bytes) -> Iterator[list[Any]]:
    """Yield the pieces of each document of a file; raises `CheckError` if it gets none in the right way."""
    with reworded("expected what file.pieces() or chunks() give; file.where is no path:", FileNotFoundError):
        documents = reader.documents(source(reader, data), FIELD)
        is_iterable = isinstance(documents, Iterable) and not isinstance(documents, str)
        expect(is_iterable, f"documents to be returned or yielded; got {type(documents).__name__}")
        yield from map(list, documents)


def source(reader: object, data: bytes) -> SourceFile:
    """Return a file with the first suffix of a reader."""
    name = f"file{next(iter(getattr(reader, 'suffixes', ())), '')}"
    return SourceFile(name, name, partial(io.BytesIO, data))


def files() -> dict[str, bytes]:
    """Return files by what they are: texts, markup, tables, an archive, noise; whole and cut off."""
    paragraphs = [*re.split(r"\n+", PROSE), OTHER_PROSE]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", PROSE)
    whole = {
        "prose": utf8(PROSE),
        "a page": utf8("<html><body>" + "".join(f"<p>{each}</p>" for each in paragraphs) + "</body></html>"),
        "XML": utf8("<?xml version='1.0'?><book><body><p>One.</p></body></book>"),
        "a table": utf8("id,text\n" + "".join(f'{i},"{i} texts"\n' for i in range(20))),
        "JSON lines": utf8("".join(json.dumps({"text": each}) + "\n" for each in paragraphs)),
        "an archive": packed.getvalue(),
        "noise": random.Random(0).randbytes(3000),
    }
    cut = {f"{what} that is cut off": data[: len(data) * 2 // 3] for what, data in whole.items()}
    return {"an empty file": b"", **whole, **cut}
