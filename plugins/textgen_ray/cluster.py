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
from functools import partial
from importlib.metadata import PathDistribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from textgen.contracts import TextgenError
from textgen.runtime.environment import Machine, machine, usable_cores, versions
from textgen.runtime.messages import install, one_line
from textgen.workers.pool import OnMessage
from textgen.workers.process import recipe
from textgen_ray.job_transfer import temporary_folder
from textgen_ray.pool import MAX_RETRIES, RayPool, Share
from textgen_ray.task import Mailbox, describe_node

GROUPS = "textgen."
"""How the groups of entry points begin."""
INSTALL = install("ray")
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
def ray_cluster(address: str, cpus_per_job: float, gpus_per_job: float) -> Iterator[Cluster]:
    """Jobs on a Ray cluster: one on this machine that is started for them, or that of an address.

    An address is `//host:10001` for one that is reached through Ray's client, `host:6379`, or `auto`. Raises
    `TextgenError` if the cluster cannot be reached, is not prepared or has no machine for a job, or if Ray is
    not installed.
    """
    share = Share(cpus_per_job, gpus_per_job)
    if "ray" not in sys.modules:
        _imported_with_own_token.append(not address)
    token = OWN_TOKEN if any(_imported_with_own_token) else {}
    with _environment(QUIET | ({} if address else LOOPBACK | token)):
        try:
            import ray
        except ImportError as error:
            raise TextgenError(f"--on needs Ray; run: {INSTALL}") from error
        with temporary_folder() as folder:
            try:
                _connect(ray, f"ray:{address}" if address.startswith("//") else address, folder)
                nodes = fitting_nodes(ray, share)
                found = _machines(ray, nodes) if address else [machine()]
                machines = [replace(each, num_threads=share.num_threads) for each in found]
                yield Cluster(ray, share, machines, None if address else Path.cwd())
            finally:
                ray.shutdown()


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside the context."""
    before = {name: os.environ[name] for name in changes.keys() & os.environ.keys()}
    os.environ |= changes
    try:
        yield
    finally:
        for name in changes:
            os.environ.pop(name, None)
        os.environ |= before


def _connect(ray: Any, address: str, folder: Path) -> None:
    (empty := folder / "empty").mkdir()
    # Without a working directory, Ray would import from that of the command.
    environment: dict[str, Any] = {"working_dir": str(empty), "env_vars": QUIET}
    if address:
        options: dict[str, Any] = {"address": address}
        environment |= {"py_modules": [*_code()], "excludes": ["__pycache__"]}
    else:
        num_cpus = max(1, int(usable_cores()))
        options = {"address": "local", "num_cpus": num_cpus, "include_dashboard": False}
        options |= {"_temp_dir": str(folder)}  # Ray's own could have been made by another user
    remedy, when_told_to_end = "", signal.getsignal(signal.SIGTERM)
    try:
        host, _, port = address.removeprefix("ray://").rpartition(":")
        if host and port.isdecimal():
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
        remedy = "" if AUTH_MODE in os.environ else f"; if it requires a token, set {AUTH_MODE}=token"
        with warnings.catch_warnings(action="ignore"):
            ray.init(**options, runtime_env=environment, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # of many kinds
        where = repr(address) if address else "of this machine"
        reason = f"{one_line(error, with_type=False)}{remedy}"
        raise TextgenError(f"cannot reach the Ray cluster {where}: {reason}") from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, when_told_to_end)  # which Ray changes


def _code() -> Iterator[str]:
    """Yield the packages of distributions with plugins, and the metadata that say which plugins these are.

    So a machine computes with the code of the command even if that is an editable installation, and with
    plugins that it lacks.
    """
    names, packages = set[str](), {"textgen"}
    for distribution in distributions():
        points = [point for point in distribution.entry_points if point.group.startswith(GROUPS)]
        if points and distribution.name not in names and isinstance(distribution, PathDistribution):
            names.add(distribution.name)
            packages |= {point.module.partition(".")[0] for point in points}
            yield str(distribution._path)  # the only way to its folder
    for package in sorted(packages):
        if spec := find_spec(package):  # a name that was given up has no module
            yield from spec.submodule_search_locations or [str(spec.origin)]


def _nodes(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def fitting_nodes(ray: Any, share: Share) -> list[dict[str, Any]]:
    """Return the machines that have room for a job; raises `TextgenError` if there is none."""
    nodes = _nodes(ray)
    fitting = [node for node in nodes if share.num_jobs(node["Resources"])]
    if not fitting:
        resources = [(node["NodeManagerAddress"], node["Resources"]) for node in nodes]
        found = "; ".join(
            f"{name} has {its.get('CPU', 0):g} CPUs and {its.get('GPU', 0):g} GPUs" for name, its in resources
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
                f"{name} has {package} {its_version}, this one {version}; install the same version"
            )


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to."""

    ray: Any
    """The module."""
    share: Share
    machines: Sequence[Machine]
    folder: Path | None
    """The working directory of jobs on this machine, to which their paths may be relative."""

    @property
    def cores_per_job(self) -> float:
        """The share of a machine that each job has."""
        return self.share.cpus

    @property
    def num_slots(self) -> int:
        """The number of jobs for which it has room now."""
        return max(1, sum(self.share.num_jobs(node["Resources"]) for node in _nodes(self.ray)))

    def pool(self, function: Callable[..., Any], on_message: OnMessage, max_silence: float | None) -> RayPool:
        """Return a pool of jobs that `function` computes, with the threads of their share."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        first = [partial(os.chdir, self.folder)] if self.folder else []
        set_threads = partial(torch.set_num_threads, self.share.num_threads)
        sent = recipe(function, set_threads, *first)
        # On the machine that this process is connected to, since others can be lost.
        here = NodeAffinitySchedulingStrategy(self.ray.get_runtime_context().get_node_id(), soft=True)
        actor = self.ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=here)(Mailbox)
        return RayPool(
            self.ray, self.share, sent, actor.remote(), on_message=on_message, max_silence=max_silence
        )
