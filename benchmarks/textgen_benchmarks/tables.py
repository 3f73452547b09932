"""Tables of both README.md, written from results/*.json: `python -m textgen_benchmarks.tables`.

In benchmarks/README.md, the text between `<!-- NAME -->` and `<!-- end -->` is replaced by the report of the
suite results/NAME.json, or by the table that `evidence` makes of the file; the text between
`<!-- NAME OTHER -->` and `<!-- end -->` by the effects in both suites. In README.md, `<!-- NAME -->` stands
for the table of a comparison and `<!-- NAME: samples -->` for its samples.
The rest is written by hand. What has not been measured yet is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from textgen.comparison.comparison_result import Comparison
from textgen.page.markdown import table_lines
from textgen.runtime.storage.json_records import read_record
from textgen.suite.suite_report import UNPAIRED, all_curves, show_change, show_value, to_markdown
from textgen.suite.suite_result import QuestionResult, SuiteResult
from textgen_benchmarks.evidence import EVIDENCE
from textgen_benchmarks.headline import headline, samples

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
SUITES = re.compile(r"(<!-- (?P<names>[\w. -]+) -->\n).*?(<!-- end -->)", re.DOTALL)
COMPARISONS = re.compile(r"(<!-- (?P<name>[\w.-]+)(?P<samples>: samples)? -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Replace every table of both pages."""
    for page, fill in ((ROOT / "benchmarks" / "README.md", filled), (ROOT / "README.md", filled_readme)):
        page.write_text(fill(page.read_text("utf-8"), RESULTS), "utf-8")


def filled(text: str, results: Path) -> str:
    """Return `text` with the report of each suite between its markers."""

    def report(match: re.Match[str]) -> str:
        names = match["names"].split()
        if names[0] in EVIDENCE:
            lines = "\n".join(EVIDENCE[names[0]](results / f"{names[0]}.json"))
            return f"{match[1]}{lines}\n{match[3]}"
        found = [read_record(SuiteResult, results / f"{name}.json") for name in names]
        lines = "\n".join(side_by_side(found)) + "\n" if len(found) > 1 else _nested(to_markdown(found[0]))
        return f"{match[1]}{lines}{match[3]}"

    return SUITES.sub(report, text)


def filled_readme(text: str, results: Path) -> str:
    """Return `text` with the table or the samples of each measured comparison between its markers."""

    def report(match: re.Match[str]) -> str:
        path = results / f"{match['name']}.json"
        if not path.exists():
            return match[0]
        found = read_record(Comparison, path)
        lines = "\n".join(samples(found) if match["samples"] else headline(found))
        return f"{match[1]}{lines}\n{match[4]}"

    return COMPARISONS.sub(report, text)


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
