"""The way to the process that holds the runs, which is started again if it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from textgen.catalog.names import find_runs
from textgen.library.basics import TextgenError
from textgen_play.models import describe_runs, end_of, load_runs

P = ParamSpec("P")
R = TypeVar("R")


NUM_RUNS = 4
"""Runs that a bench stands for, the best ones."""


def find_folders(names: Sequence[str | Path]) -> list[Path]:
    """Return the folders of the runs that names mean, or of the newest result; raises `TextgenError`."""
    return [folder for name in names or ["latest"] for folder in find_runs(str(name), NUM_RUNS)]


class Worker:
    """One process with all runs, so that the page outlives what a model or its memory may do."""

    def __init__(self, folders: Sequence[Path], plugin_files: Sequence[Path], device: str) -> None:
        self._arguments = (list(folders), list(plugin_files), device)
        self._pool, self._is_closed = self._start(), False

    def wait(self) -> list[dict[str, Any]]:
        """Return what the page says about each run, once they are loaded.

        Raises `TextgenError` if they cannot be.
        """
        try:
            return self._pool.submit(describe_runs).result()
        except BaseException as error:
            self.close()
            if isinstance(error, BrokenProcessPool):
                raise TextgenError("the process with the models died while it loaded them") from None
            raise

    async def do(self, function: Callable[P, R], *arguments: P.args, **_: P.kwargs) -> R:
        """Return what a function of `models` returns there; raises `TextgenError` if the process died."""
        if self._is_closed:
            raise TextgenError("the process with the models was closed")
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)
        except RuntimeError:  # it is broken, or closed
            if self._is_closed:
                raise TextgenError("the process with the models was closed") from None
            if pool is self._pool:
                self._pool = self._start()
            raise TextgenError("the process with the models has died; it was started again") from None

    def forget(self, name: str) -> None:
        """Let a continuation end, without waiting for it."""
        with suppress(RuntimeError):  # nothing is left to be forgotten
            self._pool.submit(end_of, name)

    def close(self) -> None:
        """End the process, which has nothing to save, in the middle of whatever it does."""
        self._is_closed = True
        for process in dict(self._pool._processes or {}).values():  # from Python 3.14 on: terminate_workers
            process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def again(self) -> Worker:
        """Return one of the same runs, whose process starts when something is to be done."""
        return Worker(*self._arguments)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=load_runs, initargs=self._arguments
        )
