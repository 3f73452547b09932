"""Columns: one list of them, from which every table is made."""

from __future__ import annotations

from helpers.reports import HELD_OUT, compared, entry
from textgen.reports.bench_report import bench_report
from textgen.reports.columns import run_values, scores_csv
from textgen.reports.document import Table


def test_a_run_has_the_same_values_in_csv_and_data_frames() -> None:
    result = compared(entry("a", 2.0), {"name": "b", "seed": 0, "error": "out of memory"})
    ((_, csv), (_, failed)), ((_, frame), _) = run_values(result, "csv"), run_values(result, "frame")
    assert failed == {}
    assert csv["train_seconds"] == frame["seconds"] == 60.1
    shared = set(csv) & set(frame)
    assert {name: csv[name] for name in shared} == {name: frame[name] for name in shared}
    assert type(csv["num_parameters"]) is int
    assert scores_csv(result).header == ["entry", "seed", "kind", *csv, "error"]


def test_a_metric_of_a_plugin_has_a_column_everywhere_and_the_best_is_marked() -> None:
    info = {"name": "calm", "label": "calm", "hint": "how calm <it> is", "unit": "", "best": "lower"}
    failed = {"name": "odd", "label": "odd", "hint": "", "problem": "metric 'odd' failed"}
    rows = [entry("a", 2.0, written={"calm": 12.0}), entry("b", 2.2, written={"calm": 15.0})]
    held_out = {"sample_metrics": {**HELD_OUT, "calm": 14.9}, "pseudovalues": {}}
    what = compared(*rows, held_out=held_out, other_metrics=[info, failed])
    assert "calm" in scores_csv(what).header
    sections = bench_report(what).shown("full")
    tables = [block for each in sections for block in each.blocks if isinstance(block, Table)]
    (table,) = (each for each in tables if each.title == "Generated text")
    (place,) = (at for at, column in enumerate(table.columns) if column.name == "calm")
    assert table.columns[place].hint == "how calm <it> is"
    cells = [row.cells[place] for row in table.rows]
    assert [(cell.text, cell.best) for cell in cells] == [("12", True), ("15", False), ("14.9", False)]
    assert any("metric 'odd' failed" in note.label for note in table.notes)
