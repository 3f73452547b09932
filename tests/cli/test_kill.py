"""SIGKILL in the middle of training: the same command goes on, and ends as if nothing had happened."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from textgen_benchmarks.killing import KillWhen
from textgen_benchmarks.kills import ENTRY, SHORT, STUDY, TEXT, Command, killed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc"),
]
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
SMALL = (*TEXT, "--budget", "15000chars")
"""A budget of 58 updates."""
READING_ON = ENTRY.replace("char-lstm", "char-lstm+ngram+mix")
COMMANDS = {
    "train": (("train", ENTRY, *SMALL), {10: False}),
    "reading on": (("train", READING_ON, *SMALL), {10: False}),
    "bench": (("bench", ENTRY, *SMALL, *SHORT), {10: True, 30: False}),
    "suite": (("suite", "kills.toml", *SMALL, "--seeds", "1"), {20: False}),
    "tune": (("tune", ENTRY, *SMALL, *STUDY, "--trials", "1"), {20: True}),
}
"""Commands, with the updates of their kills and whether all processes are killed at once.

The long version kills at random instants: `python -m textgen_benchmarks.kills`.
"""


def after_updates(number: int, folder: Path) -> KillWhen:
    """Return the time to kill: when the checkpoint after N updates is being written or exists."""

    def is_due(*_: object) -> bool:
        names = (name for _, folders, _ in os.walk(folder) for name in folders)
        return any(int(digits) >= number for name in names for digits in CHECKPOINT.findall(name))

    return is_due


@pytest.mark.parametrize(
    "name", [name if name == "train" else pytest.param(name, marks=pytest.mark.long) for name in COMMANDS]
)
def test_a_killed_command_goes_on_and_ends_with_the_same_files(name: str, tmp_path: Path) -> None:
    arguments, kills = COMMANDS[name]
    moments = iter([(after_updates(number, tmp_path / "0"), whole) for number, whole in kills.items()])
    row = killed(Command(name, arguments, 1.0), len(kills), lambda _: next(moments), tmp_path)
    assert row.refusals == []
    assert row.kills == row.with_checkpoint == row.continued == len(kills)
    assert (row.lost_checkpoints, row.survivors) == (0, 0)
    assert (row.differing_files, row.left_files, row.missing_files) == ([], [], [])
    assert row.equal == row.finished == 1
