"""Files too large for memory: read, cleaned block by block in parallel, and kept in the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path

from textgen.contracts import Cleaner
from textgen.data.decoding import decode_files, read_chunks, utf8
from textgen.data.parallel import map_in_order
from textgen.data.text import BLOCK_CHARS, FileText, cut_blocks, sha256_of
from textgen.registry.options import build
from textgen.registry.registry import find
from textgen.runtime.storage.cache import cache_path, cached, new_cached_file
from textgen.version import DISTRIBUTION

FORMAT = 3
"""Version of the cached texts; raise it when the same file and cleaner give a different text."""


def clean_files(files: Sequence[Path], cleaner: str, encoding: str) -> FileText:
    """Return the cleaned text of files, joined by blank lines; it may be empty.

    Blocks of a million characters are cleaned one by one, so a cleaner that looks at its whole text (to
    tell whether prose is hard-wrapped) decides for each block. The result is cached under the hash of the
    files and of everything else that determines it. Raises as `decode` does, and if the cache cannot be
    written.
    """
    cleaning = build("cleaner", cleaner)
    path = cache_path(
        "texts",
        FORMAT,
        BLOCK_CHARS,
        [sha256_of(read_chunks(file)) for file in files],
        cleaner,
        encoding,
        version(DISTRIBUTION),
        find("cleaner", cleaner.partition(":")[0]).version,
    )
    description = cached(path)
    if description is None:
        description = {"block_chars": [], "block_bytes": []}
        blocks = cut_blocks(decode_files(files, encoding), BLOCK_CHARS)
        with new_cached_file(path, description) as file:
            for block in join(cleaning, map_in_order(cleaning.clean, blocks)):
                description["block_chars"].append(len(block))
                description["block_bytes"].append(file.write(utf8(block)))
    chars = list(accumulate(description["block_chars"], initial=0))
    return FileText(path, chars, list(accumulate(description["block_bytes"], initial=0)), ((0, chars[-1]),))


def join(cleaner: Cleaner, blocks: Iterable[str]) -> Iterator[str]:
    """Yield the cleaned blocks that are not empty, each followed by the separator before the next.

    The separator is the cleaner's `joint`; without one it is a blank line where the block ends mid-line.
    """
    joint: str | None = getattr(cleaner, "joint", None)
    previous = ""
    for block in filter(None, blocks):
        if previous:
            ends = previous.endswith("\n")
            yield previous + (("" if ends else "\n\n") if joint is None else joint)
        previous = block
    if previous:
        yield previous
