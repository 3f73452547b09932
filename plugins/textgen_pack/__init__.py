"""Packs texts with trained runs, so that a score is the size of a file that really gives the text back.

    from textgen_pack import pack, unpack

    packed = pack("runs/lstm", out="news.packed")
    text = unpack("runs/lstm", "news.packed")

`coder.py` is an arithmetic coder, and `packing.py` makes and reads the file.
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
    """Pack the text that a run was scored on, or the file `text`, and return the sizes.

    `run` is a folder, part of its name, or `latest`; a bench stands for its best run. `out` is a new file, by
    default `NAME.packed` in the current folder, `report` that of `bench`. Raises `TextgenError` if the run
    has no score, its text cannot be read again, or the file exists.
    """
    from textgen.library.progress import shown
    from textgen.results.names import find_run
    from textgen_pack.packing import pack_text

    with shown(report) as tell:
        return pack_text(find_run(run), text, out, tell)


def unpack(run: str | Path, file: str | Path, *, report: Report | bool | None = None) -> str:
    """Return the text in a packed file, its stretches one after the other.

    `run` and `report` are those of `pack`. Raises `TextgenError` if the file is damaged or of another run, or
    if the run does not repeat the probabilities that it was packed with.
    """
    from textgen.library.progress import shown
    from textgen.results.names import find_run
    from textgen_pack.packing import unpack_text

    with shown(report) as tell:
        return unpack_text(find_run(run), file, tell)
