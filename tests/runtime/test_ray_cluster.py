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
from helpers.plugins import TOY_MODEL
from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.suite.planner import SuiteOptions
from textgen.suite.run_suite import run_suite
from textgen.suite.schema import Case, Question, Suite
from textgen.training.budget import parse_budget
from textgen.training.progress import Step
from textgen.workers.pool import run_jobs
from textgen_benchmarks.killing import contents
from textgen_ray.cluster import LOOPBACK, QUIET, on_cluster
from textgen_ray.pool import Share

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'textgen-bench[ray]'"),
]

TINY = "char-lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=4"
BUDGET = "60000chars"
"""Some seconds of training, so that a node can be lost meanwhile."""
NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}
HERE = textgen.ClusterOptions(device="cpu", precision="fp32")
OPTIONS: dict[str, Any] = {
    "corpus": textgen.TextOptions("lee", max_chars=20_000),
    "samples": textgen.SampleOptions(length=20),
}


class TwoNodes:
    """A cluster of two nodes with a core each, one of which can be lost."""

    def __init__(self, temporary: Path) -> None:
        from ray.cluster_utils import Cluster

        self._temporary = temporary
        with self._environment():
            head = {**NODE, "include_dashboard": False}
            self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address
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
            yield

    def num_free_cores(self) -> float:
        """Return what no job takes; this process is connected."""
        import ray

        return float(ray.available_resources().get("CPU", 0))

    def left_files(self) -> list[Path]:
        """Return the folders of jobs on the nodes."""
        return list(self._temporary.glob(".job.*"))

    def lose_a_node(self) -> None:
        """Kill the second node, with all that it computes."""
        self._cluster.remove_node(self._second, allow_graceful=False)
        self._second = None

    def end(self) -> None:
        """End both."""
        self._cluster.shutdown()


class Loss:
    """Loses a node as soon as two runs are being trained, one on each."""

    def __init__(self, nodes: TwoNodes) -> None:
        self._nodes = nodes
        self._num_started, self._thread = 0, threading.Thread(target=nodes.lose_a_node)

    def report(self, step: Step) -> None:
        """Count the runs that start."""
        self._num_started += step.state == "starting"
        if self._num_started >= 2 and step.progress is not None and self._thread.ident is None:
            self._thread.start()

    def check(self) -> None:
        """Assert that it happened."""
        self._thread.join(timeout=60)
        assert self._nodes._second is None


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that happens elsewhere; fails after a minute."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture
def heeded_interrupts() -> Iterator[None]:
    """Started in the background, tests inherit that SIGINT is ignored, and so would their processes."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
    entries, loss = [TINY, "char-ngram", "random"], Loss(nodes)
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    out, there = tmp_path / "here/out", tmp_path / "there/out"
    textgen.bench(entries, budget=BUDGET, seeds=2, cluster=HERE, out=out, **OPTIONS)
    cluster = replace(HERE, on=nodes.address)
    result = textgen.bench(
        entries, budget=BUDGET, seeds=2, cluster=cluster, out=there, report=loss.report, **OPTIONS
    )
    loss.check()
    assert [row.error for row in result.entries] == [None] * 6
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert len(list((tmp_path / "there/out/runs").iterdir())) == 6


def test_a_suite_equals_one_of_this_machine(nodes: TwoNodes, tmp_path: Path) -> None:
    cases = (Case(label="trained", entry=TINY), Case(label="counted", entry="char-ngram"))
    tiny = Suite(title="Tiny", budget=BUDGET, seeds=2, questions=(Question(name="q", text="?", cases=cases),))
    config = DeviceConfig(torch.device("cpu"), "fp32")
    options, loss = SuiteOptions(sources=["lee"], device_config=config, max_chars=20_000), Loss(nodes)
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    run_suite(tiny, options, tmp_path / "here/out")
    with on_cluster(nodes.address, Share()):
        result = run_suite(tiny, options, tmp_path / "there/out", loss.report)
    loss.check()
    assert not result.failures
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_the_trials_of_a_study_equal_those_of_this_machine(nodes: TwoNodes, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    from textgen.tune.request import Request
    from textgen.tune.run_study import run_study
    from textgen.tune.study import Study
    from textgen.tune.trials import Goal

    def study(folder: Path, report: Any = lambda step: None) -> dict[tuple[Any, ...], float | None]:
        request = Request(
            entry=TINY,
            search="learning_rate",
            tune_sampler=None,
            budget=parse_budget(BUDGET),
            device_config=DeviceConfig(torch.device("cpu"), "fp32"),
            seed=0,
            folder=folder,
        )
        objective = request.objective(load_corpus(["lee"], max_chars=20_000), report)
        with Study(folder, objective) as study:
            result = run_study(study, Goal(3, None), num_seeds=1, report=report)
        assert [trial.machine is not None for trial in result.trials] == [True] * 3
        return {tuple(trial.params.values()): trial.value for trial in result.trials}

    loss = Loss(nodes)
    with on_cluster(nodes.address, Share()):
        there = study(tmp_path / "there", loss.report)
    loss.check()
    assert there == study(tmp_path / "here")


def test_a_plugin_file_travels_and_a_crash_costs_its_row(nodes: TwoNodes, tmp_path: Path) -> None:
    for name, code in (("sound", "pass"), ("aborts", "import os; os.abort()")):
        model = TOY_MODEL.format(code).replace("class Toy", f"class {name.title()}")
        (tmp_path / f"{name}.py").write_text(model)
        load_plugin_files([tmp_path / f"{name}.py"])
    entries = ["char-sound", "char-aborts", "random"]
    cluster = replace(HERE, on=nodes.address)
    result = textgen.bench(entries, budget="2000chars", cluster=cluster, out=tmp_path / "out", **OPTIONS)
    assert [row.error for row in result.entries] == [None, "its process crashed (SIGABRT)", None]


@pytest.mark.usefixtures("heeded_interrupts")
def test_a_killed_command_goes_on_and_an_interrupted_one_keeps_what_is_finished(
    nodes: TwoNodes, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, "-m", "textgen", "bench", "random", "char-ngram", TINY, "--corpus", "lee"]
    command += ["--budget", "10000Mchars", "--device", "cpu", "--on", nodes.address, "--out", str(folder)]
    for sent, run in ((signal.SIGKILL, "random-seed0"), (signal.SIGINT, "char-ngram-seed0")):
        with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as process:
            wait_until((folder / "runs" / run / "run.json").exists)
            process.send_signal(sent)
            _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    kept = f"interrupted; 2 runs are kept in {folder}, continue with: textgen bench random char-ngram "
    assert stderr.splitlines()[-1].startswith(kept)
    assert list(folder.rglob("*.partial")) == []
    with on_cluster(nodes.address, Share()):
        wait_until(lambda: nodes.num_free_cores() == 2)
        results = list(run_jobs(abs, [-1, -2], 2, own_process=True))
    assert sorted(results) == [(-2, 2), (-1, 1)]
    assert nodes.left_files() == []


def test_a_share_that_no_machine_has_is_refused(nodes: TwoNodes) -> None:
    message = r"no machine of the cluster has 2 CPUs and 0 GPUs for a run \(127.0.0.1 has 1 CPUs and 0 GPUs; "
    with pytest.raises(TextgenError, match=message), on_cluster(nodes.address, Share(2)):
        pass
    with pytest.raises(UsageError, match=r"^1\.5 GPUs per run: give a part of 1, or a whole number$"):
        Share(1, 1.5)


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    began = time.monotonic()
    cluster = replace(HERE, on="127.0.0.1:1")
    with pytest.raises(TextgenError, match=r"cannot reach the Ray cluster '127\.0\.0\.1:1'") as caught:
        textgen.bench("random", budget="2000chars", cluster=cluster, out=tmp_path / "out", **OPTIONS)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 60
