"""Writing files and folders whole or not at all, and names for them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from textgen.contracts import TextgenError
from textgen.runtime.messages import reason_of
from textgen.runtime.this_process import end_fork

MAX_TRIES = 100
"""Times that a folder is made which other processes remove."""
UNFINISHED_CHARS = 32
"""Characters of a name that are part of the name until it is complete, so that no name becomes too long."""
UNFINISHED = re.compile(r"\..+\.textgen-(?P<host>.+)-(?P<process>\d+)-[0-9a-f]{8}")
"""Names of what is not complete."""


class NotSavedError(TextgenError):
    """A result is complete, but it could not be saved: the disk is full, or a quota or limit is reached."""

    def __init__(self, folder: Path, error: Exception, result: object) -> None:
        super().__init__(
            f"cannot save in {str(folder)!r}: {reason_of(error)}; "
            "free some space, or choose another folder (--out)"
        )
        self.result = result
        """The result that could not be saved."""


def make_folder(folder: Path) -> None:
    """Make sure that `folder` exists and can be written to, before any work is done for it."""
    try:
        for _ in range(MAX_TRIES):
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError), tempfile.TemporaryFile(dir=folder):
                return  # otherwise another process has just removed it, since it was empty
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    except (OSError, ValueError) as error:
        raise cannot_write(folder, error) from None


def cannot_write(folder: Path, error: Exception) -> TextgenError:
    """Return the error of a folder that cannot be written to."""
    return TextgenError(
        f"cannot write to folder {str(folder)!r}: {reason_of(error)}; choose another folder (--out)"
    )


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder that takes the name `folder` at the end, or vanishes if something fails.

    An empty folder of this name is replaced, also one that it is a link to. The files are on the disk by
    then, so that it is whole even after a power cut.
    """
    end_fork()
    folder = folder.resolve() if folder.is_symlink() else folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = unfinished(folder)
    made.mkdir()
    try:
        yield made
        end_fork()  # forked by a model that was asked for its weights
        mode = stat.S_IMODE(made.stat().st_mode) & 0o666  # by the umask, which some libraries ignore
        for path in made.rglob("*"):
            if path.is_file():
                path.chmod(mode)
            sync(path)
        sync(made)
        with contextlib.suppress(OSError):  # there is none, or it is not empty
            folder.rmdir()
        made.rename(folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished(folder: Path) -> None:
    """Remove what `new_folder` and `new_file` left in a folder when their process was killed."""
    for path in folder.glob(".*"):
        made = UNFINISHED.fullmatch(path.name)
        if made and made["host"] == socket.gethostname() and not is_alive(int(made["process"])):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def unfinished(path: Path) -> Path:
    """Return a new name for a file or folder until it is complete, which says what process makes it."""
    made_by = f"textgen-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f".{path.name[:UNFINISHED_CHARS]}.{made_by}")


def is_alive(process: int) -> bool:
    """Return whether a process of this machine is running."""
    try:
        os.kill(process, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)  # otherwise it belongs to someone else
    return True


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes its place at the end: readers see the old content or all of the new one."""
    end_fork()
    remove_unfinished(path.parent)
    made = unfinished(path)
    try:
        with open(made, "x+b") as file:
            yield file
        sync(made)
        made.replace(path)
        sync(path.parent)
    except BaseException:  # closing fails too, if the disk is full
        made.unlink(missing_ok=True)
        raise


def write_file(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with new_file(path) as file:
        file.write(text.encode("utf-8"))


def slug(name: str) -> str:
    """Return a folder name for any name; long or unusual ones end with a hash."""
    plain = re.sub(r"[^A-Za-z0-9.=-]+", "_", name)
    if plain == name and len(plain) <= 80:
        return plain
    return f"{plain[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
