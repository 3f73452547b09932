"""Folders of results: names that say what is in them, claimed at once, locked, removed if they stay empty.

A second process waits for a lock, and says for whom. Locks are those of the operating system, which a process
loses when it dies, however it dies. The file tells people who holds it; one that a killed process left is
taken over. All commands lock by `locked`: an unfinished run by way of `locked_run` (in
`experiment/run_lock.py`), other results directly.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textgen.contracts import TextgenWarning
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import make_folder

if TYPE_CHECKING:
    from filelock import FileLock

RUNS = Path("runs")
"""Folder in which results are saved, and looked for, unless one is given."""
RUN_FILE = "run.json"
"""File by which the folder of a run is recognised."""
PAGE, MARKDOWN = "report.html", "report.md"
"""Reports in a folder of results, for the browser and as text."""

MAX_NAME_CHARS = 120
MAX_CORPUS_CHARS = 30
NUMBER_CHARS = len("-999")
"""Room for the number that tells folders of one name apart."""


def result_name(entries: Sequence[str], corpus: str, budget: str = "", seed: int = 0) -> str:
    """Return a name such as `char-lstm_word-lstm-glove_random-wiki-60s-2026-11-25-1635`.

    `corpus` has its sources joined by plus signs. A seed of 0 is left out, and so are the options of entries
    if there is no room for them; the names of many entries are cut.
    """
    sources = "+".join(_source(each) for each in corpus.split("+"))[:MAX_CORPUS_CHARS]
    seeded = f"seed{seed}" if seed else ""
    end = "-".join(filter(None, [sources, _plain(budget), seeded, time.strftime("%Y-%m-%d-%H%M")]))
    return f"{_joined(entries, MAX_NAME_CHARS - NUMBER_CHARS - len(end) - 1)}-{end}"


@contextlib.contextmanager
def result_folder(out: str | Path | None, name: Callable[[], str]) -> Iterator[Path]:
    """Yield the folder `out` or, without one, a new folder under `runs` with this name.

    Folders that are made meanwhile, in it or above it, are removed if they are empty in the end, since what
    they were made for was refused or interrupted.
    """
    target = RUNS if out is None else Path(out)
    before = set(_inside(target))
    made = [each for each in (target, *target.parents) if not each.exists()]
    folder = target
    if out is None:
        make_folder(RUNS)
        folder = _claim(name())
        made.insert(0, folder)
    try:
        yield folder
    finally:
        inside = [each for each in _inside(folder) if each not in before]
        for each in (*inside, *made):
            with contextlib.suppress(OSError):  # most have contents, so they stay
                each.rmdir()


def _claim(name: str, number: int = 1) -> Path:
    """Make the folder of this name; a number tells it apart from one that exists."""
    folder = RUNS / (name if number == 1 else f"{name}-{number}")
    try:
        folder.mkdir()
    except FileExistsError:
        return _claim(name, number + 1)
    return folder


def _inside(folder: Path) -> list[Path]:
    """Return the folders that a command may make in one, the inner ones first."""
    return [path for pattern in ("*/runs", "*") for path in folder.glob(pattern) if path.is_dir()]


def _joined(entries: Sequence[str], room: int) -> str:
    """Return the entries in a name: with options, without them, or cut."""
    text = "_".join(_plain(entry, re.ASCII) for entry in entries)
    if len(text) > room:
        text = "_".join(dict.fromkeys(_plain(entry.partition(":")[0], re.ASCII) for entry in entries))
    return text[:room]


def _source(source: str) -> str:
    """Return the name of a source of text, which may be a path or `-` for standard input."""
    return "stdin" if source == "-" else _plain(Path(source).absolute().name.removesuffix(".txt"))


def _plain(text: str, flags: int = 0) -> str:
    """Return a text without characters that are special in paths, shells or the options of an entry."""
    return re.sub(r"[^\w.+-]+", "_", text.replace("*", "x"), flags=flags).strip("._")


LOCK = "lock"
"""The file in a folder that is locked while a process writes there."""
POLL_SECONDS = 0.2


@contextlib.contextmanager
def locked(folder: Path, writes_to: Path | None = None) -> Iterator[None]:
    """Hold the lock of `folder`, which is made if it is absent; while another process does, wait.

    `writes_to` is what a waiting process says the other one writes to, if it is not `folder`. Where locks are
    not possible, a warning says so.
    """
    from filelock import FileLock  # only when a folder is locked, so that help is quick

    path = folder / LOCK
    made = not folder.exists() or path.exists()  # here, or by a process before this one

    def sign(descriptor: int) -> None:
        with contextlib.suppress(OSError):  # on a full disk, waiting processes are told less
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())

    lock = FileLock(path, poll_interval=POLL_SECONDS, fallback_to_soft=False, on_acquired=sign)
    _acquire(lock, folder, writes_to or folder)
    try:
        yield
    finally:
        if lock.is_locked:
            path.unlink(missing_ok=True)
            lock.release()
        if made:
            with contextlib.suppress(OSError):  # it has contents
                folder.rmdir()


def is_held(path: Path, *, removes: bool = True) -> bool:
    """Return whether a process holds a lock file; one that a killed process left is removed if `removes`."""
    from filelock import FileLock, Timeout

    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    if removes:
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
            _warn(f"waiting for {holder(folder / LOCK)}, which is writing to {str(writes_to)!r}")
            timeout = -1
        except FileNotFoundError:
            continue
        except OSError as error:
            _warn(
                f"cannot lock {str(folder)!r} ({reason_of(error)}); "
                "run no other command that writes there in the meantime"
            )
            return


def holder(path: Path) -> str:
    """Return who holds a lock, by what is in its file."""
    with contextlib.suppress(OSError, ValueError):
        return path.read_text("utf-8") or "another process"  # it has just begun, or the disk is full
    return "another process"


def _warn(message: str) -> None:
    warnings.warn(message, TextgenWarning, stacklevel=4)
