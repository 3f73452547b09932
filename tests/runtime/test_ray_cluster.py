"""Runs on a Ray cluster of two nodes: equal to those of this machine, though a node is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import textgen
from helpers.plugins import TOY_MODEL
from textgen.api import TextgenError
from textgen.registry.single_file import load_plugin_files
from textgen.training.progress import Step
from textgen_benchmarks.killing import contents

pytest.importorskip("ray", reason="needs Ray: pip install 'textgen-bench[ray]'")
pytestmark = pytest.mark.slow

TINY = "char-lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=4"
OPTIONS: dict[str, Any] = {
    "corpus": "lee", "max_chars": 20_000, "device": "cpu", "precision": "fp32", "length": 20, "seeds": 2,
}  # fmt: skip


class TwoNodes:
    """A cluster of two nodes with a core each, one of which can be lost."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "include_dashboard": False, "node_ip_address": "127.0.0.1"}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address
        self._second: Any = None
        self.complete()

    def complete(self) -> None:
        """Add the second node if it is not there."""
        if self._second is None:
            self._second = self._cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")

    def lose_a_node(self) -> None:
        """Kill the second node, with all that it computes."""
        self._cluster.remove_node(self._second, allow_graceful=False)
        self._second = None

    def end(self) -> None:
        """End both."""
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    nodes = TwoNodes()
    yield nodes
    nodes.end()


@pytest.fixture(autouse=True)
def _complete(nodes: TwoNodes) -> None:
    nodes.complete()


def test_a_comparison_equals_one_of_this_machine(nodes: TwoNodes, tmp_path: Path) -> None:
    entries = [TINY, "char-ngram", "random"]
    for name, address in (("here", None), ("there", nodes.address)):
        place = tmp_path / name
        place.mkdir()
        textgen.bench(entries, budget="4000chars", on=address, out=place / "out", **OPTIONS)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert len(list((tmp_path / "there/out/runs").iterdir())) == 6


def test_runs_of_a_lost_node_are_computed_elsewhere(nodes: TwoNodes, tmp_path: Path) -> None:
    training = set[str]()

    def lose_it_when_both_train(step: Step) -> None:
        if step.progress is not None:
            training.add(str(step.entry))
        if len(training) == 2 and not losing:
            losing.append(threading.Thread(target=nodes.lose_a_node))
            losing[0].start()

    losing: list[threading.Thread] = []
    out = tmp_path / "out"
    result = textgen.bench(
        [TINY], budget="400000chars", on=nodes.address, out=out, report=lose_it_when_both_train, **OPTIONS
    )
    losing[0].join()
    assert [row.error for row in result.entries] == [None, None]
    assert len(list((out / "runs").iterdir())) == 2


def test_a_plugin_file_travels_and_a_crash_costs_its_row(nodes: TwoNodes, tmp_path: Path) -> None:
    for name, code in (("sound", "pass"), ("aborts", "import os; os.abort()")):
        model = TOY_MODEL.format(code).replace("class Toy", f"class {name.title()}")
        (tmp_path / f"{name}.py").write_text(model)
        load_plugin_files([tmp_path / f"{name}.py"])
    entries = ["char-sound", "char-aborts", "random"]
    options = {**OPTIONS, "seeds": 1}
    result = textgen.bench(entries, budget="2000chars", on=nodes.address, out=tmp_path / "out", **options)
    assert [row.error for row in result.entries] == [None, "its process crashed (SIGABRT)", None]


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TextgenError, match=r"cannot reach the Ray cluster '127\.0\.0\.1:1'") as caught:
        textgen.bench("random", budget="2000chars", on="127.0.0.1:1", out=tmp_path / "out", **OPTIONS)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 60
