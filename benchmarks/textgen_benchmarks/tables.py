"""Tables of benchmarks/README.md, written from results/*.json: `python -m textgen_benchmarks.tables`.

The text between `<!-- NAME -->` and `<!-- end -->` is replaced by the report of the suite results/NAME.json,
or by a table of its scores or seeds, or of a ladder (`ladder-…`); the text between `<!-- NAME OTHER -->` and
`<!-- end -->` by the effects in both suites. The rest is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import stdev
from typing import Any

from textgen.library.presentation import document
from textgen.reports.bench_tables import named
from textgen.reports.columns import RowColumn, View, make_table
from textgen.reports.document import DASH, Cell, text_table
from textgen.reports.formats import count, thousandths
from textgen.reports.ladder_report import ladder_answer, score_table, step_table
from textgen.reports.markdown import escape, markdown_table, table_lines, to_markdown
from textgen.reports.rows import EntryRow, entry_rows, held_out_row, reference_rows
from textgen.results.comparison import Comparison
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.freedom import freedom_table
from textgen_benchmarks.saving import RESULTS
from textgen_benchmarks.seeds import SeedResults
from textgen_suites.report import UNPAIRED, case_cells, real_words
from textgen_suites.result import QuestionResult, SuiteResult

ROOT = Path(__file__).parents[2]
COMPARED = ("bench-wiki", "bench-articles", "bench-novels")
"""Comparisons of which the page has the scores."""
SUITES = re.compile(r"(<!-- (?P<names>[\w. -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Replace every table of the page."""
    page = ROOT / "benchmarks" / "README.md"
    page.write_text(filled(page.read_text("utf-8"), RESULTS), "utf-8")


def filled(text: str, results: Path) -> str:
    """Return `text` with the report of each suite between its markers."""

    def report(match: re.Match[str]) -> str:
        names = match["names"].split()
        path = results / f"{names[0]}.json"
        made_by = {"seeds": pairs_table, "freedom": freedom_table}
        if names[0] in (*COMPARED, *made_by):
            made = made_by.get(names[0])
            table = made(path) if made else scores_table(read_record(Comparison, path))
            return "\n".join([match[1].rstrip(), *table, match[3]])
        if names[0].startswith("ladder"):
            ladders = [read_record(Ladder, results / f"{name}.json") for name in names]
            parts = (line for ladder in ladders for line in ladder_lines(ladder))
            return "\n".join([match[1].rstrip(), *parts, match[3]])
        suites = [read_record(SuiteResult, results / f"{name}.json") for name in names]
        is_one = len(suites) == 1
        lines = (
            _nested(to_markdown(document(suites[0]))) if is_one else "\n".join(side_by_side(suites)) + "\n"
        )
        return f"{match[1]}{lines}{match[3]}"

    return SUITES.sub(report, text)


def scores_table(result: Comparison) -> Iterator[str]:
    """Yield the table of a comparison."""
    ranked = sorted([*entry_rows(result), *reference_rows(result)], key=EntryRow.ranking)
    shown = list(named(result, columns()))
    yield from markdown_table(make_table("", "", shown, [*ranked, held_out_row(result)]))


def columns() -> list[RowColumn[Any]]:
    """Return the columns of a comparison's table."""
    view = View(
        "bits_per_char interval bits_per_char_without_oov num_parameters trained_chars_per_second "
        "real_word_rate",
        formats={
            "bits_per_char": thousandths,
            "interval": lambda ends: DASH.join(map(thousandths, ends)),
            "bits_per_char_without_oov": thousandths,
            "trained_chars_per_second": lambda speed: count(float(f"{speed:.3g}")),
        },
    )
    headers = {
        "bits_per_char_without_oov": "without OOV words",
        "trained_chars_per_second": "training chars/s",
    }
    return [replace(column, header=headers.get(column.name, column.header)) for column in view.columns()]


def ladder_lines(result: Ladder) -> Iterator[str]:
    """Yield the answer of a ladder, and its scores and steps by budget."""
    yield from ("", f"**{result.corpus.name}**: {escape(ladder_answer(result))}")
    for table in (score_table(result), step_table(result)):
        if not table.is_empty:
            yield from ("", *markdown_table(table))
    yield ""


def side_by_side(results: Sequence[SuiteResult]) -> Iterator[str]:
    """Yield the lines of one table per question of a suite, with the effect of each change on each text."""
    texts = [f"{result.corpus.name}, {result.budget}" for result in results]
    for number, question in enumerate(results[0].questions):
        columns = [
            header
            for result, text in zip(results, texts, strict=True)
            for header in (text, f"change against {question.reference}", real_words(result.questions[number]))
        ]
        yield from ("", f"### {question.text}", "")
        rows: list[list[str | Cell]] = [
            [
                case.label,
                *(cell for result in results for cell in _cells(result.questions[number], case.label)),
            ]
            for case in question.cases
        ]
        yield from markdown_table(text_table("", ["case", *columns], rows))
        if any(not effect.paired for effect in question.effects):
            yield from ("", UNPAIRED)
    yield ""


def _cells(question: QuestionResult, label: str) -> list[Cell]:
    """Return score, change and real words of a case; dashes where it was not measured."""
    case = next((case for case in question.cases if case.label == label), None)
    return case_cells(question, case)[:3] if case else [Cell(DASH), Cell(""), Cell(DASH)]


def _nested(report: str) -> str:
    """Return a report with its headings one level down, as part of a longer page."""
    return report.replace("\n## ", "\n### ").replace("# ", "## ", 1)


def pairs_table(path: Path) -> Iterator[str]:
    """Yield how many pairs of runs of one entry, with different seeds, are called different."""
    result = read_record(SeedResults, path)
    header = ["called different", "by the prior of other texts"]
    rows = [["entry", "text", "budget", "scores with five seeds", "sd, with noise", *header]]
    sums = [0, 0, 0]
    for pairs, group in zip(result.pairs, result.groups, strict=True):
        scores = " ".join(f"{score:.4f}" for score in pairs.scores)
        *called, number = counts = (pairs.num_different_shipped, pairs.num_different, pairs.num_pairs)
        cells = [f"{each} of {number}" for each in called]
        rows.append([pairs.entry, pairs.corpus, group.budget, scores, f"{stdev(pairs.scores):.4f}", *cells])
        sums = [total + each for total, each in zip(sums, counts, strict=True)]
    rows.append(["all", "", "", "", "", *(f"{each} of {sums[-1]}" for each in sums[:-1])])
    yield from table_lines(rows, [0, 1, 3])


if __name__ == "__main__":
    main()
