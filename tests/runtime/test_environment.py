"""What a result says about the versions and the hardware that it depends on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from textgen.runtime import environment
from textgen.runtime.environment import command_line, machine, threads_per_job, usable_cores, versions


def test_the_versions_are_those_that_are_installed() -> None:
    found = versions()
    assert found["textgen"] == version("textgen-bench")
    assert found["torch"] == version("torch")
    assert found["python"] == platform.python_version()


def test_the_machine_is_this_one() -> None:
    found = machine()
    assert found.processor
    assert (found.num_cores, found.num_threads) == (os.cpu_count(), torch.get_num_threads())
    assert (found.gpu is not None) == torch.cuda.is_available()


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
