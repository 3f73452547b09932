"""Files: read with limits, as anyone may have made them; written whole or not at all, with their digests."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

from textgen.contracts import TextgenError
from textgen.runtime.messages import reason_of

MAX_JSON_BYTES = 2**26
MAX_TOML_BYTES = 2**20


def open_plain(path: Path, max_bytes: int | None = None) -> IO[bytes]:
    """Open a plain file for reading.

    Raises `OSError` if it cannot be read, is larger than `max_bytes`, or is a folder, a pipe or a device,
    which could keep a reader waiting or never end.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if max_bytes is not None and status.st_size > max_bytes:
            raise OSError(errno.EFBIG, f"larger than {max_bytes / 2**20:,.0f} MiB", str(path))
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_plain(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a plain file; raises `OSError` as `open_plain` does."""
    with open_plain(path, max_bytes) as file:
        return file.read(max_bytes)


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Return the value in a JSON file; raises `OSError` as `open_plain` does, and `ValueError`."""
    return parse_json(read_plain(path, max_bytes))


def parse_json(data: bytes) -> Any:
    """Return the value of UTF-8 JSON; raises `ValueError` if it is not strict, or nested too deeply."""
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Return the values in a TOML file; raises `OSError` as `open_plain` does, and `ValueError`."""
    text = read_plain(path, MAX_TOML_BYTES).decode("utf-8")
    try:
        import tomllib  # which few commands need

        return tomllib.loads(text, parse_float=_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is larger than any number")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


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
    folder = folder.resolve() if folder.is_symlink() else folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = unfinished(folder)
    made.mkdir()
    try:
        yield made
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
    plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name)
    if plain == name and len(plain) <= 80:
        return plain
    return f"{plain[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def private_folder() -> Path:
    """Return a new temporary folder of mode 700 with a random name; who asks for it removes it."""
    return Path(tempfile.mkdtemp(prefix="textgen-"))


DIGESTS = "files.json"
MAX_BYTES = 2**20
"""Maximum size of `files.json`."""


class DamagedFileError(TextgenError):
    """A file differs from its digest."""


def write_digests(folder: Path) -> None:
    """Write the size and the SHA-256 of every file in a folder to `files.json` in it."""
    digests = {path.name: digest_of(path) for path in sorted(folder.iterdir()) if path.name != DIGESTS}
    write_file(folder / DIGESTS, json.dumps(digests, indent=2) + "\n")


def check_digests(folder: Path, needed: Iterable[str] = ()) -> None:
    """Raise `DamagedFileError` for the first file that is missing or has changed since `write_digests`.

    All `needed` files must have a digest. A file that is there but cannot be read raises `OSError`.
    """
    try:
        digests = read_json(folder / DIGESTS, MAX_BYTES)
        wanted = {str(name): dict(digest) for name, digest in digests.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"{DIGESTS} cannot be read: {reason_of(error)}") from None
    for name in needed:
        if name not in wanted:
            raise DamagedFileError(f"{DIGESTS} has no {name}")
    for name, digest in wanted.items():
        _check(folder / name, digest)


def _check(path: Path, digest: dict[str, Any]) -> None:
    try:
        with open_plain(path) as file:  # the size first: a large file takes a while to read
            num_bytes = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise DamagedFileError(f"{path.name} is missing") from None
    if num_bytes != digest.get("num_bytes"):
        raise DamagedFileError(f"{path.name} has {num_bytes} bytes instead of {digest.get('num_bytes')}")
    if digest_of(path) != digest:
        raise DamagedFileError(f"{path.name} has changed since it was written")


def digest_of(path: Path) -> dict[str, int | str]:
    """Return the size and the SHA-256 of a file."""
    with open_plain(path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        return {"num_bytes": os.fstat(file.fileno()).st_size, "sha256": sha256}
