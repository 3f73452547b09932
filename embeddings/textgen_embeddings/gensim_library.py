"""gensim: its modules, imported when they are used, and its vectors as those of textgen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from textgen.contracts import TextgenError, WordVectors


def gensim_module(name: str) -> Any:
    """Import and return a module of gensim; raises `TextgenError` if gensim is not installed."""
    try:
        return import_module(f"gensim.{name}")
    except ImportError as error:
        raise TextgenError('gensim is not installed; run: pip install "textgen-bench[vectors]"') from error


def word_vectors(keyed: Any) -> WordVectors:
    """Return gensim's `KeyedVectors` as `WordVectors`, without a copy."""
    return WordVectors(keyed.index_to_key, keyed.vectors)


@contextmanager
def quiet_gensim() -> Iterator[None]:
    """Keep gensim's log messages off the terminal; failures still raise."""
    logger = logging.getLogger("gensim")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
