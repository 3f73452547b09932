"""SIGKILL in the middle of training: the same command resumes, and ends as if nothing had happened."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from helpers.killing import contents, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc"),
]
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
ENTRY = "char-lstm:num_layers=1,hidden_size=16,batch_size=8,sequence_length=32,num_validations=3,dropout=0.2"
OPTIONS = (
    *("--corpus", "lee", "--max-chars", "30000", "--precision", "fp32", "--device", "cpu"),
    *("--budget", "15000chars"),  # 58 updates
)
STUDY = ("--trials", "1", "--seeds", "1", "--search", "learning_rate=1e-3..1e-2")


@pytest.mark.parametrize(
    ("arguments", "kills"),
    [
        pytest.param(("train", ENTRY), {10: False}, id="train"),
        pytest.param(("bench", ENTRY, "--length", "40"), {10: True, 30: False}, marks=pytest.mark.long),
        pytest.param(("tune", ENTRY, *STUDY), {20: True}, marks=pytest.mark.long, id="tune"),
    ],
)
def test_a_killed_command_goes_on_and_ends_with_the_same_files(
    arguments: tuple[str, ...], kills: dict[int, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kills` has the updates after which it is killed, and whether all of its processes are at once."""
    monkeypatch.chdir(tmp_path)
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    command = [*arguments, *OPTIONS, "--out", str(folder / "out")]
    for number, at_once in kills.items():

        def is_due(number: int = number) -> bool:
            """Return whether the checkpoint after so many updates is being written or exists."""
            names = (name for _, folders, _ in os.walk(folder) for name in folders)
            return any(int(digits) >= number for name in names for digits in CHECKPOINT.findall(name))

        killed = run(command, folder, is_due, whole=at_once)
        assert (killed.code, killed.survivors, killed.repeated) == (None, 0, False), killed.output
        assert killed.most_updates >= number - 1
    done = run(command, folder)
    assert (done.code, done.repeated) == (0, False), done.output
    done = run([*command[:-1], str(whole / "out")], whole)
    assert done.code == 0, done.output
    assert contents(folder) == contents(whole)
