"""Picture of ladders: `python -m textgen_benchmarks.ladder_picture ladder-wiki ladder-lee`.

Each NAME is results/NAME.json, the ladder.json of `textgen bench --budget 15s,1m,4m`; each text has a panel,
with the scores of its entries over the budget, on a logarithmic axis, with 95 % intervals. The plot is
written to results/ladder.svg, or to `--out`; it needs matplotlib.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from matplotlib import rc_context
from matplotlib.figure import Figure

from textgen.library.comparison import Ladder as DrawnLadder
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.saving import RESULTS

COLUMNS = 2
"""Panels in a row."""


def main() -> None:
    """Draw the results that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--over", choices=["budget", "characters"], default="budget")
    parser.add_argument("--out", type=Path, default=RESULTS / "ladder.svg")
    options = parser.parse_args()
    ladders = [read_record(Ladder, RESULTS / f"{name}.json") for name in options.names]
    write_picture(ladders, options.out, options.over)


def write_picture(
    ladders: Sequence[Ladder], path: Path, over: Literal["budget", "characters"] = "budget"
) -> None:
    """Write the plot of several ladders; equal results give equal files."""
    with rc_context({"svg.hashsalt": "textgen", "svg.fonttype": "none", "font.size": 8}):
        draw_ladders(ladders, over).savefig(path, metadata={"Date": None}, bbox_inches="tight")


def draw_ladders(ladders: Sequence[Ladder], over: Literal["budget", "characters"] = "budget") -> Figure:
    """Return a plot with a panel for each ladder."""
    num_rows = -(-len(ladders) // COLUMNS)
    figure = Figure(figsize=(4.5 * min(COLUMNS, len(ladders)), 3.2 * num_rows), layout="constrained")
    for number, ladder in enumerate(ladders, start=1):
        axes = figure.add_subplot(num_rows, min(COLUMNS, len(ladders)), number)
        DrawnLadder(**vars(ladder)).plot(over, axes=axes)
        axes.set_title(ladder.corpus.name)
    return figure


if __name__ == "__main__":
    main()
