"""The page of results: its tables are those of the files it is made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from helpers.reports import compared, entry
from helpers.suites import case, effect, question, suite_result, writing
from textgen.reports.answer import answer
from textgen.reports.formats import at
from textgen.runtime.storage.json_records import to_json
from textgen_benchmarks.headline import scores_table
from textgen_benchmarks.tables import filled, filled_readme
from textgen_suites.report import UNPAIRED, matched_table
from textgen_suites.result import CaseResult, SuiteResult

UNTRAINED = {
    "train": {
        **dict.fromkeys(("seconds", "validation_seconds", "num_epochs", "chars_per_second"), 1.0),
        **dict.fromkeys(("num_chars", "num_updates", "best_update"), 0),
    }
}
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


# --- the main comparison in README.md


def test_the_readme_shows_the_answer_and_every_number_of_a_comparison(tmp_path: Path) -> None:
    measured = compared(
        entry("char-lstm", 2.1), entry("word-lstm-glove", 1.9), entry("random", 6.9, **UNTRAINED)
    )
    result = replace(measured, measured_sampler="temperature:entropy=1.15")
    assert not any("real words" in line for line in scores_table(measured)), "those are of another freedom"
    (tmp_path / "bench.json").write_text(to_json(result), "utf-8")
    page = "before\n<!-- bench -->\nold\n<!-- end -->\n<!-- bench: samples -->\nold\n<!-- end -->\nafter\n"
    shown = filled_readme(page, tmp_path)
    assert shown.startswith("before\n<!-- bench -->\n")
    assert shown.endswith("<!-- end -->\nafter\n")
    assert "old" not in shown
    assert f"**{answer(result)}**" in " ".join(shown.split())
    rows = cells(shown)
    assert rows[0] == [
        "entry",
        "bits/char",
        "95 % interval",
        "without OOV words",
        "parameters",
        "training chars/s",
        f"real words % {at(result.measured_sampler)}",
    ]
    by_name = {row[0]: row[1:] for row in rows[2:]}
    assert list(by_name)[:3] == ["word-lstm-glove", "char-lstm", "*PPMd given train*"]
    low, high = result.scores[0].interval or (0, 0)
    assert by_name["word-lstm-glove"][:5] == [
        "**1.900**",
        f"{low:.3f}\N{EN DASH}{high:.3f}",
        "1.558",
        "1.31 M",
        "217,000",
    ]
    assert by_name["random"][4] == "\N{EN DASH}"  # it is not trained
    assert by_name["*held-out text*"] == ["", "", "", "", "", "97.8"]
    prompt = f"> *The history of* ({measured.measured_sampler})\n>\n"
    assert f"{prompt}> **word-lstm-glove**: the town was founded" in shown
    assert "**random**" not in shown
    assert filled_readme(shown, tmp_path) == shown


def test_what_was_not_measured_yet_is_left_alone(tmp_path: Path) -> None:
    page = "<!-- bench -->\nas it was\n<!-- end -->\n"
    assert filled_readme(page, tmp_path) == page


def test_the_readme_has_the_numbers_of_the_recorded_comparison() -> None:
    page = (BENCHMARKS.parent / "README.md").read_text("utf-8")
    assert {"<!-- bench-wiki -->", "<!-- bench-wiki: samples -->"} <= set(page.splitlines())
    assert filled_readme(page, BENCHMARKS / "results") == page, "run python -m textgen_benchmarks.tables"
