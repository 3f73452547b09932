"""A ladder in a folder: the comparison under each budget is in a subfolder that is named by it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from textgen.comparison.bench import BenchOptions, bench_each, compared_before
from textgen.comparison.bench_kind import BENCH, DETAILS, LADDER
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry
from textgen.reports.html import to_html
from textgen.reports.ladder_report import ladder_report
from textgen.reports.markdown import to_markdown
from textgen.results.folders import RUNS_OF_BENCH
from textgen.results.guesses import GUESSES
from textgen.results.judge import ladder
from textgen.results.ladder import Ladder
from textgen.runtime.environment import command_line
from textgen.runtime.storage.files import NotSavedError, make_folder, write_file
from textgen.runtime.storage.json_records import read_record, read_values, write_record
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE, RUN_FILE
from textgen.training.budget import Budget, ladder_of, parse_budget
from textgen.training.progress import Report, ignore_report


def run_ladder(
    entries: Sequence[Entry],
    corpus: Corpus,
    options: BenchOptions,
    out: Path,
    *,
    budgets: Sequence[Budget],
    report: Report = ignore_report,
) -> Ladder:
    """Compare the entries under each of the rising budgets; the results are also saved in `out`.

    What `out` holds is reused, as `bench` does. Raises `NotSavedError` with the result if something could not
    be saved.
    """
    _adopt(out)
    made = bench_each(entries, corpus, options, {out / budget: budget for budget in budgets}, report)
    result, unsaved = ladder(made.results, command_line()), made.unsaved
    try:
        write_record(out / LADDER, result)
        written = ladder_report(result, made.results[-1])
        write_file(out / MARKDOWN, to_markdown(written))
        write_file(out / PAGE, to_html(written))
    except OSError as error:
        unsaved = error
    if unsaved:
        raise NotSavedError(out, unsaved, result) from unsaved
    return result


def budgets_with(out: Path, asked: Sequence[Budget]) -> tuple[Budget, ...]:
    """Return the budgets under which entries are compared in a folder: those of its ladder belong to it.

    Raises `TextgenError` if they do not fit together.
    """
    held = [*read_record(Ladder, out / LADDER).budgets] if (out / LADDER).is_file() else []
    is_new = {budget.amount for budget in asked}.isdisjoint(budget.amount for budget in held)
    if len(asked) == 1 and not held:
        return tuple(asked)
    if len(asked) == 1 and is_new:
        raise TextgenError(
            f"{str(out)!r} holds a ladder, to which entries are added with one of its budgets "
            f"({', '.join(held)}); a budget by --budget {held[0]},{asked[0]}"
        )
    if len(asked) > 1 and (single := _budget_of(out)):
        held.append(single)
    if held and held[0].unit != asked[0].unit:
        raise TextgenError(
            f"{str(out)!r} holds a comparison of {', '.join(held)}; give budgets in the same unit, "
            "or choose another folder (--out)"
        )
    # One that is there may be written in another way, such as 60s instead of 1m.
    return ladder_of({each.amount: each for each in (*asked, *held)}.values())


def compared_in(out: Path, budgets: Sequence[Budget]) -> list[str]:
    """Return the entries of the comparisons that a folder holds, of one budget or of several."""
    folders = [out, *(out / budget for budget in budgets)]
    return list(dict.fromkeys(name for folder in folders for name in compared_before(folder)))


def _budget_of(out: Path) -> Budget | None:
    """Return the budget of the ordinary comparison that a folder holds, perhaps unfinished."""
    with suppress(LookupError, TypeError):
        if (out / BENCH).is_file():
            return parse_budget(read_values(out / BENCH)["budget"])
        for run in sorted(out.glob(f"{RUNS_OF_BENCH}/*/{RUN_FILE}")):
            return parse_budget(read_values(run)["settings"]["budget"])
    return None


def _adopt(out: Path) -> None:
    """Make an ordinary comparison in a folder that of its budget: it moves to the subfolder."""
    budget = _budget_of(out)
    if budget is None:
        return
    folder = out / budget
    make_folder(folder)
    names = (RUNS_OF_BENCH, DETAILS, GUESSES, MARKDOWN, PAGE, BENCH)
    for name in names:  # the last one tells what budget they have
        if (out / name).exists() and not (folder / name).exists():
            (out / name).rename(folder / name)
