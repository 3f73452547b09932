"""What a result says about the versions and the hardware that it depends on."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
import torch

from textgen.runtime import environment
from textgen.runtime.environment import CpuShare, command_line, threads_per_job, usable_cores


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (
            ["/usr/bin/textgen", "bench", "char-lstm", "--corpus", "my text.txt"],
            "textgen bench char-lstm --corpus 'my text.txt'",
        ),
        (["/somewhere/textgen/__main__.py", "train", "random"], "textgen train random"),
        (["/usr/bin/pytest", "tests"], None),
        (["notebook.py"], None),
        ([""], None),
    ],
)
def test_the_command_is_one_that_can_be_pasted(
    arguments: list[str], command: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", arguments)
    assert command_line() == command


@pytest.mark.parametrize(
    ("num_cores", "num_threads", "num_jobs", "threads"),
    [(8, 8, 1, 8), (8, 4, 1, 4), (8, 8, 3, 2), (2, 2, 3, 1), (1.5, 2, 1, 1), (8, 6, 2, 4), (8, 2, 2, 2)],
)
def test_jobs_share_the_cores_and_use_at_most_the_threads_of_torch(
    num_cores: float, num_threads: int, num_jobs: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "usable_cores", lambda: num_cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: num_threads)
    assert threads_per_job(num_jobs) == threads


@pytest.mark.parametrize(
    ("quota", "cores"), [("150000 100000", 1.5), ("max 100000", 4), ("800000 100000", 4), (None, 4)]
)
def test_a_quota_of_cpu_time_limits_the_cores(
    quota: str | None, cores: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "num_cores", lambda: 4)
    monkeypatch.setattr(environment, "CPU_QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    assert usable_cores() == cores


def compute(cpu_seconds: float) -> None:
    """Keep this thread busy until it has had that much CPU time."""
    start = time.thread_time()
    while time.thread_time() < start + cpu_seconds:
        pass


def test_waiting_for_a_core_counts_but_sleep_and_pauses_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(nanoseconds: int) -> None:
        for thread, waited in (("1", 7000), ("2", nanoseconds)):
            (tmp_path / thread).mkdir(exist_ok=True)
            (tmp_path / thread / "schedstat").write_text(f"5000 {waited} 3\n", "ascii")

    monkeypatch.setattr(environment, "THREADS", tmp_path)
    wait(0)
    share = CpuShare()
    time.sleep(0.05)
    compute(0.01)
    assert share.value() == 1
    with share.paused():
        wait(10**9)
    compute(0.01)
    assert share.value() == 1
    wait(2 * 10**9)
    assert 0 < share.value() < 0.5
