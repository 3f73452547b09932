"""The share of the CPU time that a process wanted and got."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from textgen.runtime import environment
from textgen.runtime.environment import CpuShare

COUNT_FOREVER = """
import os
os.sched_setaffinity(0, {core})
print("ready", flush=True)
while True:
    pass
"""


def compute(cpu_seconds: float) -> None:
    """Keep this thread busy until it has had that much CPU time."""
    start = time.thread_time()
    while time.thread_time() < start + cpu_seconds:
        pass


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pins processes to a core")
@pytest.mark.parametrize("threads", [environment.THREADS, Path("no such folder")])  # Linux, other systems
def test_a_process_that_shares_its_core_gets_part_of_the_time(
    threads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "THREADS", threads)
    cores = os.sched_getaffinity(0)
    core = min(cores)
    program = COUNT_FOREVER.replace("core", str(core))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        os.sched_setaffinity(0, {core})
        try:
            share = CpuShare()
            compute(0.2)
            value = share.value()
        finally:
            os.sched_setaffinity(0, cores)
            other.kill()
    assert 0 < value < 0.8


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
