"""What the catalog finds below a folder, and what it says about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.catalog import set_time, write_bench, write_run
from textgen.contracts import TextgenError
from textgen.results.folders import find_folders
from textgen.results.items import best_runs, read_catalog, read_result
from textgen.results.names import find
from textgen.runtime.storage.result_folders import locked


def test_each_kind_of_result_is_described(root: Path) -> None:
    items = {item.kind: item for item in read_catalog(root).items}
    of_bench, of_run, of_suite, of_study = (items[kind] for kind in ("bench", "run", "suite", "tune"))
    assert of_bench.entries == ("char-lstm", "random")
    assert (of_bench.corpus, of_bench.budget, of_bench.best) == ("wiki", "60s", "char-lstm")
    assert of_bench.score == pytest.approx(2.075)
    assert of_bench.interval is not None
    assert of_bench.interval[0] < 2.075 < of_bench.interval[1]
    assert [name.rpartition("/")[2] for name in of_bench.runs] == [
        "char-lstm-seed0",
        "char-lstm-seed1",
        "random-seed0",
    ]
    assert (of_run.entries, of_run.budget, of_run.score) == (("word-lstm",), "5m", 1.9)
    assert of_suite.score is None
    assert len(of_suite.entries) > 3
    assert of_study.entries == ("char-lstm:num_layers=3,hidden_size=256",)
    assert of_study.best is not None
    assert of_study.best.startswith("char-lstm:")
    assert 1.5 < (of_study.score or 0) < 3
    for item in items.values():
        files = [path for path in Path(item.folder).rglob("*") if path.is_file()]
        assert item.num_bytes == sum(path.stat().st_size for path in files)
        assert item.is_finished


def test_a_list_has_what_is_whole_and_says_what_is_not(root: Path) -> None:
    (root / "deep" / "er").mkdir(parents=True)
    write_run(root / "deep" / "er" / "run")
    write_run(root / "cut")
    (root / "cut" / "run.json").write_text('{"schema_version": 2, "entry"')
    write_run(root / "old")
    (root / "old" / "run.json").write_text('{"schema_version": 1}')
    write_run(root / ".hidden")
    (root / "notes").mkdir()
    (root / "notes" / "todo.txt").write_text("mine")
    (root / "loop").symlink_to(root.resolve())
    catalog = read_catalog(root)
    assert len(catalog.items) == 5
    cut, old = catalog.skipped
    assert cut.startswith("'runs/cut/run.json' cannot be read: ")
    assert old == "'runs/old/run.json' was written by an older textgen; recreate it with this one"


def test_what_a_command_writes_to_is_running_and_not_interrupted(tmp_path: Path) -> None:
    ladder = tmp_path / "ladder"
    write_bench(ladder / "15s", ("char-lstm", 2.1, 0), is_finished=False)
    with locked(ladder):
        (item,) = read_catalog(tmp_path).items
        assert (item.kind, item.state, item.entries) == ("ladder", "running", ("char-lstm",))
        with pytest.raises(TextgenError, match=r"is running \(runs kept: 1\), so it has no result yet"):
            read_result(find("ladder/15s", tmp_path))
    (ladder / "lock").write_text("{}")  # of a process that was killed
    set_time(ladder, 1_700_000_000)
    os.utime(ladder, (1_700_000_000, 1_700_000_000))
    (item,) = read_catalog(tmp_path).items
    assert (item.kind, item.state) == ("ladder", "interrupted")
    assert read_catalog(tmp_path).items[0].time == 1_700_000_000


def test_a_bench_stands_for_its_best_run_among_those_it_ranks(root: Path) -> None:
    (found,) = (each for each in find_folders(root) if each.kind.name == "bench")
    assert best_runs(found, 1)[0].name == "char-lstm-seed1"
    write_run(found.path / "runs" / "word-lstm-seed0", "word-lstm", 1.0)  # of another comparison
    (found,) = (each for each in find_folders(root) if each.kind.name == "bench")
    assert best_runs(found, 1)[0].name == "char-lstm-seed1"
