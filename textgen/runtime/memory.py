"""Free memory of the machine and of its devices, and the refusal of what needs more."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

from textgen.contracts import TextgenError
from textgen.runtime.messages import size_in

MEMORY = "TEXTGEN_MEMORY"
"""Environment variable with the memory that each job may take, such as 4GB."""
LIMITED_SHARE = 0.9
"""The share of the free memory that a job may take otherwise, so that it fails and not the machine."""
CPU = torch.device("cpu")
ROOT = Path("/")


def free_memory(device: torch.device = CPU) -> int | None:
    """Return the bytes that a process can still allocate on a device, or None if that is unknown."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    limits = (_available(ROOT), _left_in_container(ROOT), _left_in_address_space(ROOT))
    return min((limit for limit in limits if limit is not None), default=None)


def require_memory(num_bytes: int, purpose: str, advice: str, device: torch.device = CPU) -> None:
    """Raise `TextgenError` if a device lacks these bytes, which `purpose` needs; nothing is allocated."""
    free = free_memory(device)
    if free is not None and num_bytes > free:
        raise TextgenError(
            f"{purpose} needs about {in_words(num_bytes)} of memory, but {in_words(free)} are free on "
            f"{device}; {advice}"
        )


def limit_memory() -> None:
    """Let this process fail when it takes more memory than a job may: `TEXTGEN_MEMORY`, or nearly all.

    Nothing is limited where CUDA is used, which reserves addresses without end, or outside Linux.
    Raises `TextgenError` if the variable is not an amount of memory.
    """
    given, free = size_in(MEMORY), free_memory()
    if given == 0:
        raise TextgenError(f"{MEMORY} is zero: give a size, such as 4GB")
    allowed = given or (free and int(LIMITED_SHARE * free))
    if allowed is None or sys.platform != "linux" or torch.cuda.is_available():
        return
    import resource

    pages = int(_text(ROOT / "proc/self/statm").split()[5])  # what counts towards the limit already
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = allowed + pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard), hard))


def in_words(num_bytes: int) -> str:
    """Return a number of bytes in the largest unit that leaves at least 1, such as `1.5 GB`."""
    amount, units = float(num_bytes), ["bytes", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:,.0f} {units[0]}" if amount >= 10 else f"{amount:.2g} {units[0]}"


def _available(root: Path) -> int | None:
    """Return what Linux can give without swapping, elsewhere the machine's memory."""
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _left_in_container(root: Path) -> int | None:
    """Return what the limits of the control groups (version 2) that hold this process leave."""
    own = next((line[3:] for line in _text(root / "proc/self/cgroup").splitlines() if line[:3] == "0::"), "")
    top = root / "sys/fs/cgroup"
    folder = top / own.strip("/")
    left = []
    for group in (folder, *folder.parents[: len(folder.parts) - len(top.parts)]):
        limit, used = _text(group / "memory.max").strip(), _text(group / "memory.current").strip()
        if limit.isdigit() and used.isdigit():
            counts = dict(line.split() for line in _text(group / "memory.stat").splitlines())
            left.append(int(limit) - int(used) + int(counts.get("inactive_file", 0)))
    return max(0, min(left)) if left else None


def _left_in_address_space(root: Path) -> int | None:
    """Return what `ulimit -v` leaves."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, pages = resource.getrlimit(resource.RLIMIT_AS)[0], _text(root / "proc/self/statm").split()
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return max(0, limit - int(pages[0]) * resource.getpagesize())


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""
