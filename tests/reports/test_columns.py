"""Columns: one list of them, from which every table is made."""

from __future__ import annotations

import pytest

from helpers.reports import HELD_OUT, compared, entry
from textgen.reports.bench_report import bench_report
from textgen.reports.columns import _ALL, COLUMNS, VIEWS, run_values, scores_csv
from textgen.reports.document import Table
from textgen.reports.rows import entry_rows


def test_every_column_has_its_own_name_and_is_in_a_view() -> None:
    assert len(COLUMNS) == len(_ALL)
    shown = {name for view in VIEWS.values() for name in f"{view.names} {view.extra}".split()}
    assert shown == set(COLUMNS) - {"compression_ratio", "num_words", "mean_word_length"}


def test_views_change_only_columns_that_they_have() -> None:
    for view in VIEWS.values():
        names = f"{view.names} {view.extra}".split()
        assert {*view.formats, *view.renamed} <= set(names)
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "title", "hyphenated"),
    [
        ("num_parameters", "parameters", "para-\nmeters"),
        ("bits_per_char", "bits/char", "bits/\nchar"),
        ("real_word_rate", "real words %", "real\nwords %"),
    ],
)
def test_headers_have_one_line_or_as_many_as_the_table_wants(name: str, title: str, hyphenated: str) -> None:
    column = COLUMNS[name]
    assert column.title == title
    assert column.lines(hyphenated=True) == hyphenated
    assert "\N{SOFT HYPHEN}" not in column.lines()


def test_a_cell_is_the_mean_over_seeds_as_its_column_writes_it() -> None:
    rows = entry_rows(compared(entry("a", 2.0, 0), entry("a", 2.2, 1)))
    assert [cell.text for cell in COLUMNS["bits_per_char"].cells(rows)] == ["2.1000"]
    assert [cell.text for cell in COLUMNS["num_parameters"].cells(rows)] == ["1.31 M"]


def test_a_run_has_the_same_values_in_csv_and_data_frames() -> None:
    result = compared(entry("a", 2.0), {"name": "b", "seed": 0, "error": "out of memory"})
    ((_, csv), (_, failed)), ((_, frame), _) = run_values(result, "csv"), run_values(result, "frame")
    assert failed == {}
    assert csv["train_seconds"] == frame["seconds"] == 60.1
    shared = set(csv) & set(frame)
    assert {name: csv[name] for name in shared} == {name: frame[name] for name in shared}
    assert type(csv["num_parameters"]) is int
    assert scores_csv(result).header == ["entry", "seed", "kind", *csv, "error"]


def test_columns_without_a_value_are_left_out_of_tables() -> None:
    sections = {each.id: each for each in bench_report(compared(entry("a", 2.0))).shown("full")}
    assert "embeddings" not in sections
    (table, *_) = sections["scores"].blocks
    assert isinstance(table, Table)
    assert "num_frozen_parameters" not in [column.name for column in table.columns]


def test_a_metric_of_a_plugin_has_a_column_everywhere_and_the_best_is_marked() -> None:
    info = {"name": "calm", "label": "calm", "hint": "how calm <it> is", "unit": "", "best": "lower"}
    failed = {"name": "odd", "label": "odd", "hint": "", "problem": "metric 'odd' failed"}
    rows = [entry("a", 2.0, written={"calm": 12.0}), entry("b", 2.2, written={"calm": 15.0})]
    held_out = {"sample_metrics": {**HELD_OUT, "calm": 14.9}, "pseudovalues": {}}
    what = compared(*rows, held_out=held_out, other_metrics=[info, failed])
    assert {each.name for each in what.metrics if each.metric == "calm" and each.is_best} == {"a"}
    assert "calm" in scores_csv(what).header
    sections = bench_report(what).shown("full")
    tables = [block for each in sections for block in each.blocks if isinstance(block, Table)]
    (table,) = (each for each in tables if each.title == "Generated text")
    place = [column.name for column in table.columns].index("calm")
    assert table.columns[place].hint == "how calm <it> is"
    assert [row.cells[place].text for row in table.rows] == ["12", "15", "14.9"]
    assert [row.cells[place].best for row in table.rows] == [True, False, False]
    assert any("metric 'odd' failed" in note.label for note in table.notes)
