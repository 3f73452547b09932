"""Temporary folders that no other user of the machine can guess, enter or replace."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import stat
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.runtime.storage.files import is_alive


def private_folder() -> Path:
    """Return a new temporary folder of mode 700 with a random name; who asks for it removes it.

    Those of this user's killed processes are removed first. Raises `TextgenError` if other users could
    replace it, because they may rename what is in the folder for temporary files.
    """
    parent = Path(tempfile.gettempdir())
    if os.name == "posix" and _may_be_replaced(parent.stat()):
        raise TextgenError(
            f"other users may replace files in the temporary folder {str(parent)!r}; "
            "set TMPDIR to one of your own"
        )
    # Hosts may share the folder. The name is short: the path of a socket has a hundred characters at most.
    host = f"textgen-{zlib.crc32(socket.gethostname().encode()):08x}-"
    for path in parent.glob(f"{host}*"):
        made = re.fullmatch(r"(\d+)-\w+", path.name.removeprefix(host))
        if made and not is_alive(int(made[1])) and _is_own(path):
            shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{host}{os.getpid()}-"))


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a private folder, which is removed at the end."""
    made = private_folder()
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _may_be_replaced(folder: os.stat_result) -> bool:
    """Return whether others than this user, its own group and root may rename what is in a folder."""
    is_of_group = bool(folder.st_mode & stat.S_IWGRP) and folder.st_gid != os.getgid()
    is_shared = is_of_group or folder.st_mode & stat.S_IWOTH
    # The owner may even with S_ISVTX.
    return bool(is_shared and not folder.st_mode & stat.S_ISVTX) or folder.st_uid not in _trusted_users()


def _trusted_users() -> set[int]:
    """Return this user, root, and who stands for root in a container without its own root."""
    trusted = {0, os.getuid()}
    with contextlib.suppress(OSError, ValueError):  # not Linux
        if Path("/proc/self/uid_map").read_text().split() != ["0", "0", str(2**32 - 1)]:
            trusted.add(int(Path("/proc/sys/kernel/overflowuid").read_text()))
    return trusted


def _is_own(path: Path) -> bool:
    """Return whether a path is a folder of this user's, not a link; another process may just remove it."""
    with contextlib.suppress(OSError):
        status = path.lstat()
        return stat.S_ISDIR(status.st_mode) and (os.name != "posix" or status.st_uid == os.getuid())
    return False
