"""Which result a name means, and what is said if it means none or several."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.catalog import BENCH, write_bench, write_run
from textgen.contracts import TextgenError
from textgen.library.description import find_run_or_entry
from textgen.results.folders import name_of
from textgen.results.names import AmbiguousNameError, complete_run, find, find_run

RUN = "word-lstm-wiki-5m-2026-11-25-1700"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (RUN, RUN),
        (f"runs/{RUN}", RUN),
        (f"runs/{RUN}/run.json", RUN),
        (f"runs/{BENCH}/bench.json", BENCH),
        ("word-lstm", RUN),
        ("1635", BENCH),
        ("random-wiki", BENCH),
        ("runs/word", RUN),
        ("latest", BENCH),
        ("improvements", "suite-improvements-wiki"),
        ("tune", "tune-char-lstm-wiki"),
        (f"{BENCH}/random", f"{BENCH}/random-seed0"),
        ("1635/lstm-seed1", f"{BENCH}/char-lstm-seed1"),
        ("random-seed0", f"{BENCH}/random-seed0"),
        ("tune/num_layers", "tune-char-lstm-wiki/comparison/char-lstm_num_layers_1-*"),
    ],
)
def test_a_name_is_a_path_or_a_part_that_no_other_has(root: Path, name: str, meant: str) -> None:
    assert re.fullmatch(re.escape(meant).replace(r"\*", ".*"), name_of(find(name, root).path, root))


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("WORD", RUN),
        ("latest", f"{BENCH}/runs/char-lstm-seed1"),
        (f"runs/{BENCH}", f"{BENCH}/runs/char-lstm-seed1"),
        (f"{BENCH}/char-lstm", f"{BENCH}/runs/char-lstm-seed1"),
        ("1635/seed0", None),
        ("tune", "tune-char-lstm-wiki/comparison/runs/char-lstm_num_layers_1-*"),
    ],
)
def test_benches_studies_and_entries_stand_for_their_best_run(root: Path, name: str, run: str | None) -> None:
    if run is None:
        with pytest.raises(AmbiguousNameError):
            find_run(name, root)
    else:
        assert find_run(name, root).match(f"runs/{run}")


def test_several_candidates_are_named(root: Path) -> None:
    for number in [*range(9), 33]:
        write_run(root / f"again-{number}")
    with pytest.raises(AmbiguousNameError) as caught:
        find("again", root)
    assert str(caught.value) == (
        "'again' matches 10 names: again-0, again-1, again-2, again-3, again-33, 5 more; give a longer part"
    )
    assert find("again-3", root).path == root / "again-3"  # a whole name


def test_an_unknown_name_gets_the_nearest_and_where_to_look(root: Path) -> None:
    advice = "textgen runs lists those under 'runs'"
    for name, message in {
        "wrod-lstm-wiki": f"no result 'wrod-lstm-wiki'; did you mean {RUN!r}? {advice}",
        "§": f"no result '§'; {advice}",
        ".": f"no result in '.'; {advice}",
    }.items():
        with pytest.raises(TextgenError) as caught:
            find(name, root)
        assert str(caught.value) == message
    with pytest.raises(
        TextgenError, match=r"^no run in 'runs/suite-improvements-wiki', a suite; textgen runs"
    ):
        find_run("runs/suite-improvements-wiki", root)


def test_what_can_be_read_as_an_entry_is_one(root: Path) -> None:
    assert find_run_or_entry("char-lstm:num_layers=1", root) is None
    write_run(root / "char-lstm")
    assert find_run_or_entry("char-lstm", root) is None
    assert find_run_or_entry("runs/char-lstm", root) == root / "char-lstm"
    assert find_run_or_entry("latest", root) is not None
    assert find_run_or_entry("1700", root) == root / RUN
    with pytest.raises(TextgenError, match=r"^unknown entry 'rundom'; did you mean 'random'"):
        find_run_or_entry("rundom", root)
    with pytest.raises(TextgenError, match=r"^'lstm' is only a model; [^;]*$"):
        find_run_or_entry("lstm", root)


def test_a_run_in_a_bench_has_the_name_that_the_report_prints(root: Path) -> None:
    write_bench(root / "two", ("word-lstm+ngram-glove", 2.0, 0), ("char-lstm", 2.1, 0))
    (folder,) = root.glob("two/runs/word-*")
    assert "+" not in folder.name
    assert find_run("two/word-lstm+ngram-glove", root) == find_run("word-lstm+ngram-glove", root) == folder


def test_the_shell_offers_names_by_their_beginning_or_another_part(root: Path) -> None:
    write_run(root / "steering\x1b")
    assert complete_run("word") == [RUN]
    assert complete_run("1635/r") == [f"{BENCH}/random-seed0"]
    assert complete_run("lat") == ["latest"]
    assert complete_run("none of them") == complete_run("steering") == []
    assert complete_run("")[:2] == ["latest", BENCH]
    assert f"{BENCH}/char-lstm-seed0" in complete_run(BENCH)


def test_the_comparisons_of_a_ladder_have_names(tmp_path: Path) -> None:
    for budget in ("100kchars", "400kchars"):
        write_bench(tmp_path / "diary" / budget, ("char-lstm", 2.0, 0))
    (tmp_path / "diary" / "ladder.json").write_text("{}")
    write_run(tmp_path / "char-lstm-wiki-400kchars")
    run = tmp_path / "diary" / "400kchars" / "runs" / "char-lstm-seed0"
    for name, path in {
        "diary": tmp_path / "diary",
        "diary/400kchars": run.parent.parent,
        "y/400k": run.parent.parent,
        "diary/400kchars/char-lstm": run,
        "400kchars": tmp_path / "char-lstm-wiki-400kchars",  # the name of a result itself comes first
    }.items():
        assert find(name, tmp_path).path == path
    assert find_run("diary/400kchars", tmp_path) == run
    with pytest.raises(TextgenError, match=r"did you mean 'diary/400kchars'\?"):
        find("diary/400kcahrs", tmp_path)
