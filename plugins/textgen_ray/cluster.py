"""Jobs on a Ray cluster: each is a task, which gives it to a process of its own on the machine it runs on.

So what a plugin does to its process costs its job alone there too, and is told in the same words. Results
and files come back; only the caller writes. A job whose machine is lost is computed again elsewhere.
Ray (Moritz et al. 2018, arXiv:1712.05889) is imported here only.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.runtime.environment import Machine, machine, usable_cores, versions
from textgen.runtime.messages import one_line
from textgen.runtime.storage.files import temporary_folder
from textgen.workers.pool import OnMessage
from textgen.workers.worker import Setup, recipe
from textgen_ray.job_transfer import UnpackingFunction
from textgen_ray.pool import MAX_RETRIES, RayPool, Share
from textgen_ray.shipped_code import copy_code
from textgen_ray.task import describe_node

LOCAL = "ray"
"""The address of a cluster that is started for one command, on this machine alone."""
INSTALL = "pip install 'textgen-bench[ray]'"
CONNECT_SECONDS = 10.0
"""Seconds in which something must listen at an address; Ray itself would try for a quarter of an hour."""
START_SECONDS = 120.0
"""Seconds in which a machine of the cluster must answer."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_task_oom_retries": str(MAX_RETRIES),
}
"""No statistics are sent, GPUs are not hidden, and a job that lacks memory is tried as often as others."""
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""All of Ray listens on 127.0.0.1, as on Windows and macOS anyway; it is read when Ray is imported."""
AUTH_MODE = "RAY_AUTH_MODE"
OWN_TOKEN = {AUTH_MODE: "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
"""Only this process may use the cluster that it starts; Ray would leave a token in the home folder."""
_imported_with_own_token: list[bool] = []
"""Whether Ray, which keeps its first token for good, was imported with ours; empty if others imported it."""


@contextmanager
def on_cluster(address: str | None, share: Share) -> Iterator[int | None]:
    """Compute jobs on a cluster inside the context: `ray`, or an address such as `ray://host:10001`.

    Yields the number of jobs that run at once; None without an address. Raises `TextgenError` if the cluster
    cannot be reached, is not prepared or has no machine for a job, or if Ray is not installed.
    """
    if address is None:
        yield None
        return
    if "ray" not in sys.modules:
        _imported_with_own_token.append(address == LOCAL)
    token = OWN_TOKEN if any(_imported_with_own_token) else {}
    with _environment(QUIET | (LOOPBACK | token if address == LOCAL else {})):
        try:
            import ray
        except ImportError as error:
            raise TextgenError(f"--on needs Ray; run: {INSTALL}") from error
        try:
            with temporary_folder("code") as code:
                _connect(ray, address, code)
                nodes = _fitting_nodes(ray, share)
                machines = [machine()] if address == LOCAL else _machines(ray, nodes)
                own = [replace(each, num_threads=share.num_threads) for each in machines]
                cluster = Cluster(ray, share, own)
                with computing_on(cluster):
                    yield cluster.num_slots
        finally:
            ray.shutdown()


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside the context."""
    before = dict(os.environ)
    os.environ |= changes
    try:
        yield
    finally:
        for name in changes:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


def _connect(ray: Any, address: str, code: Path) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        num_cpus = max(1, int(usable_cores()))
        options |= {"address": "local", "num_cpus": num_cpus, "include_dashboard": False}
    else:
        copy_code(code)
        environment = {"working_dir": str(code), "env_vars": QUIET}
        options |= {"address": address, "runtime_env": environment}
    remedy = ""
    try:
        _check_reachable(address)
        remedy = "" if AUTH_MODE in os.environ else f"; if it asks for a token, set {AUTH_MODE}=token"
        with _own_signals(), warnings.catch_warnings(action="ignore"):
            ray.init(**options)
    except Exception as error:  # of many kinds
        reason = f"{one_line(error, with_type=False)}{remedy}"
        raise TextgenError(f"cannot reach the Ray cluster {address!r}: {reason}") from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what this process does when it is told to end, which Ray changes."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _check_reachable(address: str) -> None:
    """Raise `OSError` if nothing listens at `host:port` or `ray://host:port`."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()


def _nodes(ray: Any) -> list[dict[str, Any]]:
    """Return what Ray knows of each machine that is there."""
    return [node for node in ray.nodes() if node["Alive"]]


def _fitting_nodes(ray: Any, share: Share) -> list[dict[str, Any]]:
    """Return the machines that have room for a job; raises `TextgenError` if there is none."""
    nodes = _nodes(ray)
    fitting = [node for node in nodes if share.of(node["Resources"])]
    if not fitting:
        found = "; ".join(
            f"{node['NodeManagerAddress']} has {node['Resources'].get('CPU', 0):g} CPUs and "
            f"{node['Resources'].get('GPU', 0):g} GPUs"
            for node in nodes
        )
        raise TextgenError(
            f"no machine of the cluster has {share.cpus:g} CPUs and {share.gpus:g} GPUs for a run ({found})"
        )
    return fitting


def _machines(ray: Any, nodes: Sequence[Mapping[str, Any]]) -> list[Machine]:
    """Return a machine of each kind; raises `TextgenError` for one where a job could not begin."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    question = ray.remote(num_cpus=0, max_retries=0)(describe_node)
    places = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes]
    answers = [question.options(scheduling_strategy=place).remote() for place in places]
    kinds: dict[str, Machine] = {}
    for node, answer in zip(nodes, answers, strict=True):
        name = f"{node['NodeManagerAddress']}, a machine of the cluster,"
        try:
            its_machine, its_versions = ray.get(answer, timeout=START_SECONDS)
        except Exception as error:  # a module is missing there, or the machine does not answer
            reason = one_line(getattr(error, "cause", None) or error)
            raise TextgenError(f"{name} cannot compute runs: {reason}") from None
        check_versions(name, its_versions)
        kinds[its_machine.name] = its_machine
    return list(kinds.values())


def check_versions(name: str, its_versions: Mapping[str, str]) -> None:
    """Raise `TextgenError` if a machine has other versions of what results depend on than this one."""
    for package, version in versions().items():
        its_version = its_versions.get(package, "not")
        if its_version.partition("+")[0] != version.partition("+")[0]:  # after it is the build
            raise TextgenError(
                f"{name} has {package} {its_version}, and this one {version}; install the same"
            )


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to."""

    ray: Any
    """The module."""
    share: Share
    machines: Sequence[Machine]

    @property
    def cores_per_job(self) -> float:
        """The share of a machine that each job has."""
        return self.share.cpus

    @property
    def num_slots(self) -> int:
        """The number of jobs for which it has room now."""
        return max(1, sum(self.share.of(node["Resources"]) for node in _nodes(self.ray)))

    def pool(
        self, function: Callable[..., Any], setup: Setup, on_message: OnMessage, max_silence: float | None
    ) -> RayPool:
        """Return a pool of jobs that `function` computes, with the threads of their share."""
        setup = replace(setup, num_threads=self.share.num_threads)
        return RayPool(
            self.ray, self.share, recipe(UnpackingFunction(function), setup), on_message, max_silence
        )
