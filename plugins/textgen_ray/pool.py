"""Jobs that are being computed on a Ray cluster; one whose machine is lost is computed again elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.files import new_folder
from textgen.workers.pool import (
    ENDING_SECONDS,
    WAIT_SECONDS,
    Killed,
    OnMessage,
    Stopped,
    Unsaved,
    killed,
    unsent,
)
from textgen.workers.process import WARNING
from textgen_ray.job_transfer import packed, write_contents
from textgen_ray.task import compute

MAX_RETRIES = 3
"""Times that a job is tried again whose machine was lost."""
ANSWER_SECONDS = 120.0
"""Seconds in which the mailbox must answer."""
LOSSES = ("WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError", "ObjectLostError", "ActorDiedError")
"""Ray's names of what takes a job with it that may succeed elsewhere."""


@dataclass(frozen=True)
class Share:
    """The part of its machine that each job has."""

    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        """Raise `UsageError` for a share that Ray cannot give."""
        for what, number, least in (("CPUs", self.cpus, 0.01), ("GPUs", self.gpus, 0.0)):
            if not least <= number < 1e6 or (number > 1 and number != int(number)):
                raise UsageError(f"{number:g} {what} per run: give a fraction of 1, or a whole number")

    @property
    def num_threads(self) -> int:
        """The threads of torch in a job."""
        return max(1, int(self.cpus))

    def num_jobs(self, resources: Mapping[str, float]) -> int:
        """Return the number of jobs that fit in the resources of a machine."""
        fitting = [resources.get("CPU", 0.0) / self.cpus]
        if self.gpus:
            fitting.append(resources.get("GPU", 0.0) / self.gpus)
        return int(min(fitting) + 1e-6)


class RayPool:
    """Jobs of one kind on a cluster."""

    def __init__(
        self,
        ray: Any,
        share: Share,
        sent: bytes,
        mailbox: Any,
        *,
        on_message: OnMessage,
        max_silence: float | None,
    ) -> None:
        """`ray` is the module; what the jobs say is in `mailbox`, an actor."""
        self.busy: dict[Any, tuple[int, Any]] = {}
        """By references to the results: numbers and jobs."""
        self._ray, self._mailbox = ray, mailbox
        self._on_message, self._max_silence = on_message, max_silence
        resources = {"num_cpus": share.cpus, "num_gpus": share.gpus}
        self._task = ray.remote(**resources, max_retries=MAX_RETRIES)(compute)
        self._sent = ray.put(sent)
        self._num_jobs = 0

    def start(self, job: Any) -> None:
        """Give a job to the cluster, where its silence is watched as soon as it begins."""
        number, self._num_jobs = self._num_jobs, self._num_jobs + 1
        reference = self._task.remote(self._sent, packed(job), number, self._mailbox, self._max_silence)
        self.busy[reference] = number, job

    def wait(self) -> Iterator[tuple[Any, Any]]:
        """Yield the jobs that end next with their results, or nothing after a while.

        Raises `TextgenError` if the cluster cannot be reached any more.
        """
        try:
            ready, _ = self._ray.wait(list(self.busy), num_returns=1, timeout=WAIT_SECONDS)
            messages = self._messages()
        except Exception as error:  # of many kinds
            reason = one_line(error, with_type=False)
            raise TextgenError(
                f"the connection to the Ray cluster was lost: {reason}; rerun the command to resume"
            ) from None
        for reference in list(self._stopped_by(messages)):
            _, job = self.busy.pop(reference)
            self._cancel(reference)
            yield job, Stopped("")
        for reference in [each for each in ready if each in self.busy]:
            _, job = self.busy.pop(reference)
            yield job, self._result(job, reference)

    def end(self) -> None:
        """End all jobs, and what they started; what ends by itself leaves no files."""
        left = list(self.busy)
        with suppress(Exception):  # the connection was lost
            for reference in left:
                self._cancel(reference)
            if left:
                _, left = self._ray.wait(left, num_returns=len(left), timeout=ENDING_SECONDS)
            for reference in left:
                self._cancel(reference, force=True)
            self._ray.kill(self._mailbox)

    def _result(self, job: Any, reference: Any) -> Any:
        """Return the result of a job, after its files were written here."""
        errors = self._ray.exceptions
        try:
            result, files = self._ray.get(reference)
        except errors.RayTaskError as error:
            return unsent(error.cause)
        except errors.OutOfMemoryError:
            return killed(None)
        except errors.RayError as error:
            is_loss = isinstance(error, tuple(getattr(errors, name) for name in LOSSES))
            if is_loss:  # on every attempt
                return Killed(f"its machine was lost {MAX_RETRIES + 1} times: {one_line(error)}")
            return unsent(error)
        try:
            if files:
                with new_folder(job.folder) as folder:
                    write_contents(folder, files)
        except OSError as error:
            return Unsaved(result, error.strerror or one_line(error))
        return result

    def _messages(self) -> list[tuple[int, str, Any]]:
        """Return what the jobs said since the last time."""
        try:
            messages: list[tuple[int, str, Any]] = self._ray.get(
                self._mailbox.take.remote(), timeout=ANSWER_SECONDS
            )
        except self._ray.exceptions.RayError:  # its machine was lost; Ray starts it on another
            return []
        return messages

    def _stopped_by(self, messages: list[tuple[int, str, Any]]) -> Iterator[Any]:
        """Hand on what the jobs said; yield references to those that are to be ended."""
        by_number = {number: (reference, job) for reference, (number, job) in self.busy.items()}
        for number, kind, content in messages:
            if kind == WARNING:
                warnings.warn(content, TextgenWarning, stacklevel=2)
            elif number in by_number:
                reference, job = by_number[number]
                if self._on_message and self._on_message(job, content):
                    del by_number[number]  # what else it said is of no interest
                    yield reference

    def _cancel(self, reference: Any, *, force: bool = False) -> None:
        with suppress(Exception):  # it has just ended, or its machine
            self._ray.cancel(reference, force=force)
