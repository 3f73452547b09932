"""A submission trained again, by the command that it gives, in a process and a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from textgen.comparison.kinds import BENCH
from textgen.contracts import TextgenError
from textgen.evaluation.intervals import SHIPPED_PRIORS, Contrast, difference
from textgen.results.comparison import Comparison
from textgen.results.judge import score_sample
from textgen.results.row import Row, row_of
from textgen.runtime.storage.json_records import read_record
from textgen.training.budget import parse_budget
from textgen_verify.board.folders import Folder, TrainedAgain
from textgen_verify.board.make import command_of
from textgen_verify.board.rules import BoardText

MAX_SECONDS = 6 * 3600
"""Seconds after which training again is ended."""
SAME, LEVEL = 0.002, 0.01
"""Bits per character that rounding on another machine may change, and the p-value below which a difference
is more than chance."""


def train_again(folder: Folder, text: BoardText) -> TrainedAgain:
    """Return the rows of a submission that is trained again; its plugin files are run.

    Raises `TextgenError` if it fails, or has no rank.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for path in folder.plugin_files:
            shutil.copy(path, place)
        _, *arguments = command_of(folder.submission, folder.result, text)
        # Without -P, a plugin file named torch.py would be imported instead of torch.
        command = [sys.executable, "-P", "-m", "textgen", *arguments, "--quiet", "--out", "again"]
        try:
            ended = subprocess.run(
                command, cwd=place, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise TextgenError(f"trained again, it took more than {MAX_SECONDS // 3600} hours") from None
        if not (place / "again" / BENCH).is_file():
            said = (ended.stderr.strip().splitlines() or ["no message"])[-1]
            raise TextgenError(f"trained again, it failed: {said}")
        result = read_record(Comparison, place / "again" / BENCH, needs_digest=True)
    return _measured(result)


def _measured(result: Comparison) -> TrainedAgain:
    """Return the rows of a bench without what they wrote."""
    for reason in result.failures.values():
        raise TextgenError(f"trained again, it failed: {reason}")
    rows = [row_of(run, result.scored_on) for run in result.runs]
    for row in rows:
        if row.problem:
            raise TextgenError(f"trained again, seed {row.seed} has no rank since {row.problem}")
    return TrainedAgain(
        made=datetime.now(UTC).date().isoformat(),
        machine=rows[0].machine,
        versions=result.versions,
        rows=tuple(replace(row, written={}, pseudovalues={}) for row in rows),
    )


def is_small(budget: str, largest: str) -> bool:
    """Return whether a budget is trained again: one in characters, of at most that size."""
    asked, limit = parse_budget(budget), parse_budget(largest)
    return asked.unit == limit.unit and asked.amount <= limit.amount


def change_of(claimed: Sequence[Row], again: TrainedAgain) -> Contrast:
    """Return how many more bits an entry needed when it was trained again, on the same stretches."""
    prior = SHIPPED_PRIORS["bits_per_char"]
    old, new = score_sample(claimed, prior), score_sample(again.rows, prior)
    if old is None or new is None or old.pseudovalues.shape != new.pseudovalues.shape:
        raise TextgenError("trained again, it was scored on other stretches of the text")
    return difference(new, old)


def agrees(change: Contrast) -> bool:
    """Return whether a change is one that rounding, other seeds and other machines explain."""
    return abs(change.value) <= SAME or change.p_value >= LEVEL
