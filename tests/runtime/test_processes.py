"""Jobs in other processes: in any order, with errors and kills of their own, and nothing left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial

import pytest

from textgen.api import TextgenError
from textgen.runtime import processes
from textgen.runtime.processes import Killed, Setup, map_in_order, run_jobs


def upper(text: str) -> str:
    return text.upper()


def kill_yourself(text: str) -> str:
    if text == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return text


def slow(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def variable(name: str) -> str | None:
    return os.environ.get(name)


def set_variable(name: str, value: str) -> None:
    os.environ[name] = value


def num_threads(_: int) -> int:
    import torch

    return torch.get_num_threads()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_job_comes_back_with_its_result() -> None:
    assert sorted(run_jobs(upper, ["a", "b", "c", "d", "e"], 2)) == list(zip("abcde", "ABCDE", strict=True))
    assert list(run_jobs(upper, [], 2)) == []


def test_a_killed_process_takes_only_its_own_job_with_it() -> None:
    results = dict(run_jobs(kill_yourself, ["a", "b", "c", "d"], 2))
    killed = results.pop("b")
    assert isinstance(killed, Killed)
    assert killed.exitcode == -signal.SIGKILL
    assert results == {"a": "a", "c": "c", "d": "d"}


def test_an_error_in_another_process_is_raised_here() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(run_jobs(int, ["1", "x"], 2))


def test_processes_end_when_nobody_reads_on() -> None:
    jobs = run_jobs(slow, [0.0, 600.0, 600.0], 2)
    _, pid = next(jobs)
    assert isinstance(pid, int)
    assert is_alive(pid)
    jobs.close()  # type: ignore[attr-defined]
    assert not is_alive(pid)


def test_each_process_is_set_up_before_its_first_job() -> None:
    setup = Setup(num_threads=3, initialize=partial(set_variable, "TEXTGEN_TEST_SETUP", "done"))
    assert list(run_jobs(num_threads, [0], 1, setup)) == [(0, 3)]
    assert list(run_jobs(variable, ["TEXTGEN_TEST_SETUP"], 1, setup)) == [("TEXTGEN_TEST_SETUP", "done")]
    assert "TEXTGEN_TEST_SETUP" not in os.environ


def test_somebody_can_watch_while_jobs_run() -> None:
    calls: list[float] = []
    list(run_jobs(slow, [1.0], 1, on_wait=lambda: calls.append(time.monotonic())))
    assert len(calls) >= 2


@pytest.mark.parametrize("limit", [1, 2])
def test_items_are_mapped_in_order_in_this_process_or_others(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MAX_PROCESSES", limit)
    items = [str(number) * 100 for number in range(40)]
    assert list(map_in_order(str.upper, items)) == items
    cannot_be_pickled: Callable[[str], str] = lambda item: item[:3]  # noqa: E731
    assert list(map_in_order(cannot_be_pickled, items)) == [item[:3] for item in items]
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_in_order(int, ["1", "x"]))


def test_a_killed_process_ends_a_mapping_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "num_cores", lambda: 2)
    with pytest.raises(TextgenError, match=r"was killed, possibly .*; free some memory"):
        list(map_in_order(kill_yourself, ["a", "b", "c"]))
