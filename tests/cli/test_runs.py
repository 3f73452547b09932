"""`textgen runs`: results are listed, shown and removed, and folders say what is in them."""

from __future__ import annotations

import json
import re
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from helpers.catalog import BENCH
from helpers.commands import BUDGET, Terminal, run_textgen
from helpers.terminal import run_on_terminal
from textgen.cli.runs import remove


@pytest.mark.usefixtures("work")
def test_the_list_has_a_row_for_each_result() -> None:
    header, *rows = (line.split("\t") for line in run_textgen("runs").stdout.splitlines())
    assert header == [
        "name",
        "kind",
        "state",
        "entry",
        "corpus",
        "budget",
        "bits/char",
        "95 % interval",
        "age",
        "size",
    ]
    by_name = {row[0]: row[1:] for row in rows}
    assert list(by_name) == ["tuned", "suite-improvements-wiki", "mine", BENCH]
    assert by_name[BENCH][:6] == ["bench", "", "char-lstm of 2", "wiki", "60s", "2.100"]
    assert re.fullmatch(r"1\.\d{3}–2\.\d{3}|2\.\d{3}–2\.\d{3}", by_name[BENCH][6])
    assert by_name["mine"][:6] == ["run", "", "word-lstm", "wiki", "5m", "1.900"]
    assert all(row[-2].endswith(" d") and row[-1].endswith("B") for row in by_name.values())


@pytest.mark.usefixtures("work")
def test_the_list_is_filtered_and_sorted() -> None:
    def names(*options: str) -> list[str]:
        return [item["name"] for item in json.loads(run_textgen("runs", *options, "--json").stdout)["runs"]]

    assert names("--sort", "score") == ["mine", BENCH, "tuned", "suite-improvements-wiki"]
    assert names("--sort", "name") == [BENCH, "mine", "suite-improvements-wiki", "tuned"]
    assert names("--filter", "5M") == ["mine"]
    assert names("--kind", "bench") == [BENCH]
    assert set(names("--kind", "run")) >= {"mine", f"{BENCH}/random-seed0"}
    done = run_textgen("runs", "--filter", "nothing like it")
    assert (done.stdout, done.stderr) == ("", "none of 4 match\n")


def test_without_results_nothing_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_textgen("runs")
    assert (done.stdout, done.stderr) == ("", "no saved results in runs\n")
    assert json.loads(run_textgen("runs", "--json").stdout) == {"runs": [], "skipped": []}
    assert list(tmp_path.iterdir()) == []


def test_damaged_results_are_left_out_with_a_note(work: Path) -> None:
    (work / "runs" / "mine" / "run.json").write_text("{")
    done = run_textgen("runs")
    assert "mine" not in done.stdout
    assert done.stderr.startswith("skipped: 'runs/mine/run.json' cannot be read: ")
    assert len(json.loads(run_textgen("runs", "--json").stdout)["skipped"]) == 1


@pytest.mark.parametrize(("width", "has_all"), [(80, False), (200, True)])
def test_a_terminal_gets_the_columns_that_fit(width: int, has_all: bool, work: Path) -> None:
    code, _, shown = run_on_terminal("runs", width=width, cwd=work)
    header = shown.splitlines()[0].split()
    assert code == 0
    assert max(map(len, shown.splitlines())) <= width
    assert {"name", "state", "entry", "bits/char", "age"} <= set(header)
    assert ({"kind", "corpus", "budget", "size"} <= set(header)) == has_all


@pytest.mark.parametrize(
    ("name", "first"),
    [
        (BENCH, "# Comparison on wiki\n"),
        ("improvements", "# "),
        ("tuned", "# "),
        ("latest", "# "),
        (f"{BENCH}/random", "**random on wiki: 6.000 bits per character of the test text"),
    ],
)
@pytest.mark.usefixtures("work")
def test_a_result_is_printed_as_it_was_at_first(name: str, first: str) -> None:
    done = run_textgen("runs", "show", name)
    assert done.stdout.startswith(first)
    saved = Path(re.findall("^saved in (.+)$", done.stdout + done.stderr, re.MULTILINE)[-1])
    printed = json.loads(run_textgen("runs", "show", name, "--json").stdout)
    files = [saved / file for file in ("bench.json", "suite.json", "study.json", "run.json")]
    (file,) = (each for each in files if each.exists())
    values = json.loads(file.read_text("utf-8"))
    values.pop("sha256", None)
    assert contains(printed, values.get("result", values))


def contains(printed: Any, saved: Any) -> bool:
    """Whether all that is saved is printed as it was; of files from before a field, its default is too."""
    if isinstance(saved, dict):
        return saved.keys() <= printed.keys() and all(contains(printed[key], saved[key]) for key in saved)
    if isinstance(saved, list):
        return len(printed) == len(saved) and all(map(contains, printed, saved))
    return bool(printed == saved)


def test_an_interrupted_bench_has_nothing_to_show(work: Path) -> None:
    (work / "runs" / BENCH / "bench.json").unlink()
    done = run_textgen("runs", "show", BENCH, code=1)
    assert done.stderr == (
        f"error: 'runs/{BENCH}' was interrupted (runs kept: 2), so it has no result; "
        f"resume with the same command and --out runs/{BENCH}\n"
    )
    assert "\tbench\tinterrupted\t" in run_textgen("runs").stdout
    assert "interrupted" in run_on_terminal("runs", width=60, cwd=work)[2]


def test_removal_needs_yes_and_removes_all_or_nothing(work: Path) -> None:
    run_textgen("runs", "remove", "mine", BENCH, code=2)
    notes = work / "runs" / BENCH / "notes.txt"
    notes.write_text("mine")
    done = run_textgen("runs", "remove", "mine", BENCH, "--yes", code=1)
    assert "also contains 'notes.txt', which textgen did not write" in done.stderr
    for name in (".", "runs", str(work)):
        run_textgen("runs", "remove", name, "--yes", code=1)
    assert notes.exists()
    assert (work / "runs" / "mine").exists()
    notes.unlink()
    done = run_textgen("runs", "remove", "mine", f"{BENCH}/random", BENCH, "--yes")
    assert [line.rpartition(" (")[0] for line in done.stdout.splitlines()] == [
        "removed run mine",
        f"removed bench {BENCH}",
    ]
    assert sorted(path.name for path in (work / "runs").iterdir()) == ["suite-improvements-wiki", "tuned"]
    values = json.loads(run_textgen("runs", "remove", "tuned", "--yes", "--json").stdout)
    assert [(row["kind"], row["name"]) for row in values["removed"]] == [("tune", "tuned")]


@pytest.mark.parametrize(("answer", "is_removed"), [("", False), ("y", True)])
def test_on_a_terminal_it_asks(
    answer: str,
    is_removed: bool,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(BytesIO(f"{answer}\n".encode())))
    remove(["mine"])
    assert (work / "runs" / "mine").exists() is not is_removed
    shown = capsys.readouterr()
    assert shown.out.startswith("removed run mine" if is_removed else "")
    assert "run mine (" in shown.err
    assert "Remove permanently?" in shown.err


@pytest.mark.usefixtures("no_references")
def test_folders_say_what_is_in_them_and_runs_are_reused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = ("--corpus", "lee", "--max-chars", 4000, *BUDGET)
    saved = run_textgen("bench", "random", "char-ngram", *text, "--length", 20, "--sampler", "greedy").stderr
    (folder,) = Path("runs").iterdir()
    assert f"saved in {folder}" in saved
    assert re.fullmatch(r"random_char-ngram-lee-2000chars-\d{4}-\d\d-\d\d-\d{4}", folder.name)
    assert run_textgen("verify", "latest").stdout == run_textgen("verify", folder).stdout
    best = json.loads(run_textgen("runs", "--json").stdout)["runs"][0]["best"]
    assert best == "char-ngram"
    assert run_textgen("sample", folder.name, "--length", 5).stderr == f"run {folder}/runs/char-ngram-seed0\n"
    trained = run_textgen("train", "random", "--corpus", "lee", "--max-chars", 4000)
    assert "saved in runs/random-lee-60s-" in trained.stderr
    run_textgen("runs", "remove", folder.name, "latest", "--yes")
    assert list(tmp_path.iterdir()) == []
    for command in ("bench", "train"):  # a refused one leaves nothing
        run_textgen(command, "char-lstm", "--corpus", "missing.txt", code=1)
        assert list(tmp_path.iterdir()) == []
