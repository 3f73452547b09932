"""The process of a command that compares entries runs no code of theirs: others do, and say what it asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.commands import run_textgen
from textgen.data.corpus import Corpus

pytestmark = pytest.mark.usefixtures("no_references")

TOP = """
import multiprocessing
import pathlib
import textgen.comparison.bench
import textgen.data.corpus

where = "main" if multiprocessing.parent_process() is None else "worker"
with pathlib.Path(__file__).with_name("imported").open("a") as log:
    log.write(where + "\\n")
textgen.data.corpus.Corpus.without_test = lambda self: self
textgen.comparison.bench.find_overlap = None
"""
CODE = (
    TOP
    + """
import torch
from annotated_types import Ge
from typing import Annotated
from textgen.contracts import Search
from textgen_tokenizers.char import CharTokenizer

class Letters(CharTokenizer): pass

class Toy(torch.nn.Module):
    "Toy of a test."
    def __init__(self, vocab_size, scale: Annotated[float, Ge(0), Search(0.5, 2)] = 1.0):
        super().__init__()
        self.table = torch.nn.Embedding(vocab_size, vocab_size)
        self.scale = scale
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        return self.scale * self.table(ids), state

class Coin:
    def __init__(self, temperature: Annotated[float, Search(0.5, 2)] = 1.0):
        self.temperature = temperature
    def __call__(self, logits, uniforms):
        return (logits / self.temperature).argmax(-1)

class Anything:
    suffixes = (".txt",)
    def documents(self, file): ...
"""
)
TEXT = ("--corpus", "text.txt", "--precision", "fp32", "--budget", "2000chars")
PLUGIN = ("--plugin", "mine.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, news: str) -> Path:
    made = tmp_path_factory.mktemp("apart")
    (made / "mine.py").write_text(CODE)
    (made / "text.txt").write_text(news[:8_000])
    return made


@pytest.fixture
def only_in_workers(folder: Path) -> Iterator[None]:
    """Check after each command which processes have run the file."""
    without_test = Corpus.without_test
    yield
    assert set((folder / "imported").read_text().split()) == {"worker"}
    assert Corpus.without_test is without_test
    (folder / "imported").unlink()


@pytest.mark.usefixtures("only_in_workers")
def test_a_comparison_and_what_reads_it(folder: Path) -> None:
    entries = ("letters-toy", "letters-toy:scale=2", "random")
    done = run_textgen(
        *("bench", *entries, *TEXT, *PLUGIN, "--sampler", "coin", "--length", 30, "--out", "out", "--json"),
        cwd=folder,
    )
    rows = {row["name"]: row for row in json.loads(done.stdout)["entries"]}
    assert (
        rows["letters-toy"]["test"]["bits_per_char"] != rows["letters-toy:scale=2"]["test"]["bits_per_char"]
    )
    assert all(row["error"] is None for row in rows.values())
    assert rows["letters-toy"]["samples"]
    for command in (("verify", "out"), ("report", "out"), ("runs", "--root", ".")):
        run_textgen(*command, *PLUGIN, cwd=folder)


@pytest.mark.usefixtures("only_in_workers")
@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("letters-toy:scale=x", "letters-toy:scale=x': toy option scale=x: input should be a valid number"),
        ("letters-toi", "unknown model 'toi'; did you mean 'toy'?"),
    ],
)
def test_a_mistake_in_an_entry(folder: Path, entry: str, message: str) -> None:
    done = run_textgen("bench", entry, *TEXT, *PLUGIN, code=1, cwd=folder)
    assert message in done.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import ctypes; ctypes.CDLL(None)._exit(0)", "its process ended itself (exit code 0)"),
        ("import textgen.jobs.runner as r; r.to_values = lambda answer: [[1]]", "its result cannot be kept"),
    ],
)
def test_a_file_that_ends_or_patches_its_process(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(CODE.removeprefix(TOP) + code)
    done = run_textgen("bench", "letters-toy", "--corpus", "lee", *PLUGIN, code=1, cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the plugin file mine.py cannot be loaded: ")
    assert message in line
