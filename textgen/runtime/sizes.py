"""Sizes in bytes that environment variables give."""

from __future__ import annotations

import os
import re

from textgen.contracts import TextgenError

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def size_in(variable: str, default: str = "") -> int | None:
    """Return the bytes that an environment variable or the default gives, or None without either.

    Raises `TextgenError` if the variable is not a size.
    """
    given = os.environ.get(variable) or default
    if not given:
        return None
    size = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT]B)", given.strip().upper())
    if size is None:
        raise TextgenError(f"{variable}={given!r}: give a size, such as 500MB or 20GB")
    return round(float(size[1]) * UNITS[size[2]])
