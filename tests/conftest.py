"""What several test files share: a real text, any text at all, and distributions installed for one test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st

from helpers.playing import Server, run_folders, served, trained_runs
from helpers.shared import made_once, make_bench
from textgen.contracts import TokenIds
from textgen.registry import registry
from textgen.registry.options import build
from textgen.workers.process import import_early
from textgen_tokenizers.char import CharTokenizer

settings.register_profile("textgen", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("textgen")
torch.set_num_threads(1)  # the models here are tiny, and each core has a worker of its own
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start

NASTY = [
    "\ud83d", "\ude00", "\ud83d\ude00",  # lone surrogates, also side by side
    "😀", "👩‍👩‍👧", "🇳🇱", "e\u0301", "\u0301", "ñ", "n\u0303",
    "中文字", "かな", "שלום", "مرحبا", "\u202e", "\ufeff", "\ufffd", "\U0010ffff",
    "\0", "\x1c", "\x85", "\u2028", "\xa0", "\t", "\r\n", "\n\n\n", "   ", "--", "...", "…",
    "n't", "don’t", " it's", "<0x41>", "<0xE2><0x82>", "<unk>", " the", "The ", ".", "_",
]  # fmt: skip
ANY_TEXT = st.lists(st.one_of(st.sampled_from(NASTY), st.text(st.characters(), max_size=5))).map("".join)
"""Any Unicode text: lone surrogates, emoji, combining marks, right-to-left scripts, control characters."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="skip a test as soon as it starts another Python")


@pytest.fixture(scope="session", autouse=True)
def quick(pytestconfig: pytest.Config) -> Iterator[None]:
    """With --quick, skip a test as soon as it starts another Python, since that takes seconds."""
    start = subprocess.Popen.__init__

    def skip(*_: Any) -> None:
        pytest.skip("starts another Python")

    def start_or_skip(process: Any, command: Any, *arguments: Any, **options: Any) -> None:
        if command[0] == sys.executable:
            skip()
        start(process, command, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        if pytestconfig.getoption("quick"):
            patch.setattr(subprocess.Popen, "__init__", start_or_skip)
            patch.setattr(BaseProcess, "start", skip)
        yield


st.register_type_strategy(str, ANY_TEXT)  # so that `@given(text=...)` with `text: str` draws any text


@pytest.fixture(scope="session")
def news() -> str:
    """The first 60,000 characters of a corpus of news items."""
    text = "\n\n".join(build("corpus", "lee").read(""))
    return text[:60_000]


@pytest.fixture(scope="session")
def ids(news: str) -> TokenIds:
    """The news as the ids of characters, below 100."""
    tokenizer = CharTokenizer()
    tokenizer.fit(news)
    encoded = tokenizer.encode(news)
    assert encoded.max() < 100
    return encoded


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests, so that no core waits for one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a real distribution for one test.

    `install("toys", "[textgen.models]\\ntoy = toys:Toy", "class Toy: …")` makes the distribution toys 1.0
    with these entry points, and the module toys with this code.
    """
    installed = []

    def install(name: str, points: str, code: str) -> None:
        information = tmp_path / name / f"{name}-1.0.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(points)
        (tmp_path / name / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path / name)
        installed.append(name)
        registry.clear_caches()

    yield install
    for name in installed:
        sys.modules.pop(name, None)
    registry.clear_caches()


@pytest.fixture(scope="session", autouse=True)
def _heeded_interrupts() -> None:
    """Started in the background, tests inherit that SIGINT is ignored, and so would their processes."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _server_of_processes() -> None:
    """Fork processes with all modules that any test needs there, commands too."""
    import_early("textgen.cli.app", "textgen.comparison.entry_job", "textgen_tune.objective")


@pytest.fixture(scope="session")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison of `helpers.shared.ENTRIES`, which no test may change."""
    return made_once(tmp_path_factory, "shared-bench", make_bench)


@pytest.fixture(scope="module")
def no_references() -> Iterator[None]:
    """Comparisons have no reference entries, which take longer than the small entries of a test."""
    with patch("textgen.comparison.references.reference_entries", return_value=[]):
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A run over characters and one over words, for the live page."""
    made = made_once(tmp_path_factory, "runs", trained_runs)
    return run_folders(shutil.copytree(made, tmp_path_factory.mktemp("runs") / "runs"))


@pytest.fixture(scope="module")
def server(runs: list[Path]) -> Iterator[Server]:
    """The live page of both."""
    with served(*runs) as server:
        yield server
