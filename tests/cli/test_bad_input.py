"""Bad input: one line that helps, an exit code, and nothing written."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.bad_input import FAILURES, USAGE_ERRORS
from helpers.commands import Done, cases, notes, run_process, run_textgen
from helpers.records import edit_record

TEXTS = {
    "good.txt": "".join(f"Fox number {i} jumps over {7 * i} lazy dogs.\n\n" for i in range(80)).encode(),
    "empty.txt": b"",
    "blank.txt": b" \n\n\t ",
    "one.txt": b"x",
    "short.txt": b"too short " * 20,
    "markup.txt": b"<p> </p>\n\n[Illustration]",
    "binary": bytes(range(256)),
    "latin.txt": "A long text from the café. ".encode("latin-1") * 50,
    "utf16.txt": ("A long text from the café. " * 50).encode("utf-16"),
    "cut.vec": b"100 3\nFox 1 2 3\njumps 1 2 4\n",
    "ragged.vec": b"Fox 1 2 3\njumps 1 2\n",
    "foreign.vec": b"zorro 1 2 3\nsalta 1 2 4\n",
    "file": b"here first",
}


@pytest.fixture(scope="module")
def workplace(trained: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good and bad texts, files of vectors, and runs that were damaged in different ways."""
    folder = tmp_path_factory.mktemp("workplace")
    for name, data in TEXTS.items():
        (folder / name).write_bytes(data)
    for name in ("run", "cut-weights", "no-weights", "other-tokenizer", "no-json", "a-list", "from-later"):
        shutil.copytree(trained[0], folder / name)
    weights = folder / "cut-weights" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    (folder / "no-weights" / "weights.safetensors").unlink()
    (folder / "other-tokenizer" / "tokenizer.json").write_text("[1, 2]")
    (folder / "no-json" / "run.json").write_text('{"format": 1, ')
    (folder / "a-list" / "run.json").write_text("[1]")
    edit_record(folder / "from-later" / "run.json", lambda values: values.update(schema_version=99))
    return folder


def arguments(command: str, tiny: str) -> list[str]:
    """Fill in what the tables abbreviate; training gets a text, a small budget and a place for its run."""
    short = {"TINY": tiny, "GOOD": "good.txt", "RUN": "run", "LONG": "long" * 70}
    words = [short.get(word, word) for word in command.split()]
    if words[0] in ("train", "bench") and len(words) > 1:
        for option, value in (("--corpus", "good.txt"), ("--budget", "500chars"), ("--out", "out")):
            if option not in words:
                words[2:2] = [option, value]
    return words


def check(done: Done, message: str) -> None:
    """Besides progress there is one line, the last one, and it says `message`."""
    (line,) = notes(done)
    assert done.stderr.splitlines()[-1] == line
    assert re.fullmatch("error: " + re.escape(message).replace("…", ".+"), line), line


@pytest.mark.parametrize(("command", "message", "code"), [*cases(FAILURES, 1), *cases(USAGE_ERRORS, 2)])
def test_bad_input_gets_one_helpful_line(
    *, command: str, message: str, code: int, entry: str, workplace: Path, snapshot: Callable[[Path], object]
) -> None:
    before = snapshot(workplace)
    done = run_textgen(*arguments(command, entry), code=code, cwd=workplace)
    check(done, message)
    assert done.stdout == ""
    assert snapshot(workplace) == before


def test_a_separate_process_prints_the_same_line(entry: str, workplace: Path) -> None:
    done = run_process(*arguments("bench TINY --corpus latin.txt:body", entry), code=1, cwd=workplace)
    check(done, "latin.txt has no fields such as 'body'; …")
    assert done.stdout == ""


@pytest.mark.parametrize(
    "command",
    [
        ["train", "x" * 3000],
        ["train", "char-lstm:" + "x" * 3000 + "=1"],
        ["train", "char-lstm", "--budget", "9" * 3000 + "s"],
        ["train", "char-lstm", "--plugin", "x" * 3000],
        ["score", "x" * 3000, "lee"],
    ],
    ids=lambda command: command[-1][:20],
)
def test_a_long_name_or_value_is_shortened(command: list[str], tmp_path: Path) -> None:
    (line,) = notes(run_textgen(*command, code=1, cwd=tmp_path))
    assert line.startswith("error: ")
    assert len(line) < 720
