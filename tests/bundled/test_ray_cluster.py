"""Runs on a Ray cluster of two nodes: equal to those of this machine, though a node is lost on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch

import textgen
from helpers.killing import contents
from helpers.plugins import TOY_MODEL
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.device import DeviceConfig
from textgen_ray.cluster import LOOPBACK, QUIET

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'textgen-bench[ray]'"),
]

TINY = "char-lstm:num_layers=1,hidden_size={},batch_size=4,sequence_length=16,num_validations=4"
SMALL, SMALLER = TINY.format(8), TINY.format(7)
BUDGET = "40000chars"
"""A second or two of training, so that a node can be lost meanwhile."""
NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}
OPTIONS: dict[str, Any] = {
    "corpus": textgen.TextOptions("lee", max_chars=20_000),
    "samples": textgen.SampleOptions(length=20),
}
HERE = textgen.ClusterOptions(device="cpu", precision="fp32")
CPU = DeviceConfig(torch.device("cpu"), "fp32")


class TwoNodes:
    """A cluster of two nodes with a core each, one of which can be lost."""

    def __init__(self, temporary: Path) -> None:
        from ray.cluster_utils import Cluster

        self._temporary = temporary
        with self._environment():
            head = {**NODE, "include_dashboard": False}
            self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.name: str = f"ray:{self._cluster.address}"
        """What is given as `on`."""
        self._second: Any = None
        self.complete()

    def complete(self) -> None:
        """Add the second node if it is not there."""
        if self._second is None:
            with self._environment():
                self._second = self._cluster.add_node(**NODE)

    @contextmanager
    def _environment(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(self._temporary))
            patch.setenv("RAY_health_check_period_ms", "500")  # a lost node is noticed soon
            patch.setenv("RAY_health_check_failure_threshold", "2")
            yield

    def num_free_cores(self) -> float:
        """Return what no job takes."""
        import ray

        ray.init(address=self._cluster.address, log_to_driver=False, logging_level="ERROR")
        try:
            return float(ray.available_resources().get("CPU", 0))
        finally:
            ray.shutdown()

    def left_files(self) -> list[Path]:
        """Return the folders of jobs on the nodes."""
        return list(self._temporary.glob("textgen-*/results"))

    @contextmanager
    def lost_while_training(self) -> Iterator[None]:
        """Kill the second node, with all that it computes, as soon as two runs are being trained."""

        def lose() -> None:
            wait_until(lambda: len(list(self._temporary.glob("textgen-*/results/*.partial"))) == 2)
            self._cluster.remove_node(self._second, allow_graceful=False)
            self._second = None

        thread = threading.Thread(target=lose)
        thread.start()
        yield
        thread.join(timeout=60)
        assert self._second is None

    def end(self) -> None:
        """End both."""
        self._cluster.shutdown()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that happens elsewhere; fails after a minute."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:  # a short name, for sockets
        for name, value in (QUIET | LOOPBACK).items():  # before Ray is imported
            patch.setenv(name, value)
        nodes = TwoNodes(Path(folder))
        yield nodes
        nodes.end()


@pytest.fixture(autouse=True)
def _complete(nodes: TwoNodes) -> None:
    nodes.complete()


def test_a_comparison_equals_one_of_this_machine(nodes: TwoNodes, tmp_path: Path) -> None:
    """Plugin files travel, and a crash costs its row only."""
    for name, code in (("sound", "pass"), ("aborts", "import os; os.abort()")):
        model = TOY_MODEL.format(code).replace("class Toy", f"class {name.title()}")
        (tmp_path / f"{name}.py").write_text(model)
        load_plugin_files([tmp_path / f"{name}.py"])
    entries = [SMALL, SMALLER, "char-ngram", "char-sound", "char-aborts"]
    for where in ("here", "there"):
        (tmp_path / where).mkdir()
    here = textgen.bench(entries, budget=BUDGET, cluster=HERE, out=tmp_path / "here/out", **OPTIONS)
    with nodes.lost_while_training():
        cluster = replace(HERE, on=nodes.name)
        there = textgen.bench(entries, budget=BUDGET, cluster=cluster, out=tmp_path / "there/out", **OPTIONS)
    assert [row.error for row in there.entries] == [None] * 4 + ["its process crashed (SIGABRT)"]
    assert there.scores == here.scores
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert len(list((tmp_path / "there/out/runs").iterdir())) == 4


def test_a_killed_command_goes_on_and_an_interrupted_one_keeps_what_is_finished(
    nodes: TwoNodes, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "textgen", "bench", "random", "char-ngram", SMALL, "--corpus", "lee"]
    command += ["--budget", "10000Mchars", "--device", "cpu", "--on", nodes.name, "--out", str(folder)]
    for sent, run in ((signal.SIGKILL, "random-seed0"), (signal.SIGINT, "char-ngram-seed0")):
        with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as process:
            wait_until((folder / "runs" / run / "run.json").exists)
            process.send_signal(sent)
            _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    kept = f"interrupted; 2 runs are kept in {folder}, continue with: textgen bench random char-ngram "
    assert stderr.splitlines()[-1].startswith(kept)
    assert list(folder.rglob("*.partial")) == []
    wait_until(lambda: nodes.num_free_cores() == 2)
    assert nodes.left_files() == []
