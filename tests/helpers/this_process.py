"""A backend that computes jobs in this process: quick, and seen by profilers and patches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from textgen.jobs.backends import LocalBackend
from textgen.workers.pool import OnMessage, Pool, Stopped


def compute_here(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LocalBackend, "pool", ThisProcess.pool)
    patch.setattr("textgen.experiment.samples.MAX_SWEEP_SECONDS", 0.0)  # one sampler, not all temperatures


@dataclass(frozen=True)
class ThisProcess(LocalBackend):
    """This process: jobs one after another, without the cost of a process and without its protection."""

    def pool(
        self,
        function: Callable[..., Any],
        on_message: OnMessage,
        max_silence: float | None,  # noqa: ARG002 - nothing can end this process
    ) -> Pool:
        return _Here(function, on_message)


class _StopJob(BaseException):
    pass


class _Here:
    def __init__(self, function: Callable[..., Any], on_message: OnMessage) -> None:
        self.busy: dict[Any, Any] = {}
        self._function, self._on_message = function, on_message

    def start(self, job: Any) -> None:
        self.busy[id(job)] = job

    def wait(self) -> Iterator[tuple[Any, Any]]:
        job = self.busy.pop(next(iter(self.busy)))

        def tell(message: Any) -> None:
            if self._on_message and self._on_message(job, message):
                raise _StopJob

        try:
            yield job, self._function(job, tell)
        except _StopJob:
            yield job, Stopped("")

    def end(self) -> None:
        self.busy.clear()
