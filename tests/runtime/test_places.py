"""Other places than this machine: what is refused there, and what becomes of results that come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import textgen
from textgen.contracts import TextgenError
from textgen.jobs.backends import computing_on
from textgen.runtime.device import DeviceConfig
from textgen.runtime.environment import Machine, machine, versions
from textgen.runtime.storage.files import NotSavedError
from textgen.suite.planner import SuiteOptions
from textgen.suite.run_suite import run_suite
from textgen.suite.schema import Case, Question, Suite
from textgen.workers.pool import Processes, Unsaved
from textgen.workers.worker import Setup, recipe
from textgen_ray.cluster import check_versions

SMALL = Machine("Small", 2, 1, None, "Linux")
LARGE = Machine("Large", 64, 1, "H100", "Linux")
OPTIONS: dict[str, Any] = {
    "corpus": textgen.TextOptions("lee", max_chars=20_000),
    "samples": textgen.SampleOptions(length=20),
    "cluster": textgen.ClusterOptions(device="cpu"),
}


class FullDisk(Processes):
    """Computes jobs whose files cannot be written by the caller."""

    def wait(self, on_wait: Callable[[], None] | None) -> Iterator[tuple[Any, Any]]:
        """Yield results without their files."""
        for job, result in super().wait(on_wait):
            yield job, Unsaved(result, "No space left on device")


class LastFirst(Processes):
    """Computes jobs of which the last one is the first to end."""

    def wait(self, on_wait: Callable[[], None] | None) -> Iterator[tuple[Any, Any]]:
        """Yield the results of all jobs that were begun, from the last to the first."""
        order, ended = [each.job for each in self.busy.values()], list[tuple[Any, Any]]()
        while self.busy:
            ended += super().wait(on_wait)
        yield from sorted(ended, key=lambda each: -order.index(each[0]))


@dataclass(frozen=True)
class Elsewhere:
    """A place whose machines are told."""

    machines: Sequence[Machine]
    processes: type[Processes] = Processes
    num_slots: int = 1
    cores_per_job: float = 0.5

    def pool(self, function: Any, setup: Setup, on_message: Any, max_silence: float | None) -> Processes:
        """Return its pool."""
        return self.processes(recipe(function, setup), on_message, max_silence, own_process=True)


def test_seconds_are_refused_where_machines_differ(tmp_path: Path) -> None:
    message = (
        r"^the machines differ \(Small, 2 cores; Large, 64 cores, H100\), so equal seconds are not equal "
        r"work; give a budget in characters, such as 20Mchars$"
    )
    with computing_on(Elsewhere([SMALL, LARGE])), pytest.raises(TextgenError, match=message):
        textgen.bench("random", budget="1s", out=tmp_path / "out", **OPTIONS)


def test_a_machine_with_other_versions_is_named() -> None:
    check_versions("10.0.0.7", {**versions(), "torch": f"{versions()['torch'].partition('+')[0]}+cu130"})
    with pytest.raises(
        TextgenError, match=r"^10\.0\.0\.7 has numpy 1\.0, and this one .*; install the same$"
    ):
        check_versions("10.0.0.7", {**versions(), "numpy": "1.0"})


def test_a_run_that_cannot_be_kept_has_its_row(tmp_path: Path) -> None:
    with computing_on(Elsewhere([SMALL], FullDisk)), pytest.raises(NotSavedError, match="No space") as caught:
        textgen.bench("random", budget="1s", out=tmp_path / "out", **OPTIONS)
    result: Any = caught.value.result
    assert [row.error for row in result.entries] == [None]
    assert result.scores[0].bits_per_char > 0


def test_scores_belong_to_their_entries_in_whatever_order_runs_end(tmp_path: Path) -> None:
    entries, found = ["char-uniform", "word-uniform"], []
    for place in (None, Elsewhere([machine()], LastFirst, num_slots=8)):
        with computing_on(place):
            result = textgen.bench(entries, budget="1s", out=tmp_path / f"out{len(found)}", **OPTIONS)
        scores = {each.name: each.bits_per_char for each in [*result.scores, *result.references]}
        found.append(scores)
    assert found[0] == found[1]
    assert {"char-ngram", "word-ngram"} < set(found[0])


def test_a_timed_suite_goes_on_in_another_place(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    cases = (Case(label="chance", entry="char-uniform"),)
    suite = Suite(title="Tiny", budget="1s", seeds=1, questions=(Question(name="q", text="?", cases=cases),))
    config = DeviceConfig(torch.device("cpu"), "fp32")
    options = SuiteOptions(sources=["lee"], device_config=config, max_chars=20_000)
    said: list[str] = []
    with computing_on(Elsewhere([machine()])):
        first = run_suite(suite, options, tmp_path)
        again = run_suite(suite, options, tmp_path, say=said.append)
    assert not recwarn.list
    assert len(list((tmp_path / "jobs").iterdir())) == 1
    assert again.questions == first.questions
