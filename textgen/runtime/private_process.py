"""Memory, files and arguments of this process kept from other processes of the same user, on Linux.

`/proc/PID` shows them to every process of the user, and to root; elsewhere nothing here has an effect.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

IS_LINUX = sys.platform == "linux"
DUMPABLE, NO_NEW_PRIVILEGES, DROP_FROM_BOUNDING = 4, 38, 24
"""Numbers of `prctl`, in linux/prctl.h."""
TRACING = (
    16,  # SYS_MODULE
    17,  # SYS_RAWIO
    19,  # SYS_PTRACE
    21,  # SYS_ADMIN
    38,  # PERFMON
    39,  # BPF
    40,  # CHECKPOINT_RESTORE
)
"""Capabilities that show the memory of any process, in linux/capability.h; root has them."""
CAPABILITY_VERSION = 0x20080522
"""Three masks of 64 bits each: effective, permitted, inheritable."""
ARGUMENTS_BEGIN, ARGUMENTS_END = 47, 48
"""Fields of /proc/PID/stat, counted from 0: the addresses of the arguments."""

COMMAND_LINES = ("_", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES")
"""Variables that name a program with arguments, besides those such as SUDO_COMMAND."""


def make_private() -> None:
    """Let no other process of this user read the memory, environment or open files of this one, or attach.

    Root may still do so, unless it has called `give_up_tracing`. Forks inherit this, other programs do not.
    """
    if (libc := _libc()) is not None:
        libc.prctl(DUMPABLE, 0, 0, 0, 0)


def give_up_tracing() -> None:
    """Keep this process, and all that it starts, from looking into private ones, even as root.

    It holds for the calling thread and those that it starts, so call it before there are others.
    """
    if (libc := _libc()) is None:
        return
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header, masks = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    for number in TRACING:
        libc.prctl(DROP_FROM_BOUNDING, number, 0, 0, 0)  # fails for those who have none
    if libc.capget(header, masks) == 0:
        for number in TRACING:
            for kind in range(3):
                masks[3 * (number // 32) + kind] &= ~(1 << number % 32) & 0xFFFFFFFF
        libc.capset(header, masks)


def hide_arguments(last_shown: str) -> None:
    """Blank the arguments after the first `last_shown`, such as `bench`, where other processes see them.

    Everybody may read /proc/PID/cmdline. `sys.argv` is a copy and remains. Variables that repeat a command
    line are removed, since processes inherit them.
    """
    for name in [name for name in os.environ if name in COMMAND_LINES or "COMMAND" in name]:
        del os.environ[name]
    with suppress(OSError, ValueError, IndexError):
        # The second field is a name in brackets, which may contain anything.
        values = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        begin, end = (int(values[field - 2]) for field in (ARGUMENTS_BEGIN, ARGUMENTS_END))
        words = ctypes.string_at(begin, end - begin).split(b"\0") if begin else []
        shown = sum(len(word) + 1 for word in words[: words.index(os.fsencode(last_shown)) + 1])
        ctypes.memset(begin + shown, 0, end - begin - shown)


def keep_input() -> None:
    """Move standard input to a descriptor that no program started by this process inherits."""
    with suppress(OSError, ValueError):  # a stream without a descriptor
        if sys.stdin.fileno() == 0:
            encoding, errors = sys.stdin.encoding, sys.stdin.errors
            given = open(os.dup(0), encoding=encoding, errors=errors)  # noqa: SIM115 - it stays open
            empty = os.open(os.devnull, os.O_RDONLY)
            os.dup2(empty, 0)
            os.close(empty)
            sys.stdin = given


def _libc() -> Any:
    """Return the C library if it is one of Linux."""
    return ctypes.CDLL(None, use_errno=True) if IS_LINUX else None
