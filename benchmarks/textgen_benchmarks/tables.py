"""Tables of benchmarks/README.md, written from results/*.json: `python -m textgen_benchmarks.tables`.

The text between `<!-- NAME -->` and `<!-- end -->` is replaced by the report of results/NAME.json, the text
between `<!-- NAME OTHER -->` and `<!-- end -->` by the effects in both; the rest is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from textgen.runtime.json_records import read_record
from textgen.runtime.markdown import table_lines
from textgen.suite.report import UNPAIRED, all_curves, show_change, show_value, to_markdown
from textgen.suite.results import QuestionResult, SuiteResult

FOLDER = Path(__file__).parents[1]
PLACE = re.compile(r"(<!-- (?P<names>[\w. -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Replace every table in the README."""
    page = FOLDER / "README.md"
    page.write_text(filled(page.read_text("utf-8"), FOLDER / "results"), "utf-8")


def filled(text: str, results: Path) -> str:
    """Return `text` with the report of each result between its markers."""

    def report(match: re.Match[str]) -> str:
        names = match["names"].split()
        found = [read_record(SuiteResult, results / f"{name}.json") for name in names]
        lines = "\n".join(side_by_side(found)) + "\n" if len(found) > 1 else _nested(to_markdown(found[0]))
        return f"{match[1]}{lines}{match[3]}"

    return PLACE.sub(report, text)


def side_by_side(results: Sequence[SuiteResult]) -> Iterator[str]:
    """Yield the lines of one table per question of a suite, with the effect of each change on each text."""
    texts = [f"{result.corpus.name}, {result.budget}" for result in results]
    for number, question in enumerate(results[0].questions):
        columns = [
            header
            for text in texts
            for header in (text, f"change against {question.reference}", "real words")
        ]
        yield from ("", f"### {question.text}", "")
        rows = [["case", *columns]]
        for case in question.cases:
            cells = [cell for result in results for cell in _cells(result.questions[number], case.label)]
            rows.append([case.label, *cells])
        yield from table_lines(rows)
        if any(not effect.paired for effect in question.effects):
            yield from ("", UNPAIRED)
        for result, text in zip(results, texts, strict=True):
            curves = list(all_curves(result.questions[number], result.held_out.sample_metrics))
            yield from (["", f"**{text}**", *curves] if curves else [])
    yield ""


def _cells(question: QuestionResult, label: str) -> list[str]:
    """Return score, change and real words of a case; dashes where it was not measured."""
    case = next((case for case in question.cases if case.label == label), None)
    effect = question.effect(label)
    mark = " †" if effect and not effect.paired else ""
    return [
        show_value(case.bits_per_char if case else None, 3),
        show_change(effect.bits_per_char if effect else None, 3) + mark,
        show_value(case.real_word_rate if case else None, 1, percent=True),
    ]


def _nested(report: str) -> str:
    """Return a report with its headings one level down, as part of a longer page."""
    return report.replace("\n## ", "\n### ").replace("# ", "## ", 1)


if __name__ == "__main__":
    main()
