"""Tables of benchmarks/README.md, written from results/*.json: `python -m textgen_benchmarks.tables`.

The text between `<!-- KIND NAME… -->` and `<!-- end -->` is replaced by a table of results/NAME.json: the
scores of a comparison (`bench`), of ladders by budget (`ladder`), the changes of a suite on one or more texts
(`suite`), `seeds` or `coverage`. The rest is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from statistics import stdev
from typing import Any

from textgen.reports.bench_tables import named
from textgen.reports.columns import RowColumn, View, make_table
from textgen.reports.document import DASH
from textgen.reports.formats import count, thousandths
from textgen.reports.ladder_report import ladder_answer, score_table
from textgen.reports.markdown import escape, markdown_table, table_lines
from textgen.reports.rows import EntryRow, entry_rows, held_out_row, reference_rows
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks import coverage
from textgen_benchmarks.saving import RESULTS
from textgen_benchmarks.seeds import SeedResults
from textgen_suites.result import Effect, SuiteResult

PAGE = RESULTS.parent / "README.md"
MARKED = re.compile(r"(<!-- (?P<kind>\w+) (?P<names>[\w. -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Replace every table of the page."""
    PAGE.write_text(filled(PAGE.read_text("utf-8"), RESULTS), "utf-8")


def filled(text: str, results: Path) -> str:
    """Return `text` with the tables of the results between its markers."""

    def table(match: re.Match[str]) -> str:
        paths = [results / f"{name}.json" for name in match["names"].split()]
        return "\n".join([match[1].rstrip(), *KINDS[match["kind"]](paths), match[4]])

    return MARKED.sub(table, text)


def bench_table(paths: Sequence[Path]) -> Iterator[str]:
    """Yield the table of a comparison."""
    (path,) = paths
    result = read_record(Comparison, path)
    ranked = sorted([*entry_rows(result), *reference_rows(result)], key=EntryRow.ranking)
    shown = list(named(result, bench_columns()))
    yield from markdown_table(make_table("", "", shown, [*ranked, held_out_row(result)]))


def bench_columns() -> list[RowColumn[Any]]:
    """Return the columns of a comparison's table."""
    names = (
        "bits_per_char interval bits_per_char_without_oov num_parameters trained_chars_per_second "
        "real_word_rate"
    )
    changes: dict[str, dict[str, Any]] = {
        "bits_per_char_without_oov": {"header": "without OOV words", "write": thousandths},
        "trained_chars_per_second": {
            "header": "training chars/s",
            "write": lambda speed: count(float(f"{speed:.3g}")),
        },
    }
    return [replace(column, **changes.get(column.name, {})) for column in View(names).columns()]


def ladder_tables(paths: Sequence[Path]) -> Iterator[str]:
    """Yield the answer of each ladder, and the scores of its entries by budget."""
    for path in paths:
        result = read_record(Ladder, path)
        yield from ("", f"**{result.corpus.name}**: {escape(ladder_answer(result))}", "")
        scores = score_table(result)
        rows = [row for row in scores.rows if not row.is_reference]
        yield from markdown_table(replace(scores, rows=rows))
    yield ""


def suite_table(paths: Sequence[Path]) -> Iterator[str]:
    """Yield one table of a suite: the score of each case and its change, on one or more texts.

    Left out are chance, and the case that others are compared with: its score is one less its change.
    """
    results = [read_record(SuiteResult, path) for path in paths]
    header = ["question", "case"]
    for result in results:
        has_own_texts = len({question.corpus.name for question in result.questions}) > 1
        header += ["bits/char" if has_own_texts else f"{result.corpus.name}, {result.budget}", "change"]
    rows = [header]
    for number, question in enumerate(results[0].questions):
        title = f"{question.name}, against {question.reference}" if question.reference else question.name
        for case in question.cases:
            if case.entry == "random" or not (question.cumulative or question.effect(case.label)):
                continue
            cells = [escape(title), escape(case.label)]
            for result in results:
                found = result.questions[number]
                same = next((each for each in found.cases if each.label == case.label), None)
                score = same.bits_per_char if same else None
                cells += [f"{score.value:.3f}" if score else DASH, change_cell(found.effect(case.label))]
            rows.append(cells)
            title = ""
    yield from table_lines(rows, [0, 1])


def change_cell(effect: Effect | None) -> str:
    """Return a change with its interval: in bold if it is clear, marked if it is on another text."""
    change = effect.bits_per_char if effect else None
    if effect is None or change is None:
        return ""
    value = f"**{change.value:+.3f}**" if change.is_clear else f"{change.value:+.3f}"
    interval = "({:+.3f} to {:+.3f})".format(*change.interval) if change.interval else ""
    return f"{value} {interval}{'' if effect.paired else ' †'}"


def seeds_table(paths: Sequence[Path]) -> Iterator[str]:
    """Yield how many pairs of runs of one entry, with different seeds, are called different."""
    (path,) = paths
    result = read_record(SeedResults, path)
    header = ["standard deviations, with noise", "called different", "by the prior of other texts"]
    rows = [["text", "entries and budgets", *header]]
    for text, group in groupby(result.pairs, lambda each: each.corpus):
        pairs = list(group)
        deviations = [stdev(each.scores) for each in pairs]
        number = sum(each.num_pairs for each in pairs)
        called = [
            f"{sum(different)} of {number}"
            for different in (
                [each.num_different_shipped for each in pairs],
                [each.num_different for each in pairs],
            )
        ]
        spread = f"{min(deviations):.4f} to {max(deviations):.4f}"
        rows.append([text, str(len(pairs)), spread, *called])
    yield from table_lines(rows, [0])


def coverage_table(paths: Sequence[Path]) -> Iterator[str]:
    """Yield how often intervals hold the score of a whole text."""
    (path,) = paths
    yield from coverage.table(json.loads(path.read_text("utf-8"))["designs"])


KINDS: dict[str, Callable[[Sequence[Path]], Iterator[str]]] = {
    "bench": bench_table,
    "ladder": ladder_tables,
    "suite": suite_table,
    "seeds": seeds_table,
    "coverage": coverage_table,
}


if __name__ == "__main__":
    main()
