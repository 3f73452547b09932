"""Saved comparisons under several budgets: how they are found, listed, shown, reported and verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen.comparison.bench_kind import RESULT, BenchKind
from textgen.results.folders import subfolders
from textgen.results.kinds import About, Kind, VerifiedFiles, about_best
from textgen.runtime.output import visible_in
from textgen.runtime.storage.result_folders import MARKDOWN

if TYPE_CHECKING:
    from rich.console import Console

    from textgen.results.verification import VerificationCheck

LADDER = "ladder.json"


class LadderKind(Kind):
    """A comparison of entries under several budgets, each in a folder of its own."""

    file = LADDER
    field = "rungs"
    has_runs = ranks_runs = True

    def record(self) -> type:
        """Return the class of the file."""
        from textgen.results.ladder import Ladder

        return Ladder

    def files(self) -> tuple[str, ...]:
        """Return the files of a ladder and of its benches."""
        return (*super().files(), MARKDOWN, *(f"*/{file}" for file in BenchKind().files()))

    def runs(self, folder: Path) -> list[Path]:
        """Return the runs of all budgets."""
        return list(chain.from_iterable(map(BenchKind().runs, subfolders(folder))))

    def about(self, values: Mapping[str, Any]) -> About:
        """Return its entries, and the best of them under the largest budget."""
        budgets, rungs = values["budgets"], values["rungs"]
        scores = filter(None, (rung["score"] for rung in rungs if rung["budget"] == budgets[-1]))
        best: Any = min(scores, key=lambda score: score["bits_per_char"], default={})
        return about_best((rung["entry"] for rung in rungs), values["corpus"], ",".join(budgets), best)

    def text(self, result: Any, folder: Path) -> str:
        """Return its tables."""
        from textgen.report.markdown import ladder_markdown

        return ladder_markdown(result)

    def draw(self, result: Any, folder: Path, console: Console, *, full: bool) -> str:
        """Draw its tables, all or the most important ones; return who is ahead."""
        from textgen.report.ladder_answer import who_is_ahead
        from textgen.report.terminal import render_ladder

        render_ladder(visible_in(result), console, full=full)
        return who_is_ahead(result)

    def html(self, result: Any, folder: Path, *, with_models: bool = False) -> str:
        """Return its page, which leads to those of its benches."""
        from textgen.report.ladder_page import ladder_html

        return ladder_html(result)

    def verify(self, files: VerifiedFiles, path: Path) -> Iterator[VerificationCheck]:
        """Yield the checks of its numbers, and those of its benches if they are all there."""
        from textgen.results.comparison import Comparison
        from textgen.results.ladder import Ladder
        from textgen.results.verify_bench import check_method
        from textgen.results.verify_ladder import verify_ladder, verify_rungs
        from textgen.runtime.storage.json_records import read_record

        result = files.read(Ladder, path)
        check_method(result.interval_method, path)
        yield from verify_ladder(result)
        benches = [path.parent / budget / RESULT for budget in result.budgets]
        if all(bench.is_file() for bench in benches):
            yield verify_rungs(result, [read_record(Comparison, bench) for bench in benches])
            for bench in benches:
                yield from BenchKind().verify(files, bench)
