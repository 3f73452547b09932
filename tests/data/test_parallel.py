"""Blocks of a text are mapped in order, in bounded memory, also by the components of a plugin file."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from helpers.commands import forget_plugin_files
from textgen.contracts import TextgenError
from textgen.data import cleaning, parallel
from textgen.data.corpus import load_corpus
from textgen.data.parallel import map_in_order
from textgen.registry.options import build
from textgen.registry.single_file import load_plugin_file

PLUGIN_FILE = """
import os

class ShoutCleaner:
    def clean(self, text):
        return text.upper() + f"<{os.getpid()}>"
"""


@pytest.fixture(autouse=True)
def two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "num_cores", lambda: 2)
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def plugin_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN_FILE)
    load_plugin_file(path)
    yield path
    forget_plugin_files()


def kill_yourself(text: str) -> str:
    if text == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return text


def wait_for(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@pytest.mark.parametrize("limit", [1, 2])
def test_items_are_mapped_in_order_in_this_process_or_others(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "MAX_PROCESSES", limit)
    items = [str(number) * 100 for number in range(40)]
    assert list(map_in_order(str.upper, items)) == items
    cannot_be_pickled: Callable[[str], str] = lambda item: item[:3]  # noqa: E731
    assert list(map_in_order(cannot_be_pickled, items)) == [item[:3] for item in items]
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_in_order(int, ["1", "x"]))


def test_a_killed_process_ends_a_mapping_with_advice() -> None:
    with pytest.raises(TextgenError, match=r"was killed, possibly .*; free some memory"):
        list(map_in_order(kill_yourself, ["a", "b", "c"]))


def test_few_items_are_read_while_one_is_slow() -> None:
    num_read = 0

    def items() -> Iterator[float]:
        nonlocal num_read
        for seconds in [1.0] + [0.0] * 99:
            num_read += 1
            yield seconds

    results = map_in_order(wait_for, items())
    first, num_read_for_first = next(results), num_read
    rest = list(results)  # before any assertion: an iterator that is left behind keeps its processes alive
    assert [first, *rest] == [1.0] + [0.0] * 99
    assert num_read_for_first <= 4
    assert num_read == 100


@pytest.mark.usefixtures("plugin_file")
def test_a_cleaner_of_a_plugin_file_works_in_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "MAX_IN_MEMORY", 1000)
    monkeypatch.setattr(cleaning, "BLOCK_CHARS", 2000)
    path = tmp_path / "text.txt"
    path.write_text("".join(f"Fox number {i} jumps over {7 * i} lazy dogs.\n\n" for i in range(200)))
    text = load_corpus([str(path)], "shout").text[:]
    assert "FOX NUMBER 199 JUMPS" in text
    assert "<" in text
    assert f"<{os.getpid()}>" not in text


def test_a_function_that_other_processes_do_not_know_runs_in_this_one(
    plugin_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("made_in_a_notebook")
    exec("def twice(text): return 2 * text", vars(module))
    monkeypatch.setitem(sys.modules, "made_in_a_notebook", module)
    assert list(map_in_order(module.twice, ["a", "b"])) == ["aa", "bb"]
    clean = build("cleaner", "shout").clean
    plugin_file.unlink()
    assert list(map_in_order(clean, ["a"])) == [f"A<{os.getpid()}>"]
