"""Where corpora keep what they download."""

from __future__ import annotations

from pathlib import Path

from textgen.runtime.cache import cache_folder
from textgen.runtime.cache_contents import DOWNLOADS


def download_folder() -> Path:
    """Return the folder in the cache for downloaded texts; it may not exist yet.

    `textgen cache clear` empties it, and the environment variable `TEXTGEN_CACHE` moves it.
    """
    return cache_folder() / DOWNLOADS
