"""SIGKILL at any instant: the same command goes on, and ends as if nothing had happened."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from textgen_benchmarks.kills import BUDGET, COMMANDS, ENTRY, SHORT, TEXT, Command, killed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc"),
]
NUM_KILLS = 2
TRIED = [
    *(each for each in COMMANDS if each.name == "train"),
    Command("bench", ("bench", ENTRY, "char-ngram", *TEXT, *BUDGET, *SHORT), 1.0),
]
"""The long version kills all commands, with more seeds: `python -m textgen_benchmarks.kills`.

Suites and studies are killed in `tests/suite/test_run.py` and `tests/tune/test_trials.py`.
"""


@pytest.mark.parametrize("command", TRIED, ids=lambda each: each.name)
def test_a_killed_command_goes_on_and_ends_with_the_same_files(command: Command, tmp_path: Path) -> None:
    found = killed(command, NUM_KILLS, random.Random(1), tmp_path)
    assert found.refusals == []
    assert found.kills == NUM_KILLS
    assert found.continued == found.with_checkpoint
    assert (found.lost_checkpoints, found.survivors) == (0, 0)
    assert (found.differing_files, found.left_files, found.missing_files) == ([], [], [])
    assert found.equal == found.finished >= 1
