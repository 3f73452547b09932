"""Reading files that anyone may have made: of limited size, and JSON and TOML that fit in memory."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

MAX_JSON_BYTES = 2**26
MAX_DIGITS = 300
"""Maximum number of digits of an integer, so that it fits into a float."""
MAX_NESTED = 2**21
"""Maximum number of lists and objects in a JSON file: an empty one takes 3 bytes there and 80 in memory."""
MAX_TOML_BYTES = 2**20
NO_KEYS = re.compile(r"[^\w\"'. \t-]")
"""What ends a key with its dots, outside strings of TOML."""
MAX_KEY_PARTS = 100
"""Maximum number of parts of a key: the memory to parse one grows with its square, 20,000 take 1.8 GB."""


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


def parse_json(data: bytes, constant: Callable[[str], Any] | None = None) -> Any:
    """Return the value of UTF-8 JSON, in which `constant` reads NaN and Infinity, which are not strict.

    Raises `ValueError` if it is not strict JSON, nested too deeply, or would fill the memory.
    """
    if data.count(b"[") + data.count(b"{") > MAX_NESTED:
        raise ValueError(f"more than {MAX_NESTED:,} lists and objects")
    try:
        return json.loads(
            data.decode("utf-8"), parse_constant=constant or _refuse, parse_int=_integer, parse_float=_float
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Return the values in a TOML file; raises `OSError` as `open_plain` does, and `ValueError`."""
    text = read_plain(path, MAX_TOML_BYTES).decode("utf-8")
    if any(keys.count(".") > MAX_KEY_PARTS for keys in NO_KEYS.split(text)):
        raise ValueError(f"keys of more than {MAX_KEY_PARTS} parts")
    try:
        import tomllib  # which few commands need

        return tomllib.loads(text, parse_float=_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is larger than any number")
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
