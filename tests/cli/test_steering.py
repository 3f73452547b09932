"""Nothing that textgen prints can steer a terminal, whatever is in the files that it shows."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.catalog import RECORDED, write_bench, write_run, write_study
from helpers.commands import Done, run_textgen
from helpers.records import edit_record

HOSTILE = "\x1b]0;owned\x07\x1b[5m\x9b2J\u202e\x7f\r[red]x[/red][y](http://z)"
"""A title for the window, blinking, a cleared screen, reversed text, and markup of rich and Markdown."""
STEERING = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
OF_RICH = re.compile(r"\r?\x1b\[(?!5m)[0-9;?]*[A-Za-z]")
"""Colours and movements of the cursor, but blinking, which nothing of ours does."""
FREE = ("name", "entry", "title", "label", "text", "prompts", "processor", "system")
"""Fields whose strings may be any; others decide whether a result can be read or shown."""


def harmless(*arguments: object, code: int | None = 0, cwd: Path | None = None) -> tuple[Done, Done]:
    """Run a command whose output is piped, and on a terminal; check that neither is steered."""
    done = [run_textgen(*arguments, code=code, cwd=cwd, width=width) for width in (None, 200)]
    for each in done:
        shown = OF_RICH.sub("", each.stdout + each.stderr)
        assert STEERING.findall(shown) == []
    return done[0], done[1]


def strings(values: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each string of JSON values with the name of its field."""
    if isinstance(values, str):
        yield name, values
    elif isinstance(values, dict):
        for key, value in values.items():
            yield from strings(value, key)
    elif isinstance(values, list):
        for value in values:
            yield from strings(value, name)


def poisoned(values: Any, chosen: set[str]) -> Any:
    """Return JSON values in which some strings, keys too, are hostile; those that are equal stay equal."""
    if isinstance(values, str):
        return HOSTILE + values if values in chosen else values
    if isinstance(values, dict):
        keys = {key: key if key in FREE else poisoned(key, chosen) for key in values}
        return {keys[key]: poisoned(value, chosen) for key, value in values.items()}
    return [poisoned(value, chosen) for value in values] if isinstance(values, list) else values


def copied(recorded: str, file: Path) -> None:
    file.parent.mkdir()
    shutil.copy(RECORDED / f"{recorded}.json", file)


WRITERS: dict[str, Callable[[Path], object]] = {
    "run": write_run,
    "bench": lambda folder: write_bench(folder, ("char-lstm", 2.1, 0), ("random", 6.0, 0)),
    "ladder": lambda folder: copied("ladder-code", folder / "ladder.json"),
    "suite": lambda folder: copied("original-wiki", folder / "suite.json"),
    "study": write_study,
}
"""What writes each kind of result."""


@pytest.mark.parametrize("kind", WRITERS)
def test_no_string_of_a_saved_result_steers_a_terminal(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    folder = Path("runs/x")
    WRITERS[kind](folder)
    file = folder / f"{kind}.json"
    original = json.loads(file.read_text("utf-8"))
    original.pop("sha256", None)
    chosen = {value for name, value in strings(original) if name in FREE}
    edit_record(file, lambda values: (values.clear(), values.update(poisoned(original, chosen))))
    listed, _ = harmless("runs")
    assert "owned" in listed.stdout
    printed, _ = harmless("runs", "show", "x", "--json")
    assert any(HOSTILE in value for _, value in strings(json.loads(printed.stdout)))
    if kind != "run":
        harmless("verify", folder, code=None)
    for shown in harmless("runs", "show", "x", *(["--full"] if kind in ("bench", "ladder") else [])):
        assert "owned" in shown.stdout
        assert "[red]" in shown.stdout.replace("\\", "")  # which Markdown escapes


def test_no_name_in_a_file_or_on_the_command_line_steers_a_terminal(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr(f"{HOSTILE.replace('/', '')}.jsonl", '{"x": 1}\n')
        archive.writestr("text.txt", "The cat sat on the mat.\n" * 40)
    (tmp_path / "fields.jsonl").write_text(json.dumps({HOSTILE: "x"}))
    (tmp_path / "plugin.py").write_text(
        f"import warnings\nfrom textgen.contracts import TextgenWarning\nowned = {HOSTILE!r}\n"
        "warnings.warn(owned)\nwarnings.warn(owned, TextgenWarning)\nraise ValueError(owned)\n"
    )
    for command in (
        "corpus texts.zip",
        "corpus fields.jsonl",
        "plugins --plugin plugin.py",
        f"train {HOSTILE}",
    ):
        done, _ = harmless(*command.split(" "), code=None, cwd=tmp_path)
        assert "owned" in done.stdout + done.stderr, command
