"""Beside other work, training goes by whichever number of threads is faster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from textgen.training import threads
from textgen.training.threads import AGAIN_SECONDS, TRIAL_SECONDS, Threads


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
    monkeypatch.setattr(threads, "threads_beside_others", lambda: 2)
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
            self.threads.after_update(self.seconds, round(self.num_tokens))


def test_one_thread_is_kept_where_two_wait_for_each_other() -> None:
    machine = Machine(pace_of_one=6400, pace_of_two=182)
    machine.train(AGAIN_SECONDS, share=0.3)
    assert machine.used.count(2) <= 2 * TRIAL_SECONDS / 0.1
    assert machine.used[-1] == 1
    assert machine.threads.num_single == machine.used.count(1)
    machine.threads.restore()
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
    monkeypatch.setattr(threads, "threads_beside_others", lambda: 1)
    machine = Machine(pace_of_one=6400, pace_of_two=182)
    machine.train(5, share=0.2)
    assert set(machine.used) == {1}
