"""The page of results: its tables are those of the files it is made from."""

from __future__ import annotations

from pathlib import Path

from helpers.suites import case, effect, question, suite_result, writing
from textgen.runtime.storage.json_records import to_json
from textgen_benchmarks.tables import filled
from textgen_suites.report import UNPAIRED, matched_table
from textgen_suites.result import CaseResult, SuiteResult

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


def result(corpus: str, **bits: float) -> SuiteResult:
    effects = [effect(label, -0.5, paired=False) for label in bits if label != "small"]
    return suite_result(
        corpus, question("size", [case(label, value) for label, value in bits.items()], effects)
    )


def cells(page: str) -> list[list[str]]:
    """The cells of each row of all tables."""
    lines = (line for line in page.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_several_texts_are_side_by_side_and_missing_values_are_dashes(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(to_json(result("novel", small=2.5, large=2.0)))
    (tmp_path / "two.json").write_text(to_json(result("play", small=3.0)))
    page = filled("words\n<!-- one two -->\nold\n<!-- end -->\nmore words\n", tmp_path)
    assert page.startswith("words\n<!-- one two -->\n")
    assert page.endswith("<!-- end -->\nmore words\n")
    assert "old" not in page
    assert page.count(UNPAIRED) == 1
    novel, play = map(cells, page.partition("**play, 5s**")[::2])
    assert ["small", "2.500", "", "75.0 %", "3.000", "", "75.0 %"] in novel
    assert ["large", "2.000", "**-0.500** (-0.600 to -0.400) †", "75.0 %", "–", "", "–"] in novel
    assert ["warm", "1.500", "0.700"] in [row[:3] for row in novel]
    assert ["*the author*", "–", "0.950"] in [row[:3] for row in play]
    assert filled(page, tmp_path) == page


def test_temperatures_are_matched_by_entropy_where_cooling_lowers_it() -> None:
    def curve(label: str, *points: tuple[float | None, float, float]) -> CaseResult:
        return case(label, rows={str(row): writing(*point) for row, point in enumerate(points)})

    def matched(cases: list[CaseResult]) -> list[list[str]]:
        return [[row.name, *(cell.text for cell in row.cells)] for row in matched_table(cases).rows]

    steady = curve("steady", (0.5, 1.0, 0.9), (1.5, 3.0, 0.7), (1.0, 2.0, 0.8))
    folded = curve("folded", (0.5, 2.0, 0.1), (1.0, 1.5, 0.6), (1.5, 2.5, 0.9))
    lines = matched([steady, folded])
    assert lines[0] == ["1.50", "0.850", "0.600", "0.500", "0.500"]
    assert lines[2] == ["2.00", "0.800", "0.750", "0.500", "0.500"]
    assert lines[-1] == ["2.50", "0.750", "0.900", "0.500", "0.500"]
    nameless = curve("folded", (None, 2.0, 0.1), (None, 1.5, 0.6), (None, 2.5, 0.9))
    lines = matched([steady, nameless])
    assert [line[0] for line in lines] == ["1.50", "1.75", "2.00", "2.25", "2.50"]
    assert lines[2] == ["2.00", "0.800", "0.100", "0.500", "0.500"]


def test_the_tables_of_the_page_are_those_of_the_results() -> None:
    page = (BENCHMARKS / "README.md").read_text("utf-8")
    assert filled(page, BENCHMARKS / "results") == page
