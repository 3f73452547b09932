"""The client of the process that holds the runs, which is started again if it dies."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar, cast

from textgen.contracts import TextgenError
from textgen.results.names import find_runs
from textgen.runtime.messages import one_line
from textgen.runtime.output import note
from textgen.workers import process
from textgen.workers.process import ERROR, RESULT, WARNING
from textgen_play.model_process import call, describe_runs, end_of, load_runs

P = ParamSpec("P")
R = TypeVar("R")


NUM_RUNS = 4
"""Runs that a bench stands for, the best ones."""


def find_folders(names: Sequence[str | Path]) -> list[Path]:
    """Return the folders of the runs that names mean, or of the newest result; raises `TextgenError`."""
    return [folder for name in names or ["latest"] for folder in find_runs(str(name), NUM_RUNS)]


class DiedError(TextgenError):
    """The process ended before it answered."""


class Client:
    """One process with all runs, so that the page outlives what a model or its memory may do."""

    def __init__(self, folders: Sequence[Path], plugin_files: Sequence[Path], device: str) -> None:
        self._arguments = (list(folders), list(plugin_files), device)
        self._process: process.Worker | None = None
        self._is_closed, self._changing = False, Lock()
        self._thread = ThreadPoolExecutor(1)
        """Asks one thing at a time, and waits for the answer."""

    def wait(self) -> list[dict[str, Any]]:
        """Return what the page says about each run, once they are loaded.

        Raises `TextgenError` if they cannot be.
        """
        try:
            return self._thread.submit(self._answer, describe_runs).result()
        except BaseException as error:
            self.close()
            if isinstance(error, DiedError):
                raise TextgenError("the process with the models died while loading them") from None
            raise

    async def do(self, function: Callable[P, R], *arguments: P.args, **_: P.kwargs) -> R:
        """Return what a function of `models` returns there; raises `TextgenError` if the process died."""
        asked = partial(self._answer, function, *arguments)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, asked)
        except RuntimeError:  # the thread is gone
            raise TextgenError("the process with the models was closed") from None

    def forget(self, name: str) -> None:
        """Let a continuation end, without waiting for it."""
        with suppress(RuntimeError):  # nothing is left to be forgotten
            self._thread.submit(self._answer, end_of, name)

    def close(self) -> None:
        """End the process, which has nothing to save, in the middle of whatever it does."""
        with self._changing:
            self._is_closed = True
            if self._process:
                self._process.end()
        self._thread.shutdown(cancel_futures=True)

    def _answer(self, function: Callable[..., R], *arguments: Any) -> R:
        """Return what a function returns in the process, in the thread; one that has died is replaced."""
        worker = self._started()
        worker.give(pickle.dumps((function, arguments)))
        while (said := worker.take()) is not None:
            kind, content = said
            if kind == WARNING:
                note(str(content))
            elif kind == ERROR:
                raise content if isinstance(content, TextgenError) else TextgenError(one_line(content))
            elif kind == RESULT:
                return cast(R, content)
        self._started(instead_of=worker)
        raise DiedError("the process with the models died and was restarted")

    def _started(self, instead_of: process.Worker | None = None) -> process.Worker:
        with self._changing:
            if self._is_closed:
                raise TextgenError("the process with the models was closed")
            if self._process is instead_of:
                if self._process:
                    self._process.end()
                self._process = process.Worker(process.recipe(call, partial(load_runs, *self._arguments)))
            assert self._process
            return self._process
