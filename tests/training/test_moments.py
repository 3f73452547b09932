"""What entries write while they are trained: at the moments of their budget, without any effect on it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

import textgen
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import weights_of
from textgen.training.moments import NUM_CHARS, SHARES, Writing, shares_of
from textgen.training.progress import Moment, Progress, Step

OPTIONS = "num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=10"
SMALL = f"lstm:{OPTIONS}"
TEXT = textgen.TextOptions("lee", max_chars=20_000)
CPU = textgen.ClusterOptions(device="cpu", precision="fp32")
BUDGET = "8000chars"


def trained(out: Path, entry: str = f"char-{SMALL}", report: object = False) -> textgen.Run:
    return textgen.train(entry, TEXT, budget=BUDGET, cluster=CPU, out=out, report=report)  # type: ignore[arg-type]


def fractions(run: textgen.Run) -> list[float]:
    return [each.progress.fraction for each in run.result.train.moments]


def test_entries_write_at_each_moment_and_learn_the_same(tmp_path: Path) -> None:
    steps: list[Step] = []
    run = trained(tmp_path / "with", report=steps.append)
    moments = run.result.train.moments
    assert [round(each, 2) for each in fractions(run)] == pytest.approx(list(SHARES), abs=0.02)
    assert {len(each.text) for each in moments} == {NUM_CHARS}
    assert len({each.text for each in moments}) == len(moments)
    assert [step.text for step in steps if step.text] == [each.text for each in moments]
    validated = [each.progress.validation_bits_per_char is not None for each in moments]
    assert validated == [False, False, False, True, True, True, True]
    without = trained(tmp_path / "without", f"char-{SMALL},moments=false")
    assert not without.result.train.moments
    mine, its = (weights_of(each.saved.model.module) for each in (run, without))
    assert all(torch.equal(mine[name], its[name]) for name in mine)
    assert run.test.bits_per_char == without.test.bits_per_char


class Still(nn.Module):
    def initial_state(self, batch_size: int) -> None: ...


def progress(fraction: float) -> Progress:
    return Progress(fraction, 1.0, 1, 0.1, 100, 3.0)


def test_writing_takes_no_more_than_its_share_of_a_budget_in_seconds() -> None:
    model = LanguageModel(Still(), 5)
    rich, poor = (Writing(lambda _: "text", shares_of(0, 1), seconds) for seconds in (math.inf, 0.0))
    for fraction in (0.005, 0.011, 0.015, 0.3, 1.0):
        rich.at(model, progress(fraction))
        poor.at(model, progress(fraction))
    assert [each.progress.fraction for each in rich.moments] == [0.011, 0.3, 1.0]
    assert poor.moments == []
    slow = Writing(lambda _: "text", shares_of(0, 1), 0.36)  # the cost of three or four of seven
    slow.last_seconds = 0.1
    for fraction in SHARES:
        slow.at(model, progress(fraction))
        slow.seconds, slow.last_seconds = 0.1 * len(slow.moments), 0.1
    assert [each.progress.fraction for each in slow.moments] == [0.02, 0.1, 0.5]
    rich = Writing(lambda _: "text", shares_of(0, 1), math.inf)
    rich.resume([Moment(progress(0.2), "text")])
    assert rich.shares == [0.5, 1.0]


def test_models_that_are_trained_in_turn_share_the_moments() -> None:
    assert shares_of(0, 2) == pytest.approx([0.02, 0.04, 0.1, 0.2, 0.4, 1.0])
    assert shares_of(1, 2) == pytest.approx([1.0])
    assert shares_of(1, 4) == pytest.approx([1.0])
