"""An item with another one before it: each is computed in a process of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textgen.workers.pool import Processes, drive
from textgen.workers.process import recipe


@dataclass(frozen=True)
class TwoSteps:
    """An item with another one before it, which writes the number of its process and returns `answer`."""

    file: Path
    answer: str | None = None


@dataclass(frozen=True)
class FirstStep:
    file: Path
    answer: str | None


def do_step(item: TwoSteps | FirstStep) -> Any:
    if isinstance(item, FirstStep):
        item.file.write_text(str(os.getpid()))
        return item.answer
    return item.file.read_text(), str(os.getpid())


def first_step(item: TwoSteps) -> FirstStep:
    return FirstStep(item.file, item.answer)


def test_what_comes_before_an_item_is_computed_in_a_process_of_its_own(tmp_path: Path) -> None:
    item = TwoSteps(tmp_path / "first")
    pool = Processes(recipe(do_step), None, None, own_process=True)
    ((done, (first, second)),) = drive(pool, [item], lambda: 1, before=first_step)
    assert done is item
    assert len({first, second, str(os.getpid())}) == 3


def test_an_item_is_not_begun_if_what_comes_before_it_has_another_answer(tmp_path: Path) -> None:
    items = [TwoSteps(tmp_path / "first", "it failed"), TwoSteps(tmp_path / "second")]
    pool = Processes(recipe(do_step), None, None, own_process=True)
    results = {item.file.name: result for item, result in drive(pool, items, lambda: 2, before=first_step)}
    assert results["first"] == "it failed"
    assert results["second"][0] != results["second"][1]
