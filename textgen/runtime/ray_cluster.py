"""Jobs on a Ray cluster: each is a task, which gives it to a process of its own on the machine it runs on.

So what a plugin does to its process costs its job alone there too, and is told in the same words. Results
and files come back; only the caller writes. A job whose machine is lost is computed again elsewhere.
Ray (Moritz et al. 2018, arXiv:1712.05889) is imported here only.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from textgen.api import TextgenError, TextgenWarning
from textgen.runtime.files import new_folder
from textgen.runtime.messages import one_line
from textgen.runtime.parcels import Packer, write_contents
from textgen.runtime.places import OnMessage, computing_on
from textgen.runtime.preparation import Setup, recipe
from textgen.runtime.processes import WAIT_SECONDS, Killed, Stopped, TimedOut, Unsent, num_cores
from textgen.runtime.ray_task import Answer, Mailbox, about, compute
from textgen.runtime.shipped_code import code_versions, copy_code
from textgen.runtime.worker import WARNING

LOCAL = "ray"
"""The address of a cluster that is started for one command, on this machine alone."""
INSTALL = "pip install 'textgen-bench[ray]'"
MAX_RETRIES = 3
"""Times that a job is tried again whose machine was lost."""
START_SECONDS = 120.0
"""Seconds in which a machine of the cluster must answer."""
MARGIN = 30.0
"""Seconds beyond the longest silence, after which a machine is taken for lost that says nothing itself."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""No statistics are sent, and Ray leaves the choice of devices to us."""


@dataclass(frozen=True)
class Lost(Killed):
    """The result of a job that several machines, or processes of Ray, took with them."""

    reason: str = ""

    def __str__(self) -> str:
        return f"its machine was lost {MAX_RETRIES + 1} times: {self.reason}"


@dataclass(frozen=True)
class Share:
    """What each job takes of the machine it runs on."""

    cpus: float = 1.0
    gpus: float = 0.0

    def of(self, resources: Mapping[str, float]) -> int:
        """Return how many jobs fit in some resources, at least 1."""
        fitting = [resources.get("CPU", 0.0) / self.cpus]
        if self.gpus:
            fitting.append(resources.get("GPU", 0.0) / self.gpus)
        return max(1, int(min(fitting)))


@contextmanager
def on_cluster(address: str | None, share: Share) -> Iterator[int | None]:
    """Compute jobs on a cluster for the time being: `ray`, or an address such as `ray://host:10001`.

    Yields how many at a time; None without an address. Raises `TextgenError` if it cannot be reached or is
    not prepared, or if Ray is not installed.
    """
    if address is None:
        yield None
        return
    os.environ |= QUIET
    try:
        import ray
    except ImportError as error:
        raise TextgenError(f"--on needs Ray; run: {INSTALL}") from error
    with TemporaryDirectory(prefix="textgen-code-") as code:
        _connect(ray, address, Path(code))
        try:
            cluster = Cluster(ray, share, _kinds(ray))
            with computing_on(cluster):
                yield cluster.num_slots
        finally:
            ray.shutdown()


def _connect(ray: Any, address: str, code: Path) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        options |= {"num_cpus": num_cores(), "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    else:
        copy_code(code)
        options |= {"address": address, "runtime_env": {"working_dir": str(code)}}
    try:
        ray.init(**options)
    except Exception as error:  # of many kinds
        raise TextgenError(f"cannot reach the Ray cluster {address!r}: {one_line(error)}") from None


def _kinds(ray: Any) -> tuple[str, ...]:
    """Return the kinds of machines; raises `TextgenError` for one where a job could not begin."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    question = ray.remote(num_cpus=0, max_retries=0)(about)
    names = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    found = {
        name: question.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote()
        for node, name in names.items()
    }
    kinds: dict[str, None] = {}
    for name, answer in found.items():
        try:
            kind, there = ray.get(answer, timeout=START_SECONDS)
        except Exception as error:  # a module is missing there, or the machine does not answer
            reason = one_line(getattr(error, "cause", None) or error)
            raise TextgenError(f"{name}, a machine of the cluster, cannot compute runs: {reason}") from None
        for distribution, version in code_versions().items():
            if there.get(distribution) != version:
                raise TextgenError(
                    f"{name}, a machine of the cluster, has {distribution} {there.get(distribution, 'not')}, "
                    f"and this one {version}; install the same"
                )
        kinds[kind] = None
    return tuple(kinds)


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to."""

    ray: Any
    """The module."""
    share: Share
    kinds: Sequence[str]

    @property
    def num_slots(self) -> int:
        """The number of jobs for which it has room now."""
        return self.share.of(self.ray.cluster_resources())

    def pool(
        self, function: Callable[..., Any], setup: Setup, on_message: OnMessage, max_silence: float | None
    ) -> RayPool:
        """Return a pool of jobs that `function` computes, with the threads of their share."""
        threads = max(1, int(self.share.cpus))
        return RayPool(self, recipe(function, replace(setup, num_threads=threads)), on_message, max_silence)


@dataclass
class _Busy:
    """A job that was given to the cluster."""

    job: Any
    number: int
    heard: float = field(default_factory=monotonic)
    """When it was given or said something."""


class RayPool:
    """Jobs of one kind on a cluster."""

    def __init__(
        self, cluster: Cluster, sent: bytes, on_message: OnMessage, max_silence: float | None
    ) -> None:
        self.busy: dict[Any, _Busy] = {}
        """By references to the results."""
        self._ray, self._on_message, self._max_silence = cluster.ray, on_message, max_silence
        share = cluster.share
        self._task = self._ray.remote(
            num_cpus=share.cpus, num_gpus=share.gpus, max_retries=MAX_RETRIES, num_returns=1
        )(compute)
        self._sent = self._ray.put(sent)
        self._packer = Packer(self._ray.put)
        self._mailbox = self._ray.remote(num_cpus=0, max_restarts=-1)(Mailbox).remote()
        self._num_jobs = 0

    def start(self, job: Any) -> None:
        """Give a job to the cluster."""
        parcel = self._packer.pack(job)
        reference = self._task.remote(self._sent, parcel, self._num_jobs, self._mailbox, self._max_silence)
        self.busy[reference] = _Busy(job, self._num_jobs)
        self._num_jobs += 1

    def wait(self, on_wait: Callable[[], None] | None) -> Iterator[tuple[Any, Any]]:
        """Yield the jobs that end next with their results, then call `on_wait`."""
        ready, _ = self._ray.wait(list(self.busy), num_returns=1, timeout=WAIT_SECONDS)
        for reference in list(self._delivered()):
            busy = self.busy.pop(reference)
            self._cancel(reference)
            yield busy.job, Stopped(None)
        for reference in [each for each in ready if each in self.busy]:
            busy = self.busy.pop(reference)
            yield busy.job, self._taken(busy, reference)
        for reference, busy in list(self.busy.items()):
            if self._max_silence and monotonic() - busy.heard > self._max_silence + MARGIN:
                del self.busy[reference]
                self._cancel(reference)
                yield busy.job, TimedOut(None, self._max_silence)
        if on_wait:
            on_wait()

    def end(self) -> None:
        """End all jobs."""
        for reference in self.busy:
            self._cancel(reference)
        self._ray.kill(self._mailbox)

    def _taken(self, busy: _Busy, reference: Any) -> Any:
        """Return the result of a job, after its files were written here."""
        try:
            answer: Answer = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return Unsent(None, one_line(error.cause))
        except self._ray.exceptions.RayError as error:
            return Lost(None, one_line(error))
        if answer.files:
            try:
                with new_folder(busy.job.folder) as folder:
                    write_contents(folder, answer.files)
            except OSError as error:
                return Unsent(None, f"its files cannot be written: {one_line(error)}")
        return answer.result

    def _delivered(self) -> Iterator[Any]:
        """Hand on what the jobs said; yield references to those that are to be ended."""
        by_number = {busy.number: (reference, busy) for reference, busy in self.busy.items()}
        try:
            said = self._ray.get(self._mailbox.take.remote(), timeout=START_SECONDS)
        except self._ray.exceptions.RayError:  # its machine was lost; Ray starts it on another
            return
        for number, kind, content in said:
            if kind == WARNING:
                warnings.warn(content, TextgenWarning, stacklevel=2)
            elif number in by_number:
                reference, busy = by_number[number]
                busy.heard = monotonic()
                if self._on_message and self._on_message(busy.job, content):
                    del by_number[number]  # what else it said is of no interest
                    yield reference

    def _cancel(self, reference: Any) -> None:
        with suppress(Exception):  # it has just ended, or its machine
            self._ray.cancel(reference, force=True)
