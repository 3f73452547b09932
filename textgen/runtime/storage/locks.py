"""Locks on folders of results: a second process waits, and says for whom.

They are locks of the operating system, which a process loses when it dies, however it dies. The file tells
people who holds it; one that a killed process left is taken over. All commands lock by `locked`: an
unfinished run by way of `locked_run` (in `experiment/run_lock.py`), comparisons, suites and studies directly.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from textgen.contracts import TextgenWarning
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import make_folder
from textgen.runtime.storage.plain_files import read_json

if TYPE_CHECKING:
    from filelock import FileLock

LOCK = "lock"
"""The file in a folder that is locked while a process writes there."""
POLL_SECONDS = 0.2
MAX_COMMAND_CHARS = 80


@contextlib.contextmanager
def locked(folder: Path, writes_to: Path | None = None) -> Iterator[None]:
    """Hold the lock of `folder`, which is made if it is absent; while another process does, wait.

    `writes_to` is what a waiting process says the other one writes to, if it is not `folder`. Where locks are
    not possible, a warning says so.
    """
    from filelock import FileLock  # only when a folder is locked, so that help is quick

    path = folder / LOCK
    made = not folder.exists() or path.exists()  # here, or by a process before this one
    taken: list[os.stat_result] = []

    def sign(descriptor: int) -> None:
        taken[:] = [os.fstat(descriptor)]
        with contextlib.suppress(OSError):  # on a full disk, waiting processes are told less
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(_about_this_process(), indent=2).encode())

    lock = FileLock(path, poll_interval=POLL_SECONDS, fallback_to_soft=False, on_acquired=sign)
    _acquire(lock, folder, writes_to or folder)
    try:
        yield
    finally:
        if lock.is_locked:
            with contextlib.suppress(OSError):  # it went with its folder, or never came
                if os.path.samestat(path.stat(), taken[0]):
                    path.unlink()
            lock.release()
        if made:
            with contextlib.suppress(OSError):  # it has contents
                folder.rmdir()


def is_held(path: Path) -> bool:
    """Return whether a process holds a lock file; one that a killed process left is removed."""
    from filelock import FileLock, Timeout

    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    path.unlink(missing_ok=True)  # before it is released: who waits for it notices, and makes another one
    lock.release()
    return False


def _acquire(lock: FileLock, folder: Path, writes_to: Path) -> None:
    """Wait for the lock; the process that holds it may remove the folder at its end."""
    from filelock import Timeout

    timeout: float = 0
    while not lock.is_locked:
        make_folder(folder)
        try:
            lock.acquire(timeout=timeout)
        except Timeout:
            _warn(f"waiting for {holder(folder / LOCK)}, which writes to {str(writes_to)!r}")
            timeout = -1
        except FileNotFoundError:
            continue
        except OSError as error:
            _warn(
                f"cannot lock {str(folder)!r} ({reason_of(error)}); "
                "run no other command that writes there meanwhile"
            )
            return


def _about_this_process() -> dict[str, object]:
    from textgen.runtime.environment import command_line  # which imports torch

    began = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return {"host": socket.gethostname(), "pid": os.getpid(), "command": command_line(), "started": began}


def holder(path: Path) -> str:
    """Return who holds a lock, by what is in its file."""
    try:
        about = read_json(path)
        command = about["command"] or ""
        if len(command) > MAX_COMMAND_CHARS:
            command = f"{command[:MAX_COMMAND_CHARS]}…"
        shown = f" ({command})" if command else ""
        return f"process {about['pid']} on {about['host']}{shown}"
    except (OSError, ValueError, LookupError, TypeError):  # it has just begun, or the disk is full
        return "another process"


def _warn(message: str) -> None:
    warnings.warn(message, TextgenWarning, stacklevel=4)
