"""SIGKILL in the middle of training: the same command resumes, and ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import pytest

from helpers.killing import KillWhen, contents, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc"),
]
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
ENTRY = "char-lstm:num_layers=1,hidden_size=16,batch_size=8,sequence_length=32,num_validations=3,dropout=0.2"
MIXTURE = ENTRY.replace("lstm", "lstm+ngram")
READING_ON = ENTRY.replace("lstm", "lstm+ngram+mix")
TEXT = ("--corpus", "lee", "--max-chars", "30000", "--precision", "fp32", "--device", "cpu")
SMALL = (*TEXT, "--budget", "15000chars")
"""A budget of 58 updates."""
STUDY = ("--trials", "1", "--seeds", "1", "--search", "learning_rate=1e-3..1e-2")
SUITE = f"""title = "Kills"
budget = "15000chars"
seeds = 1
[[questions]]
name = "mixture"
text = "What does a mixture add?"
cases = [{{ label = "alone", entry = "{ENTRY}" }}, {{ label = "mixture", entry = "{MIXTURE}" }}]
"""
COMMANDS = {
    "train": (("train", ENTRY, *SMALL), {10: False}),
    "reading on": (("train", READING_ON, *SMALL), {10: False}),
    "bench": (("bench", ENTRY, *SMALL, "--length", "40"), {10: True, 30: False}),
    "suite": (("suite", "kills.toml", *SMALL), {20: False}),
    "tune": (("tune", ENTRY, *SMALL, *STUDY), {20: True}),
}
"""Commands, with the updates of their kills and whether all processes are killed at once."""


def after_updates(number: int, folder: Path) -> KillWhen:
    """Return the time to kill: when the checkpoint after N updates is being written or exists."""

    def is_due() -> bool:
        names = (name for _, folders, _ in os.walk(folder) for name in folders)
        return any(int(digits) >= number for name in names for digits in CHECKPOINT.findall(name))

    return is_due


def prepared(arguments: tuple[str, ...], folder: Path) -> list[str]:
    """Return a command line without `--out`, after writing what it reads."""
    (folder / "kills.toml").write_text(SUITE, "utf-8")
    return [str(folder / each) if each == "kills.toml" else each for each in arguments]


def whole(command: list[str], folder: Path) -> dict[str, str]:
    """Return the files of a command that nobody kills."""
    done = run([*command, "--out", str(folder / "out")], folder)
    assert done.code == 0, done.output
    return contents(folder)


@pytest.mark.parametrize(
    "name", [name if name == "train" else pytest.param(name, marks=pytest.mark.long) for name in COMMANDS]
)
def test_a_killed_command_goes_on_and_ends_with_the_same_files(name: str, tmp_path: Path) -> None:
    arguments, kills = COMMANDS[name]
    command, folder = prepared(arguments, tmp_path), tmp_path / "killed"
    continued = [*command, "--out", str(folder / "out")]
    for number, at_once in kills.items():
        killed = run(continued, folder, after_updates(number, folder), whole=at_once)
        assert (killed.code, killed.survivors, killed.repeated) == (None, 0, False), killed.output
        assert killed.most_updates >= number - 1
    done = run(continued, folder)
    assert (done.code, done.repeated) == (0, False), done.output
    assert contents(folder) == whole(command, tmp_path / "whole")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_a_command_that_is_killed_at_random_instants_ends_with_the_same_files(
    seed: int, tmp_path: Path
) -> None:
    command = prepared(("bench", ENTRY, MIXTURE, *SMALL, "--length", "40"), tmp_path)
    began = time.monotonic()
    expected = whole(command, tmp_path / "whole")
    seconds, chance, folder = time.monotonic() - began, random.Random(seed), tmp_path / "killed"
    for _ in range(4):
        end = time.monotonic() + chance.uniform(0.2, 0.8) * seconds
        killed = run(
            [*command, "--out", str(folder / "out")],
            folder,
            lambda end=end: time.monotonic() > end,  # type: ignore[misc]
            whole=chance.random() < 0.5,
        )
        assert (killed.survivors, killed.repeated) == (0, False)
    assert run([*command, "--out", str(folder / "out")], folder).code == 0
    assert contents(folder) == expected
