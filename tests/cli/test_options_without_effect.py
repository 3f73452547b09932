"""An option that would have no effect is refused: one line, exit code 2, and nothing done."""

from __future__ import annotations

from pathlib import Path

import pytest

import textgen
from helpers.commands import cases, run_textgen
from helpers.runs import make_run
from textgen.experiment.saved_run import save_run

SUITE = """
title = "Each case has a budget"
budget = "9s"
[[questions]]
name = "size"
text = "Which size?"
cases = [{ label = "small", entry = "char-lstm", budget = "1s" }]
"""

TABLE = """
corpus --clean raw
    --clean has no effect on the list of corpora; leave it out
corpus --diff
    --diff has no effect on the list of corpora; leave it out
corpus lee --diff --split 90/10
    --split has no effect with --diff; leave it out
corpus lee --diff --json
    --json has no effect with --diff; leave it out

bench random --encoding latin-1
    --encoding has no effect on wiki, not read from a file; leave it out
train random --budget 10s
    --budget has no effect on the model 'uniform', which is not trained by gradient descent; leave it out
train word-ngram --precision bf16
    --precision has no effect on the model 'ngram', which is not trained by gradient descent; leave it out
tune char-lstm --encoding latin-1
    --encoding has no effect on wiki, not read from a file; leave it out
score runs/one lee --encoding latin-1
    --encoding has no effect on lee, not read from a file; leave it out

describe runs/one --corpus lee
    --corpus has no effect on 'runs/one', a run with a vocabulary of its own; leave it out
describe runs/one --vocab-size 32
    --vocab-size has no effect on 'runs/one', a run with a vocabulary of its own; leave it out
describe char-lstm --vocab-size 32 --corpus lee
    --corpus has no effect with --vocab-size, which needs no text; leave it out

suite original --gpus-per-run 0.5
    --gpus-per-run has no effect without --on; leave it out
suite original --on ray --jobs 2
    --jobs has no effect with --on, which computes as many runs at a time as have room; leave it out
suite budgets.toml --budget 10s
    --budget has no effect on 'budgets.toml', of which every case has a budget of its own; leave it out

plugins --json show lstm
    --json has no effect before 'show'; write it after 'show'
"""
CPU = textgen.ClusterOptions(device="cpu")
TEXT = "".join(f"Fox number {i} jumps over {7 * i} lazy dogs.\n\n" for i in range(80))


@pytest.mark.parametrize(("command", "message", "code"), cases(TABLE, 2))
def test_an_option_without_effect_is_refused(command: str, message: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "budgets.toml").write_text(SUITE)
    if "runs/one" in command:
        save_run(tmp_path / "runs" / "one", make_run("char-uniform"))
    before = sorted(tmp_path.rglob("*"))
    done = run_textgen(*command.split(), code=code, cwd=tmp_path)
    assert done.stderr == f"error: {message}\n"
    assert done.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_precision_is_refused_where_generation_has_none(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    run = textgen.train("random", tmp_path / "text.txt", out=tmp_path / "run", cluster=CPU)
    assert len(textgen.load(run.folder, device="cpu", precision="fp32").sample(length=9)) == 9
    done = run_textgen("sample", run.folder, "--precision", "bf16", code=2)
    assert done.stderr == (
        "error: precision bf16 has no effect on 'uniform', which generates in fp32; leave it out\n"
    )
