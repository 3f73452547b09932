"""Versions and hardware, on which a result depends besides its settings, and the share of the CPU it got."""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from textgen.runtime.storage.json_records import Count
from textgen.version import DISTRIBUTION

PACKAGES = ("torch", "numpy", "gensim", "nltk", "pyppmd")
"""Packages whose versions a result depends on, if they are installed."""

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""File with the CPU time that a container may use per period on Linux, both in microseconds."""


@dataclass(frozen=True)
class Machine:
    """The hardware that speeds were measured on."""

    processor: str
    num_cores: Count | None
    num_threads: Count
    """Threads of torch in this process."""
    gpu: str | None
    system: str

    @property
    def name(self) -> str:
        """The kind of hardware: on machines of one name, a second is worth the same."""
        cores = "1 core" if self.num_cores == 1 else f"{self.num_cores} cores"
        return ", ".join(filter(None, [self.processor, cores, self.gpu]))

    @property
    def description(self) -> str:
        """The kind of hardware and what a run has of it, without which seconds are not worth the same."""
        return f"{self.name}, {self.num_threads} thread{'s' * (self.num_threads != 1)}"


def machines_used(machines: Iterable[Machine]) -> str:
    """Return the kinds of machines and how many runs each made; nothing if there is one kind only."""
    numbers = Counter(machine.description for machine in machines)
    if len(numbers) < 2:
        return ""
    return "; ".join(f"{name} ({number} run{'s' * (number > 1)})" for name, number in numbers.items())


def machine() -> Machine:
    """Return the hardware of this process."""
    return Machine(
        processor=processor(),
        num_cores=os.cpu_count(),
        num_threads=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        system=platform.system(),
    )


def versions() -> dict[str, str]:
    """Return the versions of textgen, Python and those of `PACKAGES` that are installed."""
    found = {"textgen": version(DISTRIBUTION), "python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def command_line() -> str | None:
    """Return the command that this process runs, or None if it is not one of textgen."""
    program = Path(sys.argv[0])
    is_command = program.stem == "textgen" or program.parts[-2:] == ("textgen", "__main__.py")
    return shlex.join(["textgen", *sys.argv[1:]]) if is_command else None


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def usable_cores() -> float:
    """Return the number of cores that this process may use; the quota of a container may be a fraction."""
    with contextlib.suppress(OSError, ValueError):  # without a quota, the file has the word "max"
        quota, period = map(int, CPU_QUOTA.read_text("ascii").split())
        return min(num_cores(), quota / period)
    return num_cores()


def threads_per_job(num_jobs: int) -> int:
    """Return the threads of each of `num_jobs` processes: its share of the cores, or torch's here if fewer.

    By default torch uses one thread per physical core, or as many as OMP_NUM_THREADS says.
    """
    return max(1, min(int(usable_cores() / num_jobs), torch.get_num_threads()))


def processor() -> str:
    """Return the processor's name, which Linux tells in a file only."""
    return _cpu_info("model name") or platform.processor() or platform.machine()


def processor_features() -> str:
    """Return the instructions of the processor, where Linux tells them; a virtual one may have any name."""
    return _cpu_info("flags") or _cpu_info("Features")


def _cpu_info(key: str) -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith(key):
                return line.partition(":")[2].strip()
    return ""


LOAD = Path("/proc/loadavg")
"""File in which Linux tells how many threads of the machine have a core or wait for one."""
NUM_LOOKS, BETWEEN_LOOKS = 5, 0.004
"""How often the file is read, and the seconds between: some threads run for a moment only."""


def is_busy() -> bool:
    """Return whether others want all cores of the machine now; False where the system does not tell."""
    cores = os.cpu_count() or 1
    for _ in range(NUM_LOOKS):
        try:
            others = int(LOAD.read_text("ascii").split()[3].partition("/")[0]) - 1  # this thread runs
        except (OSError, IndexError, ValueError):
            return False
        if others < cores:
            return False
        time.sleep(BETWEEN_LOOKS)
    return True


def threads_beside_others() -> int:
    """Return the threads that torch should have now: as many as here, or one, where several would be slower.

    The threads of an operation wait for the slowest of them, which beside other work is one without a core.
    """
    return 1 if torch.get_num_threads() > 1 and is_busy() else torch.get_num_threads()


THREADS = Path("/proc/self/task")
"""Folder in which Linux lists the threads of this process."""


class CpuShare:
    """CPU time over the time for which threads ran or wanted to run, from its creation on.

    Time that a thread sleeps, since it waits for another thread or has no work, is not counted: a small
    model that keeps one core of many busy gets all it wants. While OpenMP's threads spin, as they do by
    default, the share is that of CPU time to wall time x threads.
    """

    def __init__(self, used: float = 0.0, waited: float = 0.0) -> None:
        self._used, self._waited = used, waited
        self._start = _used_and_waited()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what happens in this context."""
        self._add()
        try:
            yield
        finally:
            self._start = _used_and_waited()

    def times(self) -> tuple[float, float]:
        """Return the seconds for which threads had a core, and for which they waited, to go on from."""
        self._add()
        return self._used, self._waited

    def value(self) -> float:
        """Return the share so far: 1 on an idle machine, 0.5 where every core has two threads to run."""
        self._add()
        return self._used / max(self._used + self._waited, 1e-9)

    def _add(self) -> None:
        now = _used_and_waited()
        self._used += now[0] - self._start[0]
        self._waited += max(0.0, now[1] - self._start[1])  # that of threads that ended is gone
        self._start = now


def _used_and_waited() -> tuple[float, float]:
    """Return the seconds for which threads had a core, and for which they waited for one, since they began.

    Linux tells both of all threads. Elsewhere they are those of the current thread: its CPU time, and all
    other time, since the thread that trains does not sleep.
    """
    waited = 0
    try:
        for thread in os.listdir(THREADS):
            waited += int((THREADS / thread / "schedstat").read_text("ascii").split()[1])
    except (OSError, IndexError, ValueError):
        used = time.thread_time()
        return used, time.perf_counter() - used
    return time.process_time(), waited / 1e9
