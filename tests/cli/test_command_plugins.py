"""Commands of plugins: of a file or installed, in the help, with their errors in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from helpers.commands import run_textgen
from textgen.cli.app import app
from textgen.defaults import COMMAND_GROUPS, COMMANDS
from textgen.registry.registry import KINDS

Install = Callable[..., None]
CODE = """
from __future__ import annotations

from typing import Annotated

import typer
from textgen.contracts import TextgenError, command
from textgen.runtime.messages import UsageError
from textgen.runtime.output import say


@command
def show_word(
    word: Annotated[str, typer.Argument(help="A word.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    \"\"\"Print a word.\"\"\"
    if word == "bad":
        raise TextgenError("'bad' is not a word; take another")
    if word == "worse":
        raise UsageError("leave out 'worse'")
    say(f'{{"word": "{word}"}}' if as_json else word[0] + word[1:])
"""
SHOUT = "def shout():\n    'Shout.'\n    print('HEY')\n    return 'no exit code'\n"
GROUP = f"[{KINDS['command']}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "word.py").write_text(CODE)
    return tmp_path


def test_a_command_of_a_file_is_found_where_the_file_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_textgen("show-word", "one", code=2, cwd=folder)
    assert done.stderr == "error: No such command 'show-word' (see textgen --help)\n"
    for words in (("show-word", "one", "--plugin", "word.py"), ("show-word", "--plugin=word.py", "one")):
        assert run_textgen(*words, cwd=folder).stdout == "one\n"
        assert run_textgen(*words, "--json", cwd=folder).stdout == '{"word": "one"}\n'
    shown = run_textgen("show-word", "--plugin", "word.py", "--help", cwd=folder).stdout
    assert "Print a word." in shown
    assert "--plugin" in shown
    checked = run_textgen("plugins", "check", "--plugin", "word.py", cwd=folder).stdout
    assert "command\tshow-word\tpassed\t2 passed" in checked
    monkeypatch.setenv("TEXTGEN_PLUGIN_FILES", "word.py")
    assert run_textgen("show-word", "one", cwd=folder).stdout == "one\n"


@pytest.mark.parametrize(
    ("word", "code", "message"),
    [
        ("bad", 1, "error: 'bad' is not a word; take another"),
        ("worse", 2, "error: leave out 'worse'"),
        ("", 1, "error: command 'show-word' (plugin_file_word_"),
    ],
)
def test_what_a_command_raises_is_one_line(folder: Path, word: str, code: int, message: str) -> None:
    done = run_textgen("show-word", word, "--plugin", "word.py", code=code, cwd=folder)
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert word or "failed: IndexError: string index out of range (word.py, line " in done.stderr


def test_an_installed_command_is_in_the_help_runs_and_is_completed(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = "shout = shouting:shout\nruns.shout = shouting:shout\nsilent = shouting:nothing\n"
    install("shouting", GROUP + points, SHOUT)
    assert "Shout." in run_textgen("--help").stdout
    assert run_textgen("shout").stdout == run_textgen("runs", "shout").stdout == "HEY\n"
    assert "shout" in run_textgen("runs", "--help").stdout
    assert "No such command 'shuot'. Did you mean 'shout'" in run_textgen("shuot", code=2).stderr
    for line, expected in {"textgen sho": "shout", "textgen plugins ch": "check", "textgen si": ""}.items():
        words = {"_TEXTGEN_COMPLETE": "complete_bash", "COMP_WORDS": line}
        for name, value in (words | {"COMP_CWORD": str(line.count(" "))}).items():
            monkeypatch.setenv(name, value)
        done = run_textgen()
        assert (done.stdout.strip(), done.stderr) == (expected, "")


OWN = "'textgen bench' is a command of textgen itself; choose another name"


@pytest.mark.parametrize(
    ("points", "code", "reason"),
    [
        ("shout = shouting:shout", "import no_such_module", "No module named 'no_such_module'"),
        ("shout = shouting:shout", "class shout: pass", "a command is a function, not type 'shout'"),
        ("shout = shouting:shout", "def shout(word: int | str): ...", "is not a valid command: "),
        ("bench = shouting:shout", SHOUT, OWN),
        ("noise.shout = shouting:shout", SHOUT, "invalid plugin name 'noise.shout': use lower"),
    ],
)
def test_a_command_that_cannot_be_used_is_left_out_of_the_help_alone(
    install: Install, points: str, code: str, reason: str
) -> None:
    install("shouting", GROUP + points, code)
    done = run_textgen("--help")
    assert "verify" in done.stdout
    assert "shout" not in done.stdout.lower()
    assert done.stderr.startswith("skipped: command ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert "--budget" in run_textgen("bench", "--help").stdout
    if points.startswith("shout"):
        assert reason in run_textgen("shout", code=1).stderr


def test_the_names_that_no_plugin_can_have_are_those_of_the_built_in_commands() -> None:
    group: Any = typer.main.get_command(app)
    found = [name for name in group.commands if group.commands.is_built_in(name)]
    for name in COMMAND_GROUPS:
        below = group.commands[name].commands
        found += [f"{name}.{each}" for each in below if below.is_built_in(each)]
    assert sorted(found) == sorted(COMMANDS)


CLEANER = "class {}:\n    def clean(self, text): return text\n"


@pytest.fixture
def cleaner_files(tmp_path: Path) -> Path:
    for name in ("One", "Two", "Three"):
        (tmp_path / f"{name.lower()}.py").write_text(CLEANER.format(name))
    return tmp_path


def test_files_come_from_the_project_the_environment_and_the_command(
    cleaner_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cleaners(*options: str) -> set[str]:
        """The cleaners that are listed besides the installed ones."""
        rows = json.loads(run_textgen("plugins", *options, "--json", cwd=cleaner_files).stdout)["plugins"]
        return {row["name"] for row in rows if row["distribution"].endswith(".py")}

    project = cleaner_files / "pyproject.toml"
    project.write_text("[tool.other]\nplugins = 1\n")
    assert cleaners() == set()
    project.write_text('[tool.textgen]\nplugins = ["one.py"]\n')
    assert cleaners() == {"one"}
    monkeypatch.setenv("TEXTGEN_PLUGIN_FILES", os.pathsep.join(["two.py", str(cleaner_files / "one.py")]))
    assert cleaners() == {"one", "two"}
    assert cleaners("--plugin", "three.py") == {"one", "two", "three"}


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ("[tool.textgen", "cannot read pyproject.toml: "),
        (
            "[tool.textgen]\nplugins = 'one.py'",
            "pyproject.toml: plugins in [tool.textgen] must be a list of f",
        ),
        ("[tool.textgen]\nplugins = ['four.py']", "cannot read the plugin file four.py: No such file"),
    ],
)
def test_a_project_that_cannot_be_used_is_a_one_line_error(
    cleaner_files: Path, project: str, message: str
) -> None:
    (cleaner_files / "pyproject.toml").write_text(project)
    done = run_textgen("plugins", code=1, cwd=cleaner_files)
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


def test_c_code_of_a_file_does_not_spoil_the_json_of_a_command(cleaner_files: Path) -> None:
    noise = "import ctypes\nctypes.CDLL(None).puts(b'noise')\nctypes.CDLL(None).fflush(None)\n"
    (cleaner_files / "noise.py").write_text(noise + CLEANER.format("Noise"))
    command = [sys.executable, "-m", "textgen", "plugins", "--plugin", "noise.py", "--json"]
    done = subprocess.run(command, cwd=cleaner_files, capture_output=True, text=True, check=True)
    assert "noise" in {row["name"] for row in json.loads(done.stdout)["plugins"]}
    assert "noise\n" in done.stderr
