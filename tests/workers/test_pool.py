"""Items computed in other processes: in any order, with errors and kills, and nothing left behind."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from textgen.contracts import TextgenWarning
from textgen.workers.pool import WAIT_SECONDS, Killed, OnMessage, Processes, drive, killed, run_in_processes
from textgen.workers.process import recipe, tell


def kill_yourself(text: str) -> str:
    if text == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return text


def slow(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


class TwoArgumentsError(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def fail(error: Callable[[str, str], Exception]) -> None:
    raise error("the real", "reason")


def watched(
    function: Callable[..., object],
    items: Sequence[object],
    on_message: OnMessage = None,
    max_silence: float | None = None,
) -> Iterator[tuple[Any, Any]]:
    pool = Processes(recipe(function), on_message, max_silence, own_process=True)
    return drive(pool, items, lambda: 1)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_process_takes_only_its_own_job_with_it() -> None:
    results = dict(run_in_processes(kill_yourself, ["a", "b", "c", "d"], 2))
    assert results.pop("b") == killed(-signal.SIGKILL)
    assert results == {"a": "a", "c": "c", "d": "d"}


def test_processes_end_when_nobody_reads_on() -> None:
    jobs = run_in_processes(slow, [0.0, 600.0, 600.0], 2)
    _, pid = next(jobs)
    assert isinstance(pid, int)
    assert is_alive(pid)
    jobs.close()  # type: ignore[attr-defined]
    assert not is_alive(pid)


def kill_by(number: int) -> None:
    if os.fork() == 0:  # another process keeps the connection open
        time.sleep(600)
    os.kill(os.getpid(), number)


def test_a_killed_process_is_noticed_though_one_that_it_forked_lives() -> None:
    ((_, result),) = run_in_processes(kill_by, [signal.SIGKILL], 1)
    assert result == killed(-signal.SIGKILL)


def test_the_signal_of_a_crash_is_named() -> None:
    results = [result for _, result in run_in_processes(kill_by, [signal.SIGSEGV, 40], 1)]
    assert results == [Killed("its process crashed (SIGSEGV)"), Killed("its process crashed (signal 40)")]


def warn(text: str) -> str:
    warnings.warn(text, TextgenWarning, stacklevel=1)
    return text


def test_a_warning_for_people_arrives_here() -> None:
    with pytest.warns(TextgenWarning, match="careful"):
        assert list(run_in_processes(warn, ["careful"], 1)) == [("careful", "careful")]


def test_a_silent_job_is_ended() -> None:
    ((_, result),) = watched(slow, [600.0], max_silence=0.5)
    assert result == Killed("it made no progress for a few seconds and was stopped")


def tell_on(text: str) -> str:
    for _ in range(3):
        tell(text)
    time.sleep(3 * WAIT_SECONDS)  # so that the pool looks at the clock after the last message
    return text


def test_a_job_that_reports_progress_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("textgen.workers.pool.time", SimpleNamespace(monotonic=lambda: clock[0]))

    def half_a_minute_later(_item: object, _message: object) -> None:
        clock[0] += 30

    assert list(watched(tell_on, ["a"], half_a_minute_later, max_silence=60)) == [("a", "a")]
    assert clock[0] == 90


def test_a_process_that_was_killed_while_idle_is_replaced() -> None:
    jobs = run_in_processes(slow, [0.0, 0.0], 1)
    _, first = next(jobs)
    assert isinstance(first, int)
    os.kill(first, signal.SIGKILL)
    while is_alive(first):
        time.sleep(0.01)
    _, second = next(jobs)
    assert isinstance(second, int)
    assert second != first


def test_an_error_that_pickle_cannot_restore_arrives_with_its_message() -> None:
    with pytest.raises(RuntimeError, match=r"^TwoArgumentsError: the real reason$"):
        list(run_in_processes(fail, [TwoArgumentsError], 1))
