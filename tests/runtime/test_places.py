"""Other places than this machine: what is refused there, and what a full disk of the caller costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import textgen
from textgen.api import TextgenError
from textgen.runtime.environment import Machine
from textgen.runtime.files import NotSavedError
from textgen.runtime.places import computing_on
from textgen.runtime.preparation import Setup, recipe
from textgen.runtime.processes import Processes, Unsaved

SMALL = Machine("Small", 2, 1, None, "Linux")
LARGE = Machine("Large", 64, 1, "H100", "Linux")
OPTIONS: dict[str, Any] = {"corpus": "lee", "max_chars": 20_000, "device": "cpu", "length": 20}


class FullDisk(Processes):
    """Computes jobs whose files cannot be written by the caller."""

    def wait(self, on_wait: Callable[[], None] | None) -> Iterator[tuple[Any, Any]]:
        """Yield results without their files."""
        for job, result in super().wait(on_wait):
            yield job, Unsaved(result, "No space left on device")


@dataclass(frozen=True)
class Elsewhere:
    """A place with such a disk, whose machines are told."""

    machines: Sequence[Machine]
    num_slots: int = 1
    cores_per_job: float = 1.0

    def pool(self, function: Any, setup: Setup, on_message: Any, max_silence: float | None) -> FullDisk:
        """Return its pool."""
        return FullDisk(recipe(function, setup), on_message, max_silence, own_process=True)


def test_seconds_are_refused_where_machines_differ(tmp_path: Path) -> None:
    message = (
        r"^the machines differ \(Small, 2 cores; Large, 64 cores, H100\), so that a second of one is not "
        r"that of another; give a budget in characters, such as 20Mchars$"
    )
    with computing_on(Elsewhere([SMALL, LARGE])), pytest.raises(TextgenError, match=message):
        textgen.bench("random", budget="1s", out=tmp_path / "out", **OPTIONS)


def test_a_run_that_cannot_be_kept_has_its_row(tmp_path: Path) -> None:
    with computing_on(Elsewhere([SMALL])), pytest.raises(NotSavedError, match="No space left") as caught:
        textgen.bench("random", budget="1s", out=tmp_path / "out", **OPTIONS)
    result: Any = caught.value.result
    assert [row.error for row in result.entries] == [None]
    assert result.scores[0].bits_per_char > 0
