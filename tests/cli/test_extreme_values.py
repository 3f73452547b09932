"""Values that cannot be meant: one short line at once, before a text is read or anything is allocated."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import cases, notes, run_textgen

pytestmark = pytest.mark.slow  # trains or runs commands at length

REFUSED = """
train char-lstm:num_layers=1000000
    entry '…': lstm option num_layers=1000000: input should be less than or equal to 1000 (the default is 3)
train char-ngram:order=1000000
    entry '…': ngram option order=1000000: input should be less than or equal to 100 (the default is none)
train char-lstm:learning_rate=1e300
    entry '…': training option learning_rate=1e300: input should be less than or equal to 1e+30 (…)
describe char-lstm:num_layers=1000,hidden_size=65536 --vocab-size 100
    entry '…': the model needs about …; make num_layers or hidden_size smaller
train char-lstm --budget 99999999999999999999h
    budget '99999999999999999999h': at most 1,000,000,000 seconds are allowed; give less
train char-lstm --budget 99999999999epochs
    budget '99999999999epochs': at most 1,000,000 epochs are allowed; give less
train char-lstm --budget 1e30chars
    budget '1e30chars': give a positive amount …
train char-lstm --budget nan
    budget 'nan': give a positive amount …
"""

REFUSED_BY_TYPER = """
bench char-lstm --seeds 1000000000
    Invalid value for '--seeds': …
describe char-lstm --vocab-size 1000000000
    Invalid value for '--vocab-size': …
sample run --number 1000000000
    Invalid value for '--number': …
sample run --length 1000000000
    Invalid value for '--length': …
train char-lstm --seed 18446744073709551616
    Invalid value for '--seed': …
"""


@pytest.mark.parametrize(("command", "message", "code"), [*cases(REFUSED, 1), *cases(REFUSED_BY_TYPER, 2)])
def test_a_value_that_cannot_be_meant_is_refused(
    command: str, message: str, code: int, tmp_path: Path
) -> None:
    (line,) = notes(run_textgen(*command.split(), code=code, cwd=tmp_path))
    start, _, end = f"error: {message}".partition("…")
    assert line.startswith(start)
    assert line.endswith(end.rpartition("…")[2])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ["train", "x" * 3000],
        ["train", "char-" + "x" * 3000],
        ["train", "char-lstm:" + "x" * 3000 + "=1"],
        ["train", "char-lstm:hidden_size=" + "9" * 3000],
        ["train", "char-lstm", "--budget", "9" * 3000 + "s"],
        ["train", "char-lstm", "--corpus", "x " * 3000],
        ["train", "char-lstm", "--clean", "x" * 100_000],
        ["train", "char-lstm", "--split", "1/" * 3000],
        ["train", "char-lstm", "--plugin", "x" * 3000],
        ["score", "x" * 3000, "lee"],
    ],
    ids=lambda command: command[-1][:20],
)
def test_a_long_name_or_value_is_shortened(command: list[str], tmp_path: Path) -> None:
    (line,) = notes(run_textgen(*command, code=1, cwd=tmp_path))
    assert line.startswith("error: ")
    assert len(line) < 720
