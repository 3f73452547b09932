"""Sources of texts: files, folders, standard input and corpora known by name."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.data.decoding import CHUNK_BYTES, decode_chunks, decode_files
from textgen.defaults import LANGUAGE
from textgen.registry.attribution import contract_error
from textgen.registry.options import build
from textgen.registry.registry import names, unknown_name
from textgen.runtime.storage.cache import DOWNLOADS, cache_folder
from textgen.runtime.this_process import are_texts_withheld

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


def read_text(sources: Sequence[str], encoding: str = "utf-8") -> tuple[str, str]:
    """Return the name and the text of the sources, joined by a plus sign and by a blank line.

    A source is `-` (standard input), a file, a folder (its `*.txt` files in order) or a corpus, as `wiki`
    or `gutenberg/austen-emma.txt`. `encoding` is that of the files and of standard input.
    """
    require_readable_texts()
    if not sources:
        raise TextgenError("no text given; name a path, - for standard input, or a corpus")
    named = [_read_source(source, encoding) for source in sources]
    return "+".join(name for name, _ in named), "\n\n".join(text for _, text in named)


def require_readable_texts() -> None:
    """Raise `TextgenError` in a process that trains an entry, and must not have what is scored."""
    if are_texts_withheld():
        raise TextgenError(
            "an entry reads no corpus while it is trained: it gets its training and validation text, and the "
            "text that is scored is kept from it"
        )


def language_of(sources: Sequence[str]) -> str:
    """Return the language of the text of the sources, as a BCP 47 tag; several are joined by plus signs.

    Corpora known by name say it; a file, a folder and standard input are taken for English.
    """
    return "+".join(dict.fromkeys(map(_language, sources)))


def locate_files(sources: Sequence[str]) -> list[tuple[str, list[Path]]] | None:
    """Return name and files of each source; None unless all of them are files or folders."""
    located = [_find_files(source) for source in sources if source != "-"]
    files = [source for source in located if source is not None]
    return files if len(files) == len(sources) else None


def are_names(sources: Sequence[str]) -> bool:
    """Return whether all sources are corpora known by name, so that no encoding applies to them."""
    known = names("corpus")
    return all(
        source.partition("/")[0].partition(":")[0] in known and not os.path.exists(source)
        for source in sources
    )


def _find_files(source: str) -> tuple[str, list[Path]] | None:
    """Return name and files of a source that is a path, otherwise None."""
    try:
        mode = os.stat(source).st_mode
    except PermissionError as error:
        raise TextgenError(f"cannot read {source}: {error.strerror}") from None
    except (OSError, ValueError):  # no such path, or one that is too long or contains a NUL
        return None
    path = Path(source)
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # which may never end
        raise TextgenError(f"{source} is a device; give a file, or - for standard input")
    is_substitution = source.startswith(("/dev/fd/", "/proc/self/fd/"))  # by a shell, as in <(command)
    if stat.S_ISSOCK(mode) or (stat.S_ISFIFO(mode) and not is_substitution):  # which may have no writer
        raise TextgenError(f"{source} is a pipe; give a file, or - for standard input")
    if not stat.S_ISDIR(mode):
        return path.name, [path]
    files = sorted(file for file in path.glob("*.txt") if file.is_file())
    if not files:
        raise TextgenError(f"the folder {source} contains no .txt files; give a file, or a folder with some")
    return path.resolve().name or source, files


def _read_source(source: str, encoding: str) -> tuple[str, str]:
    """Return the name and the text of one source."""
    if source == "-":
        chunks = iter(partial(sys.stdin.buffer.read, CHUNK_BYTES), b"")
        return "stdin", "".join(decode_chunks(chunks, "standard input", encoding))
    located = _find_files(source)
    if located is None:
        return source, _read_corpus(source)
    name, files = located
    return name, "".join(decode_files(files, encoding))


def _language(source: str) -> str:
    if source == "-" or _find_files(source) is not None:
        return LANGUAGE
    spec, _, item = source.partition("/")
    corpus = build("corpus", spec)
    if not hasattr(corpus, "language"):
        return LANGUAGE
    tag = corpus.language(item)
    if not isinstance(tag, str) or not LANGUAGE_TAG.fullmatch(tag):
        raise contract_error(corpus, f"returned {tag!r} as its language, instead of a tag such as 'de'")
    return tag


def _read_corpus(source: str) -> str:
    """Return the text of a corpus plugin; `source` is its spec, then optionally a slash and an item."""
    spec, _, item = source.partition("/")
    name = spec.partition(":")[0]
    known = names("corpus")
    if name not in known:
        is_path = os.sep in source or "/" in source or Path(source).suffix
        if is_path and not get_close_matches(name, known, n=1, cutoff=0.8):
            raise TextgenError(
                f"no such file: {source}; give a path, - for standard input, or a corpus: {', '.join(known)}"
            )
        raise TextgenError(unknown_name("corpus", name) + "; or give the path of a file")
    corpus = build("corpus", spec)
    text = corpus.read(item)
    if not isinstance(text, str):
        raise contract_error(corpus, f"returned {type(text).__name__} instead of a text")
    if not text:
        raise TextgenError(f"the corpus {source} is empty; choose another")
    return text


def download_folder() -> Path:
    """Return the folder in the cache for downloaded texts; it may not exist yet.

    `textgen cache clear` empties it, and the environment variable `TEXTGEN_CACHE` moves it.
    """
    return cache_folder() / DOWNLOADS
