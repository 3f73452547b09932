"""A file of texts, perhaps packed: its bytes, text and lines in bounded memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import IO, TypeAlias

from textgen.contracts import TextgenError
from textgen.data.decoding import CHUNK_BYTES, decode_chunks, guess_encoding
from textgen.defaults import ENCODING
from textgen.runtime.messages import one_line

Document: TypeAlias = Iterable[str]
"""The text of a document in pieces; they are read before the next document is asked for."""
MAX_BYTES = 1 << 35
"""Maximum number of bytes of a file, unpacked, and of all texts in an archive together."""
MAX_RECORDS = 10**7
"""Maximum number of records of a file."""
MAX_RECORD_CHARS = 1 << 24
"""Maximum number of characters that are held at a time: of a line, a value of a table, a page or XML.

JSON takes up to 30 bytes of memory per character.
"""


@dataclass(frozen=True)
class SourceFile:
    """A file, or a member of an archive, that can be read several times: the `TextFile` of readers."""

    where: str
    """Its path, for messages; that of a member follows that of its archive."""
    name: str
    """Its name, without the suffix of a compression that `open` undoes."""
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    encoding: str = ENCODING

    def declared(self, encoding: str) -> SourceFile:
        """Return the file in the encoding that it declares, unless the user has named one."""
        return replace(self, encoding=encoding) if self.encoding == ENCODING else self

    def member(self, name: str, open: Callable[[], AbstractContextManager[IO[bytes]]]) -> SourceFile:  # noqa: A002
        """Return a file that is packed in this one; it has its own encoding."""
        return SourceFile(f"{self.where}/{name}", name, open)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes; raises `TextgenError` if they cannot be read, or are more than `MAX_BYTES`."""
        num_bytes = 0
        with naming_damage(self.where), self.open() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                check_size(num_bytes := num_bytes + len(chunk), self.where)
                yield chunk

    def pieces(self) -> Iterator[str]:
        """Yield the text; raises as `decode_chunks` does, and if its encoding cannot be guessed."""
        encoding = self.encoding
        if encoding == ENCODING:
            encoding = guess_encoding(self.chunks(), self.where)
        yield from decode_chunks(self.chunks(), self.where, encoding)

    def lines(self) -> Iterator[str]:
        """Yield the lines with their ends; raises `TextgenError` if one is too long to be held."""
        rest = ""
        for piece in self.pieces():
            *lines, rest = (rest + piece).split("\n")
            for line in lines:
                yield line + "\n"
            check_length(len(rest), self.where)
        if rest:
            yield rest

    @contextmanager
    def seekable(self) -> Iterator[IO[bytes]]:
        """Open the file, or a copy of what is packed in it, to read the bytes in any order."""
        with self.open() as stream:
            if isinstance(stream, io.BufferedReader):
                yield stream
                return
        with TemporaryFile() as copy:
            for chunk in self.chunks():
                copy.write(chunk)
            copy.seek(0)
            yield copy


@contextmanager
def naming_damage(where: str) -> Iterator[None]:
    """Turn whatever reading a file raises into a `TextgenError` with its name."""
    try:
        yield
    except TextgenError:
        raise
    except Exception as error:  # libraries raise anything on bytes that they do not expect
        if reason := isinstance(error, OSError) and error.strerror:
            raise TextgenError(f"cannot read {where}: {reason}") from None
        reason = one_line(error, with_type=False).rstrip(".")
        raise TextgenError(f"{where} is damaged, or its suffix is wrong: {reason}") from None


def missing_library(where: str, library: str) -> TextgenError:
    """Return the error about a format whose library is not installed."""
    return TextgenError(f'reading {where} needs {library}; run: pip install "textgen-bench[formats]"')


def check_size(num_bytes: int, where: str) -> None:
    """Raise `TextgenError` for a file that unpacks to more than `MAX_BYTES`."""
    if num_bytes > MAX_BYTES:
        raise TextgenError(f"{where} unpacks to more than {MAX_BYTES >> 30} GiB; split it")


def check_length(num_chars: int, where: str) -> None:
    """Raise `TextgenError` for a line or value that is too long to be held in memory."""
    if num_chars > MAX_RECORD_CHARS:
        raise TextgenError(f"{where} has a record of more than {MAX_RECORD_CHARS:,} characters; split it")
