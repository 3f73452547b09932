"""Backends other than this machine: what is refused there, and what becomes of results that come back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from textgen.comparison.bench import BenchOptions, bench
from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.jobs.backends import Backend, LocalBackend, open_backend
from textgen.registry.registry import PluginError, load, names
from textgen.requests import BenchRequest, SampleOptions
from textgen.results.comparison import Comparison
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import Machine, machine
from textgen.runtime.storage.files import NotSavedError
from textgen.training.budget import parse_budget
from textgen.workers.pool import Processes, Unsaved
from textgen.workers.process import recipe
from textgen_kit import run_checks

SMALL = Machine("Small", 2, 1, None, "Linux")
LARGE = Machine("Large", 64, 1, "H100", "Linux")
CPU = DeviceConfig(torch.device("cpu"), "fp32")


class FullDisk(Processes):
    """Computes jobs whose files cannot be written by the caller."""

    def wait(self) -> Iterator[tuple[Any, Any]]:
        for job, result in super().wait():
            yield job, Unsaved(result, "No space left on device")


class LastFirst(Processes):
    """Computes jobs of which the last one is the first to end."""

    def wait(self) -> Iterator[tuple[Any, Any]]:
        order, ended = [each.item for each in self.busy.values()], list[tuple[Any, Any]]()
        while self.busy:
            ended += super().wait()
        yield from sorted(ended, key=lambda each: -order.index(each[0]))


@dataclass(frozen=True)
class Elsewhere:
    """A backend whose machines are told."""

    machines: Sequence[Machine]
    processes: type[Processes] = Processes
    num_slots: int = 1
    cores_per_job: float = 0.5

    def pool(self, function: Any, on_message: Any, max_silence: float | None) -> Processes:
        return self.processes(recipe(function), on_message, max_silence, own_process=True)


def compared(entries: Sequence[str], backend: Backend, out: Path) -> Comparison:
    options = BenchOptions(
        budget=parse_budget("1s"),
        device_config=CPU,
        request=BenchRequest(samples=SampleOptions(sampler="greedy", length=20)),
        backend=backend,
    )
    return bench([parse_entry(name) for name in entries], load_corpus(["lee"], max_chars=8000), options, out)


def test_seconds_are_refused_where_machines_differ(tmp_path: Path) -> None:
    message = (
        r"^the machines differ \(Small, 2 cores; Large, 64 cores, H100\), so equal times are not equal "
        r"work; give a budget in characters, such as 20Mchars$"
    )
    with pytest.raises(TextgenError, match=message):
        compared(["random"], Elsewhere([SMALL, LARGE]), tmp_path / "out")


@pytest.mark.usefixtures("no_references")
def test_a_run_that_cannot_be_kept_has_its_row(tmp_path: Path) -> None:
    with pytest.raises(NotSavedError, match="No space") as caught:
        compared(["random"], Elsewhere([SMALL], FullDisk), tmp_path / "out")
    result: Any = caught.value.result
    assert [row.error for row in result.entries] == [None]
    assert result.scores[0].bits_per_char > 0


@pytest.mark.usefixtures("no_references")
def test_scores_belong_to_their_entries_in_whatever_order_runs_end(tmp_path: Path) -> None:
    entries, found = ["char-uniform", "word-uniform"], []
    for backend in (LocalBackend(), Elsewhere([machine()], LastFirst, num_slots=8)):
        result = compared(entries, backend, tmp_path / f"out{len(found)}")
        scores = {each.name: each.bits_per_char for each in [*result.scores, *result.references]}
        found.append(scores)
    assert found[0] == found[1]
    assert set(entries) < set(found[0])


def test_a_backend_is_a_plugin(install: Callable[[str, str, str], None]) -> None:
    code = """
from contextlib import contextmanager

asked = []

@contextmanager
def moon(address, cpus_per_job, gpus_per_job):
    asked.append((address, cpus_per_job, gpus_per_job))
    yield "the moon"
    asked.append("closed")

broken = 3
"""
    install("moon", "[textgen.backends]\nmoon = moon:moon\nbroken = moon:broken\n", code)
    assert {"moon", "broken", "ray"} <= set(names("backend"))
    with open_backend("moon:base:7", cpus_per_job=2, gpus_per_job=0.5) as backend:
        assert backend == "the moon"
    with open_backend("moon"):
        pass
    assert sys.modules["moon"].asked == [("base:7", 2, 0.5), "closed", ("", 1.0, 0.0), "closed"]
    assert [each.status for each in run_checks("backend", load("backend", "moon"))] == ["passed"] * 2
    [_, failed] = run_checks("backend", lambda address: address)
    assert failed.reason.startswith(
        "expected a function of address, cpus_per_job, gpus_per_job; got TypeError('too"
    )
    with pytest.raises(PluginError, match="is not a valid backend: a backend is a function, not int 3"):
        open_backend("broken").__enter__()
    with pytest.raises(TextgenError, match=r"^unknown backend 'mon'; did you mean 'moon'"):
        open_backend("mon:base").__enter__()
