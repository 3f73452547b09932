"""Formats of texts: which files contain texts, and the documents in each, by its suffix."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from textgen.contracts import NoSuchFieldError, TextgenWarning
from textgen.data.readers.bound_reader import BLANK, reader_of, readers
from textgen.data.readers.budget import RECORD_COST
from textgen.data.readers.text_file import Document
from textgen.data.readers.unpacking import COMPRESSIONS, ZIP, unpacked

FIELD = "text"
"""The field that is read unless another is named."""
PLAIN = re.compile(r"\.(txt|md|markdown|rst|tex|log|pyi?|[ch]|cc|[ch]pp|cs|go|java|js|ts|rs|rb|sh|sql)")
"""Suffixes of plain text in folders and archives; a file that is named itself may have any."""


def is_known(name: str) -> bool:
    """Return whether a file in a folder or an archive is read; hidden ones are not."""
    path = PurePosixPath(name)
    suffix = _suffix(path.name)
    is_hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not is_hidden and (suffix in readers() or PLAIN.fullmatch(suffix) is not None)


def has_fields(name: str) -> bool:
    """Return whether a file has fields, or may contain files that have."""
    return _suffix(name) in {*suffixes_with_fields(), ZIP}


def suffixes_with_fields() -> list[str]:
    """Return the suffixes of formats in which a field of each record is a document."""
    return sorted(suffix for suffix, claims in readers().items() if any(each.has_fields for each in claims))


def is_binary(name: str) -> bool:
    """Return whether a file is not a text before it is unpacked."""
    suffix = PurePosixPath(name.lower()).suffix
    return suffix in {*COMPRESSIONS, ZIP} or any(each.is_binary for each in readers().get(suffix, ()))


def files_of(folder: Path) -> list[Path]:
    """Return the files with texts in a folder and the folders in it, in the order of their paths.

    Hidden ones are left out, and links to folders are not followed.
    """
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        zipped = (name for name in names if _suffix(name) == ZIP and not name.startswith("."))
        found += [Path(where, name) for name in (*filter(is_known, names), *zipped)]
    return sorted(path for path in found if path.is_file())


def documents_of(
    path: Path, field: str | None, encoding: str, *, is_alone: bool = True
) -> Iterator[Document]:
    """Yield the documents of a file, unpacked if need be; `field` is that of tables, if one is named.

    Without a name, tables among other files, as of scores next to texts, are left out if they lack `FIELD`,
    with a warning. Raises `TextgenError` if the file cannot be read, is damaged, or gives far more than a
    text of its size.
    """
    leaves_out = field is None and (not is_alone or _suffix(path.name) == ZIP)
    with unpacked(path, encoding, is_known) as files:
        for file in files:
            reader = reader_of(_suffix(file.name))
            documents = iter([file.pieces()]) if reader is None else reader.documents(file, field or FIELD)
            for document in _unless_fieldless(documents) if leaves_out else documents:
                if document == BLANK:
                    file.budget.take(RECORD_COST)
                else:
                    yield file.budget.texts(document)


def _unless_fieldless(documents: Iterator[Document]) -> Iterator[Document]:
    """Yield documents; none of a table whose first record lacks the field."""
    try:
        first = next(documents, None)
    except NoSuchFieldError as error:
        warnings.warn(f"left out: {error}", TextgenWarning, stacklevel=2)
        return
    if first is not None:
        yield first
        yield from documents


def _suffix(name: str) -> str:
    """Return the suffix of a file below that of its compression, such as `.jsonl` of `a.jsonl.gz`."""
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in COMPRESSIONS else path.suffix
