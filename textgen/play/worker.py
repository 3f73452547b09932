"""The way to the process that holds the runs, which is started again if it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from textgen.library.basics import TextgenError
from textgen.play.models import describe_runs, end_of, load_runs

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """One process with all runs, so that the page outlives what a model or its memory may do."""

    def __init__(self, folders: Sequence[Path], plugin_files: Sequence[Path], device: str) -> None:
        self._arguments = (list(folders), list(plugin_files), device)
        self._pool = self._start()

    def wait(self) -> None:
        """Wait until the runs are loaded; raises `TextgenError` if they cannot be."""
        try:
            self._pool.submit(describe_runs).result()
        except BrokenProcessPool:
            raise TextgenError("the process with the models died while it loaded them") from None

    async def do(self, function: Callable[P, R], *arguments: P.args, **_: P.kwargs) -> R:
        """Return what a function of `models` returns there; raises `TextgenError` if the process died."""
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)
        except BrokenProcessPool:
            if pool is self._pool:
                self._pool = self._start()
            raise TextgenError("the process with the models has died; it was started again") from None

    def forget(self, name: str) -> None:
        """Let a continuation end, without waiting for it."""
        with suppress(BrokenProcessPool, RuntimeError):  # nothing is left to be forgotten
            self._pool.submit(end_of, name)

    def close(self) -> None:
        """End the process, which has nothing to save, in the middle of whatever it does."""
        for process in active_children():
            process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=load_runs, initargs=self._arguments
        )
