"""Free memory: what Linux, containers and limits leave."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from textgen.contracts import TextgenError
from textgen.runtime.memory import (
    MEMORY,
    _available,
    _left_in_container,
    free_memory,
    in_words,
    limit_memory,
    require_memory,
)
from textgen.training.checkpoints import INTERVAL, Checkpoints
from textgen.training.rank_info import VARIABLES, RankInfo, rank_info_of_torchrun

GB = 10**9


def test_this_machine_has_free_memory() -> None:
    free = free_memory()
    assert free is not None
    assert free > 1e8
    require_memory(1, "a byte", "take less")


def test_too_little_is_one_line_that_names_both_figures_and_the_advice() -> None:
    with pytest.raises(TextgenError) as caught:
        require_memory(10**18, "training 'big'", "make hidden_size smaller")
    pattern = r"training 'big' needs about 1,000,000 TB of memory, but .+ are free on cpu; make hidden_size.*"
    assert re.fullmatch(pattern, str(caught.value))


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (38 * GB, "38 GB"), (10**16, "10,000 TB")],
)
def test_bytes_in_words(num_bytes: int, words: str) -> None:
    assert in_words(num_bytes) == words


def test_what_linux_calls_available_counts(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemFree: 10 kB\nMemAvailable:  4000 kB\n")
    assert _available(tmp_path) == 4000 * 1024


def test_the_tightest_control_group_counts_without_what_can_be_dropped(tmp_path: Path) -> None:
    own = tmp_path / "sys/fs/cgroup/outer/inner"
    own.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("4:memory:/old\n0::/outer/inner\n")
    for folder, limit, used in ((own, "max", 100), (own.parent, str(4 * GB), 3 * GB)):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {GB // 2}\n")
    assert _left_in_container(tmp_path) == 1.5 * GB


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert _left_in_container(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux" or torch.cuda.is_available(), reason="no limit there")
def test_a_process_fails_at_its_limit_and_not_at_that_of_the_machine() -> None:
    code = "from textgen.runtime.memory import limit_memory; limit_memory(); bytes(10**8); bytes(10**9)"
    variables = os.environ | {MEMORY: "500MB"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, check=False)
    assert done.stderr.splitlines()[-1] == b"MemoryError"


# --- environment variables that cannot be meant


@pytest.mark.parametrize("given", ["nan", "-1", "x", "1,5"])
def test_an_interval_that_is_not_a_time_is_refused(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INTERVAL, given)
    with pytest.raises(TextgenError, match=f"{INTERVAL}='{given}': give a number of seconds"):
        Checkpoints(tmp_path)


@pytest.mark.parametrize("given", ["9" * 5000, "1e400GB", "-5GB", "0GB", "4"])
def test_memory_that_is_not_an_amount_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY, given)
    with pytest.raises(TextgenError, match=f"^{MEMORY}"):
        limit_memory()


@pytest.mark.parametrize("given", ["", "x", "1e5", "-1", "9" * 5000, "\u0661"])
def test_ranks_that_torchrun_does_not_set_are_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "1")
    with pytest.raises(TextgenError, match="RANK=1 must be below WORLD_SIZE=1"):
        rank_info_of_torchrun()
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    assert rank_info_of_torchrun() == RankInfo()
    monkeypatch.setenv("WORLD_SIZE", given)
    with pytest.raises(TextgenError, match="must be numbers"):
        rank_info_of_torchrun()
