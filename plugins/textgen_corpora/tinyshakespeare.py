"""Tiny Shakespeare, the usual first text for character models."""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from urllib.request import urlopen

from textgen.contracts import TextgenError
from textgen.data.sources import download_folder

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
TIMEOUT = 20.0
"""Seconds without an answer after which the download fails."""


@dataclass
class TinyShakespeare:
    """Scenes from Shakespeare's plays, 1.1 M characters, selected by A. Karpathy (2015).

    The text is downloaded once (about 1 MB), verified by its hash and kept in the user's cache. Licence:
    public domain.
    """

    def read(self, item: str) -> str:
        """Return the text.

        Raises `TextgenError` if `item` is not empty, and if the text cannot be downloaded.
        """
        if item:
            raise TextgenError(f"the corpus tinyshakespeare has no item {item!r}; write tinyshakespeare")
        path = download_folder() / "tinyshakespeare.txt"
        if path.is_file() and _sha256(data := path.read_bytes()) == SHA256:
            return data.decode()
        data = _download()
        with suppress(OSError):  # the cache is optional, and its hash tells a file that was cut off
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return data.decode()


def _download() -> bytes:
    """Return the verified bytes of the text; raises `TextgenError` if they cannot be downloaded."""
    print(f"downloading {URL}", file=sys.stderr)
    try:
        with urlopen(URL, timeout=TIMEOUT) as response:
            data: bytes = response.read()
    except (OSError, HTTPException) as error:
        raise TextgenError(
            f"cannot download tinyshakespeare from {URL} ({getattr(error, 'reason', error)}); "
            "use wiki or lee, which need no network, or the path of a text"
        ) from None
    if _sha256(data) != SHA256:
        raise TextgenError(
            f"the download from {URL} is not tinyshakespeare ({len(data)} bytes, wrong SHA-256); "
            "try again later, or use wiki, lee or the path of a text"
        )
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
