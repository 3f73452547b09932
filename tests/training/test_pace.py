"""Under a budget in time another seed is another pace, which intervals contain."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.training import trainer
from textgen.evaluation.intervals import SHIPPED_PRIORS
from textgen.runtime import threads
from textgen.runtime.threads import AGAIN_SECONDS, TRIAL_SECONDS, Threads
from textgen.training.budget import parse_budget
from textgen.training.loop import train
from textgen.training.mixture_training import combined_result, counting_result
from textgen.training.progress import Progress, pace_sd, unevenness


def curve(*points: tuple[int, float], seconds: float = 10.0) -> list[Progress]:
    return [Progress(0.0, seconds, 0, 0.0, chars, bits, bits) for chars, bits in points]


FALLING = curve((1000, 4.0), (2000, 3.0), (4000, 2.5))


def test_a_pace_counts_by_what_the_last_characters_gained() -> None:
    level = curve((1000, 4.0), (2000, 2.5), (4000, 2.5))
    assert pace_sd(level, 1.0) == 0
    assert pace_sd(curve((1000, 4.0), (2000, 2.4), (4000, 2.5)), 1.0) == 0, "it got worse: the best counts"
    assert 0 < pace_sd(FALLING, 1.0) < 0.5
    steeper = curve((1000, 4.0), (2000, 3.5), (4000, 2.5))
    assert pace_sd(steeper, 1.0) == pytest.approx(2 * pace_sd(FALLING, 1.0))
    assert pace_sd([], 1.0) == 0


def paced(paces: Sequence[int], seconds: float) -> list[Progress]:
    """Return a curve of validations in equal intervals, whose last doubling gains a bit."""
    chars, step = np.cumsum(paces), seconds / len(paces)
    return [
        Progress(0.0, step * number, 0, 0.0, int(read), 1.0, 5 - math.log2(read / chars[0]))
        for number, read in enumerate(chars, start=1)
    ]


STEADY, UNEVEN = [100] * 10, [100] * 5 + [100, 60, 110, 70, 100]


def test_a_pace_that_was_disturbed_counts_more() -> None:
    steady, uneven = paced(STEADY, 60.0), paced(UNEVEN, 60.0)
    assert unevenness(steady) == 0
    assert unevenness(uneven) == pytest.approx(np.std(np.log(UNEVEN[5:]), ddof=1))
    assert pace_sd(uneven, 1.0) > 3 * pace_sd(steady, 1.0) == 3 * pace_sd(steady, None)
    assert pace_sd(steady, 0.5) > 3 * pace_sd(steady, 0.9), "the share that was lost"
    assert pace_sd(paced(UNEVEN, 240.0), 1.0) < 0.6 * pace_sd(uneven, 1.0), "what comes and goes evens out"
    assert pace_sd(paced(UNEVEN, 10.0), 1.0) > 2 * pace_sd(uneven, 1.0), "a short run does not see all of it"


def test_a_pace_that_changed_is_a_disturbance() -> None:
    calm = counting_result(1000, 1.0)
    assert calm.disturbance is None
    uneven = replace(calm, unevenness=unevenness(paced(UNEVEN, 60.0)))
    assert uneven.disturbance == "trained at a speed that varied by 26 %"
    assert combined_result([calm, uneven]).unevenness == uneven.unevenness


def test_only_budgets_in_time_depend_on_the_pace() -> None:
    ids = np.random.default_rng(0).integers(0, 20, 3000).astype(np.uint8)
    scores = iter(np.linspace(5.0, 4.0, 40))
    found = {}
    for budget in ("20updates", "0.3s"):
        found[budget] = train(trainer(ids), parse_budget(budget), 1.0, lambda: float(next(scores)))
    assert found["20updates"].pace_sd == 0
    assert found["0.3s"].pace_sd > 0


def test_the_prior_of_seeds_contains_the_pace() -> None:
    prior = SHIPPED_PRIORS["bits_per_char"]
    alone, paced = prior.after_runs([300_000]), prior.after_runs([300_000], [0.04])
    assert alone is not None
    assert paced is not None
    assert paced.sd == pytest.approx((alone.sd**2 + 0.04**2) ** 0.5)
    assert prior.after_runs([]) is None


class Share:
    """A share of the CPU that a test sets."""

    now = 1.0

    def value(self) -> float:
        return Share.now


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(threads, "CpuShare", Share)
    monkeypatch.setattr(threads, "is_busy", lambda: False)
    yield
    torch.set_num_threads(before)


class Machine:
    """Trains at a pace that depends on the number of threads."""

    def __init__(self, pace_of_one: float, pace_of_two: float) -> None:
        self.threads, self.paces = Threads(), (pace_of_one, pace_of_two)
        self.seconds, self.num_tokens = 0.0, 0.0
        self.used = list[int]()

    def train(self, seconds: float, share: float) -> None:
        Share.now, end = share, self.seconds + seconds
        while self.seconds < end:
            self.used.append(torch.get_num_threads())
            self.seconds += 0.1
            self.num_tokens += 0.1 * self.paces[self.used[-1] - 1]
            self.threads.after_step(self.seconds, round(self.num_tokens))


def test_one_thread_is_kept_where_two_wait_for_each_other() -> None:
    machine = Machine(pace_of_one=6400, pace_of_two=182)
    machine.train(AGAIN_SECONDS, share=0.3)
    assert machine.used.count(2) <= 2 * TRIAL_SECONDS / 0.1
    assert machine.used[-1] == 1
    assert machine.threads.num_single == machine.used.count(1)
    machine.threads.close()
    assert torch.get_num_threads() == 2


def test_two_threads_stay_where_they_are_faster_and_are_not_tried_without_need() -> None:
    machine = Machine(pace_of_one=100, pace_of_two=180)
    machine.train(5, share=1.0)
    assert set(machine.used) == {2}
    machine.train(AGAIN_SECONDS, share=0.7)
    assert 0 < machine.used.count(1) <= 2 * TRIAL_SECONDS / 0.1
    assert machine.used[-1] == 2


def test_two_threads_come_back_when_the_other_work_is_over() -> None:
    machine = Machine(pace_of_one=100, pace_of_two=10)
    machine.train(AGAIN_SECONDS, share=0.5)
    assert machine.used[-1] == 1
    machine.paces = (100, 190)
    machine.train(AGAIN_SECONDS + 2, share=1.0)
    assert machine.used[-1] == 2


def test_a_run_begins_with_one_thread_beside_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "is_busy", lambda: True)
    machine = Machine(pace_of_one=6400, pace_of_two=182)
    machine.train(5, share=0.2)
    assert set(machine.used) == {1}


def test_loops_in_turns_have_one_thread_beside_other_work_and_give_all_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "is_busy", lambda: True)
    first, second = threads.paced(range(3)), threads.paced(range(3))
    next(first), next(second)
    assert torch.get_num_threads() == 1
    del first
    assert torch.get_num_threads() == 2
    assert list(second) == [1, 2]
    assert torch.get_num_threads() == 2
