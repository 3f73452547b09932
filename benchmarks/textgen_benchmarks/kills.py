"""SIGKILL at any instant: `python -m textgen_benchmarks.kills`.

Kills `train`, `bench`, `suite` and `tune` at random instants, in the middle of saves too, and lets the same
command go on until it ends, several times. Budgets are in characters, so that what comes out must equal the
files of a command that nobody killed, bit by bit. A checkpoint is written after each update, so that many
kills meet one. With `--only`, the results of the other commands stay in the file.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from textgen.cli.console import print_rows
from textgen_benchmarks.killing import Attempt, KillWhen, after, contents, lost, never, run, trials_done
from textgen_benchmarks.saving import json_option, save

ENTRY = "char-lstm:num_layers=1,hidden_size=16,batch_size=8,sequence_length=32,num_validations=3,dropout=0.2"
MIXTURE = ENTRY.replace("lstm", "lstm+ngram")
TEXT = ("--corpus", "lee", "--max-chars", "30000", "--precision", "fp32", "--device", "cpu")
BUDGET = ("--budget", "50000chars")
SHORT = ("--length", "40")
"""Short samples, all of which a busy machine writes in the few seconds that it has for those of the page."""
STUDY = ("--trials", "3", "--seeds", "1", "--search", "learning_rate=1e-3..1e-2")
TUNE = ("tune", ENTRY, *TEXT, "--budget", "20000chars", *STUDY)
SUITE = f"""title = "Kills"
budget = "20000chars"
seeds = 2
[[questions]]
name = "mixture"
text = "What does a mixture add?"
cases = [{{ label = "alone", entry = "{ENTRY}" }}, {{ label = "mixture", entry = "{MIXTURE}" }}]
"""
Moment: TypeAlias = tuple[KillWhen, bool]
"""When to kill, and whether all processes of a command at once."""
MODES = {"any instant": 5, "a checkpoint": 3, "a result": 2}
"""Weight of each kind of moment."""
MAX_KILLS = 8
"""Kills after which a command may end, so that enough results are compared."""


@dataclass(frozen=True)
class Command:
    """A command that is killed: its arguments before `--out`, and its share of the kills."""

    name: str
    arguments: tuple[str, ...]
    share: float
    is_ordered: bool = True
    """False if two processes take its trials, whose order differs from run to run."""


COMMANDS = (
    Command("train", ("train", ENTRY, *TEXT, *BUDGET), 0.25),
    Command("bench", ("bench", ENTRY, MIXTURE, "char-ngram", *TEXT, *BUDGET, *SHORT, "--seeds", "2"), 0.25),
    Command("suite", ("suite", "kills.toml", *TEXT), 0.125),
    Command("suite --jobs 2", ("suite", "kills.toml", *TEXT, "--jobs", "2"), 0.125),
    Command("tune", TUNE, 0.125),
    Command("tune --jobs 2", (*TUNE, "--jobs", "2"), 0.125, is_ordered=False),
)


@dataclass
class Killed:
    """Outcome of the kills of one command."""

    command: str
    kills: int = 0
    of_first_process_only: int = 0
    during_a_save: int = 0
    """A file or folder was left unfinished."""
    during_the_save_of_a_result: int = 0
    with_checkpoint: int = 0
    """There was a checkpoint to continue from."""
    continued: int = 0
    """Kills of which the next attempt did so: no update was repeated that a checkpoint held."""
    lost_checkpoints: int = 0
    finished: int = 0
    """Commands that were killed until they completed."""
    equal: int = 0
    """Finished commands whose files equal those of a command that was not killed."""
    survivors: int = 0
    """Processes that were there long after the first one was killed."""
    differing_files: list[str] = field(default_factory=list)
    left_files: list[str] = field(default_factory=list)
    missing_files: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """Errors of commands that ended by themselves."""


def killed(command: Command, num_kills: int, choose: Callable[[Attempt], Moment], folder: Path) -> Killed:
    """Kill a command `num_kills` times, each time it begins again until it ends.

    `choose` returns the next moment, given a command that was not killed; series are in `folder`/0 and so on.
    """
    (folder / "kills.toml").write_text(SUITE, "utf-8")
    arguments = [str(folder / each) if each == "kills.toml" else each for each in command.arguments]
    whole = folder / "whole"
    whole.mkdir(parents=True)
    reference = run([*arguments, "--out", str(whole / "out")], whole)
    if reference.code:
        sys.exit(f"error: textgen {' '.join(arguments)}: {reference.output}")
    expected = contents(whole, is_ordered=command.is_ordered)
    row = Killed(command.name)
    for number in range(num_kills):
        if row.kills >= num_kills:
            break
        series = folder / f"{number}"
        series.mkdir()
        most = min(MAX_KILLS, num_kills - row.kills)
        moments = [choose(reference) for _ in range(most)]
        if one_series([*arguments, "--out", str(series / "out")], series, moments, row):
            compare(expected, contents(series, is_ordered=command.is_ordered), row)
        shutil.rmtree(series)
    return row


def one_series(arguments: Sequence[str], folder: Path, moments: Sequence[Moment], row: Killed) -> bool:
    """Kill a command at some moments, one after the other, until it ends; return whether it succeeded."""
    before: Attempt | None = None
    gone: set[Path] = set()
    for when, whole in (*moments, (never, True)):
        attempt = run(arguments, folder, when, whole=whole)
        row.survivors += attempt.survivors
        missing = set(lost(attempt.updates, folder))
        # The trial of a study whose result is in its database leaves nothing else.
        owed = max(0, len(gone) - trials_done(folder))
        gone |= {path for path in missing if "trials" in path.parts}
        row.lost_checkpoints += len(missing - gone) + max(0, len(gone) - trials_done(folder)) - owed
        if before is not None and before.updates:
            row.with_checkpoint += 1
            row.continued += not attempt.repeated
        if attempt.code is not None:
            # A run that was killed right after it was saved is there, as `train` says.
            is_finished = not attempt.code or "exists already" in attempt.output
            if not is_finished:
                row.refusals.append(attempt.output)
            row.finished += is_finished
            return is_finished
        row.kills += 1
        row.of_first_process_only += not whole
        row.during_a_save += bool(attempt.unfinished)
        row.during_the_save_of_a_result += any(map(is_of_result, attempt.unfinished))
        before = attempt
    raise AssertionError("the last attempt is not killed")


def moment(chance: random.Random, reference: Attempt) -> Moment:
    """Return when to kill, and whether all processes of the command at once."""
    mode = chance.choices(list(MODES), list(MODES.values()))[0]
    if mode == "any instant":
        training = reference.seconds - reference.first_checkpoint
        instant = chance.uniform(0.7 * reference.first_checkpoint, reference.first_checkpoint + training / 2)
        return after(instant), chance.random() < 0.5
    of_result = mode == "a result"
    number = chance.randint(1, 3 if of_result else 60)
    return lambda seconds, saves: [is_of_result(each) for each in saves()].count(of_result) >= number, True


def is_of_result(save: str) -> bool:
    """Return whether an unfinished save is not one of checkpoints."""
    return not save.startswith((".checkpoint-", ".finished."))


def compare(expected: dict[str, str], there: dict[str, str], row: Killed) -> None:
    """Note the differences between the files of a killed command and of another."""
    differing = sorted(name for name in expected.keys() & there.keys() if expected[name] != there[name])
    row.differing_files += differing
    row.left_files += sorted(there.keys() - expected.keys())
    row.missing_files += sorted(expected.keys() - there.keys())
    row.equal += not differing and there.keys() == expected.keys()


def main() -> None:
    """Kill every command, print the counts and save them."""
    parser = json_option(__doc__, "kills")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=[each.name for each in COMMANDS])
    options = parser.parse_args()
    known = json.loads(options.json.read_text("utf-8"))["commands"] if options.json.exists() else []
    rows = []
    for command in COMMANDS:
        if options.only and command.name not in options.only:
            rows += [Killed(**row) for row in known if row["command"] == command.name]
            continue
        with tempfile.TemporaryDirectory() as folder:
            chance = random.Random(f"{options.seed} {command.name}")
            num_kills = round(options.kills * command.share)
            rows.append(killed(command, num_kills, partial(moment, chance), Path(folder)))
        print(rows[-1], file=sys.stderr)
    print_rows(
        [
            {key: len(value) if isinstance(value, list) else value for key, value in vars(row).items()}
            for row in rows
        ]
    )
    save(options.json, kills=sum(row.kills for row in rows), seed=options.seed, commands=rows)


if __name__ == "__main__":
    main()
