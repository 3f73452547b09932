"""Compression of texts with trained runs: it proves a score by a file from which the text can be restored.

    from textgen_pack import pack, unpack

    packed = pack("runs/lstm", out="news.packed")
    text = unpack("runs/lstm", "news.packed")

`coder.py` is an arithmetic coder; `packing.py` writes and reads the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from textgen.training.progress import Report
    from textgen_pack.packing import Packed

__all__ = ["pack", "unpack"]


def pack(
    run: str | Path,
    text: str | Path | None = None,
    *,
    out: str | Path | None = None,
    report: Report | bool | None = None,
) -> Packed:
    """Compress the text that a run was scored on, or the file `text`; return the sizes.

    `run` is a folder, part of its name, or `latest`; a bench stands for its best run. `out` is a new file, by
    default `NAME.packed` in the current folder; `report` is as in `bench`. Raises `TextgenError` if the run
    has no score, its text cannot be read again, or the file exists.
    """
    from textgen.library.progress import shown
    from textgen.results.names import find_run
    from textgen_pack.packing import pack_text

    with shown(report) as tell:
        return pack_text(find_run(run), text, out, tell)


def unpack(run: str | Path, file: str | Path, *, report: Report | bool | None = None) -> str:
    """Restore and return the text in a packed file, with its stretches joined.

    `run` and `report` are as in `pack`. Raises `TextgenError` if the file is damaged or from another run, or
    if the run does not reproduce the probabilities that it was packed with.
    """
    from textgen.library.progress import shown
    from textgen.results.names import find_run
    from textgen_pack.packing import unpack_text

    with shown(report) as tell:
        return unpack_text(find_run(run), file, tell)
