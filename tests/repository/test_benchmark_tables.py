"""The page of results: its tables are those of the files it is made from."""

from __future__ import annotations

from pathlib import Path

from helpers.suites import case, effect, question, suite_result
from textgen.runtime.storage.json_records import to_json
from textgen_benchmarks.tables import filled
from textgen_suites.report import UNPAIRED
from textgen_suites.result import SuiteResult

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
    rows = cells(page)
    assert ["small", "2.500", "", "75.0 %", "3.000", "", "75.0 %"] in rows
    assert ["large", "2.000", "**-0.500** (-0.600 to -0.400) †", "75.0 %", "–", "", "–"] in rows
    assert filled(page, tmp_path) == page


def test_the_tables_of_the_page_are_those_of_the_results() -> None:
    page = (BENCHMARKS / "README.md").read_text("utf-8")
    assert filled(page, BENCHMARKS / "results") == page
