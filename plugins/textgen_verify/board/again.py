"""A submission trained again, by the command that it gives, in a process and a folder of its own."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from textgen.comparison.kinds import BENCH
from textgen.contracts import TextgenError
from textgen.evaluation.intervals import SHIPPED_PRIORS
from textgen.results.comparison import Comparison
from textgen.results.judge import score_sample
from textgen.results.row import row_of
from textgen.runtime.storage.json_records import read_record
from textgen.training.budget import is_timed, parse_budget
from textgen_verify.board.check import is_same
from textgen_verify.board.folders import Folder, TrainedAgain
from textgen_verify.board.make import command_of
from textgen_verify.board.rules import BoardText

MAX_SECONDS = 6 * 3600
"""Seconds after which training again is ended."""
LEVEL = 0.01
"""The p-value below which a difference makes a record."""
SAME, SAME_COUNTS = 0.002, 0.0001
"""Bits per character that rounding on another machine may always change: of models that are trained, and of
those that only count."""
MOST = 0.03
"""Bits per character that nothing explains."""


def train_again(folder: Folder, text: BoardText, began: str) -> TrainedAgain:
    """Return the rows of a submission that is trained again; its plugin files are run.

    Raises `TextgenError` if it fails, or has no rank.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for path in folder.plugin_files:
            shutil.copy(path, place)
        if Path(text.corpus).exists():  # relative to here, not to that place
            text = replace(text, corpus=str(Path(text.corpus).absolute()))
        _, *arguments = command_of(folder.submission, folder.result, text)
        # Without -P, a plugin file named torch.py would be imported instead of torch.
        command = [sys.executable, "-P", "-m", "textgen", *arguments, "--quiet", "--out", "again"]
        try:
            ended = subprocess.run(
                command, cwd=place, capture_output=True, text=True, timeout=MAX_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise TextgenError(f"trained again, it took more than {MAX_SECONDS // 3600} hours") from None
        if ended.returncode or not (place / "again" / BENCH).is_file():
            said = (ended.stderr.strip().splitlines() or ["no message"])[-1]
            raise TextgenError(f"trained again, it failed: {said}")
        result = read_record(Comparison, place / "again" / BENCH, needs_digest=True)
    return replace(_measured(result, folder), began=began)


def _measured(result: Comparison, folder: Folder) -> TrainedAgain:
    """Return the rows of a bench without what they wrote; raises `TextgenError` unless all have a rank."""
    if [(row.name, row.seed) for row in result.entries] != [(run.name, run.seed) for run in folder.runs]:
        raise TextgenError("trained again, it is another entry, or has other seeds")
    if not is_same(folder.result.corpus, result.corpus):
        raise TextgenError("trained again, it was scored on another text")
    for reason in result.failures.values():
        raise TextgenError(f"trained again, it failed: {reason}")
    rows = [row_of(run, result.scored_on) for run in result.runs]
    for row in rows:
        if row.problem:
            raise TextgenError(f"trained again, it has no rank since {row.problem}")
    return TrainedAgain(
        made=datetime.now(UTC).date().isoformat(),
        machine=rows[0].machine,
        versions=result.versions,
        num_parameters=result.runs[0].num_parameters,
        rows=tuple(replace(row, written={}, pseudovalues={}) for row in rows),
    )


def is_small(budget: str, largest: str) -> bool:
    """Return whether a budget is trained again: one of at most that size, and of the same unit."""
    asked, limit = parse_budget(budget), parse_budget(largest)
    return asked.unit == limit.unit and asked.amount <= limit.amount


@dataclass(frozen=True)
class Reproduction:
    """Change of the scores of an entry, in bits per character, when the same seeds were trained again."""

    change: float
    """Of the mean."""
    allowed: float
    """What other roundings explain, by the variance between the seeds that were trained again."""
    of_seeds: tuple[float, ...]
    allowed_of_seed: float
    facts: tuple[str, ...] = ()
    """What else is not as claimed."""
    is_timed: bool = False
    """True under a budget in time, with which another machine allows more or less training."""

    @property
    def agrees(self) -> bool:
        """True if nothing of it is more than roundings, or under a budget in time the machine, explain."""
        largest = max(map(abs, self.of_seeds))
        is_rounding = abs(self.change) <= self.allowed and largest <= self.allowed_of_seed
        return not self.facts and (is_rounding or self.is_timed)


def reproduction(folder: Folder, again: TrainedAgain) -> Reproduction:
    """Return how much a submission changed; no claim of its decides how much is allowed.

    On another machine, roundings differ, and so does all of training by gradient after some updates: as if
    the seed were another one, at most. So a seed may change by four standard deviations of the difference of
    two seeds, and the mean by three of its own. Raises `TextgenError` if the stretches differ.
    """
    prior = SHIPPED_PRIORS["bits_per_char"]
    old, new = score_sample(folder.rows, prior), score_sample(again.rows, prior)
    if old is None or new is None or old.pseudovalues.shape != new.pseudovalues.shape:
        raise TextgenError("trained again, it was scored on other stretches of the text")
    changes = new.values - old.values
    deviation = math.sqrt(2 * (new.seed_variance() + new.noise_within_seeds()))
    least = SAME if any(row.num_updates for row in again.rows) else SAME_COUNTS
    return Reproduction(
        change=float(changes.mean()),
        allowed=min(max(least, 3 * deviation / math.sqrt(len(changes))), MOST),
        of_seeds=tuple(map(float, changes)),
        allowed_of_seed=min(max(least, 4 * deviation), 2 * MOST),
        facts=tuple(_facts(folder, again)),
        is_timed=is_timed(folder.budget),
    )


def _facts(folder: Folder, again: TrainedAgain) -> Iterator[str]:
    """Yield what a submission says of its training that is not so."""
    for run, row in zip(folder.runs, again.rows, strict=True):
        if run.num_parameters != again.num_parameters:
            yield f"it has {again.num_parameters:,} parameters, not {run.num_parameters:,}"
        read = run.train.num_updates, run.train.num_chars
        if read != (row.num_updates, row.num_chars) and not is_timed(folder.budget):
            yield (
                f"seed {run.seed} made {row.num_updates:,} updates on {row.num_chars:,} characters, not "
                f"{run.train.num_updates:,} on {run.train.num_chars:,}"
            )
