"""Plugin files that every command adds: of the environment, and of the project in the working directory."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from helpers.commands import run_process, run_textgen

CLEANER = "class {}:\n    def clean(self, text): return text\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three plugin files."""
    for name in ("One", "Two", "Three"):
        (tmp_path / f"{name.lower()}.py").write_text(CLEANER.format(name))
    return tmp_path


def cleaners(folder: Path, *options: str) -> set[str]:
    """The cleaners that are listed besides the installed ones."""
    rows = json.loads(run_textgen("plugins", *options, "--json", cwd=folder).stdout)["plugins"]
    return {row["name"] for row in rows if row["distribution"].endswith(".py")}


def test_files_come_from_the_project_the_environment_and_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cleaners(folder) == set()
    (folder / "pyproject.toml").write_text('[tool.textgen]\nplugins = ["one.py"]\n')
    assert cleaners(folder) == {"one"}
    monkeypatch.setenv("TEXTGEN_PLUGIN_FILES", os.pathsep.join(["two.py", str(folder / "one.py")]))
    assert cleaners(folder) == {"one", "two"}
    assert cleaners(folder, "--plugin", "three.py") == {"one", "two", "three"}


def test_the_plugins_of_a_file_are_checked_and_a_file_is_not_taken_for_a_name(folder: Path) -> None:
    done = run_textgen("plugins", "check", "--plugin", "two.py", "--json", code=1, cwd=folder)
    assert {row["name"] for row in json.loads(done.stdout)["checks"]} == {"two"}
    done = run_textgen("plugins", "check", "one.py", code=1, cwd=folder)
    assert done.stderr == "error: 'one.py' is a file, not the name of a plugin; give it as --plugin one.py\n"


def test_a_project_without_the_table_adds_nothing(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.other]\nplugins = 1\n")
    assert cleaners(folder) == set()


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ("[tool.textgen", "cannot read pyproject.toml: "),
        (
            "[tool.textgen]\nplugins = 'one.py'",
            "pyproject.toml: plugins in [tool.textgen] must be a list of files",
        ),
        ("[tool.textgen]\nplugins = ['four.py']", "cannot read the plugin file four.py: No such file"),
    ],
)
def test_a_project_that_cannot_be_used_is_a_one_line_error(folder: Path, project: str, message: str) -> None:
    (folder / "pyproject.toml").write_text(project)
    done = run_textgen("plugins", code=1, cwd=folder)
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root may give files to others")
@pytest.mark.parametrize("theirs", ["pyproject.toml", "one.py"])
def test_a_project_or_a_plugin_of_it_of_another_user_does_not_run_as_this_one(
    theirs: str, folder: Path
) -> None:
    (folder / "pyproject.toml").write_text('[tool.textgen]\nplugins = ["one.py"]\n')
    os.rename(folder / theirs, folder / "own")
    (folder / theirs).symlink_to("own")
    os.lchown(folder / theirs, 65534, -1)
    done = run_textgen("plugins", code=1, cwd=folder)
    assert done.stderr.startswith("error: plugin files of pyproject.toml of the working directory would run")
    assert f"{theirs} belongs to another user" in done.stderr
    assert done.stderr.count("\n") == 1


def test_threads_and_c_code_of_a_file_neither_keep_a_command_from_ending_nor_spoil_its_json(
    folder: Path,
) -> None:
    (folder / "noise.py").write_text(
        "import atexit, ctypes, threading, time\n"
        "ctypes.CDLL(None).puts(b'noise')\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "atexit.register(time.sleep, 600)\n" + CLEANER.format("Noise")
    )
    done = run_process("plugins", "--plugin", "noise.py", "--json", cwd=folder)
    assert "noise" in {row["name"] for row in json.loads(done.stdout)["plugins"]}
    assert "noise\n" in done.stderr


def test_what_a_component_prints_stays_out_of_results(folder: Path) -> None:
    (folder / "talk.py").write_text(
        "class Talk:\n"
        "    def __init__(self): print('noise')\n"
        "    def read(self, item):\n        print('noise')\n        return 'Some text. ' * 400\n"
    )
    done = run_textgen("corpus", "talk", "--plugin", "talk.py", "--json", cwd=folder)
    assert json.loads(done.stdout)["num_chars"] > 4000
    assert "noise" in done.stderr


def test_a_component_whose_constructor_returns_something_is_one_line(folder: Path) -> None:
    (folder / "odd.py").write_text(CLEANER.format("Odd") + "    def __init__(self): return 3\n")
    done = run_textgen("corpus", "lee", "--clean", "odd", "--plugin", "odd.py", code=1, cwd=folder)
    assert re.match(r"error: cleaner 'odd' .* cannot be built: __init__\(\) should return None", done.stderr)
