"""A job that reads and writes files, for tests of what computes jobs elsewhere."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenWarning


@dataclass(frozen=True)
class FileJob:
    number: int
    text: str
    folder: Path | None = None
    plugin_files: Sequence[Path] = ()
    crashes: bool = False

    def compute(self, report: Callable[[Any], None]) -> int:
        report(f"job {self.number} began")
        if self.crashes:
            os.abort()
        if self.folder:
            self.folder.mkdir()
            (self.folder / "weights").write_bytes(b"trained")
        warnings.warn("it rains", TextgenWarning, stacklevel=2)
        report(f"job {self.number} is done")
        return len(self.text)


def computed(job: FileJob) -> int:
    from textgen.workers.process import tell

    return job.compute(tell)


class Remote:
    """A function, or the methods of an object, called at once but written as Ray's are."""

    def __init__(self, called: Any, answer: Callable[[Callable[[], Any]], Any]) -> None:
        self._called, self._answer = called, answer

    def remote(self, *arguments: Any) -> Any:
        return self._answer(lambda: self._called(*arguments))

    def __getattr__(self, name: str) -> Remote:
        return Remote(getattr(self._called, name), self._answer)
