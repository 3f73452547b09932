"""`docs/architecture.md`: its tree has every package, and its walks name every file that a value passes."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from helpers.commands import run_textgen
from helpers.pages import ROOT, read_page
from helpers.plugins import TOY_MODEL
from helpers.this_process import compute_here
from textgen.cli.app import app
from textgen.cli.command_plugins import PluginGroup
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import Entry
from textgen.generation.bound_sampler import BoundSampler
from textgen.registry.registry import load
from textgen.training.budget import Budget

pytestmark = pytest.mark.usefixtures("no_references")

PAGE = read_page("docs/architecture.md")
WALKS = dict(re.findall(r"^### (An? \w+): .*?\n(.*?)(?=^#|\Z)", PAGE, re.S | re.M))
STEP = re.compile(r"^\d+\. `(\S+\.py)`, `([\w.]+)`", re.M)


def test_the_tree_has_every_package() -> None:
    tree = PAGE[PAGE.index("```\ntextgen/") :]
    for path in (ROOT / "textgen").iterdir():
        if path.is_dir() and (path / "__init__.py").exists():
            assert f"\n  {path.name}/ " in tree, path.name
    for folder in ("plugins", "embeddings", "benchmarks"):
        for path in (ROOT / folder).glob("textgen_*"):
            assert path.name in tree


# --- walks, as the page tells them


@pytest.mark.parametrize("walk", WALKS)
def test_the_functions_of_a_walk_exist(walk: str) -> None:
    for file, name in STEP.findall(WALKS[walk]):
        scope: list[ast.stmt] = ast.parse((ROOT / file).read_text("utf-8")).body
        for part in name.split("."):
            definitions = (ast.ClassDef, ast.FunctionDef)
            (found,) = [node for node in scope if isinstance(node, definitions) and node.name == part]
            scope = found.body


@pytest.mark.parametrize("walk", WALKS)
def test_the_files_of_a_walk_follow_from_each_other(walk: str) -> None:
    """One imports the other, control returns to a file, the registry loads a plugin, or a job runs."""
    files = [file for file, _ in STEP.findall(WALKS[walk])]
    assert len(files) > 5
    for index, (file, following) in enumerate(pairwise(files)):
        registry_loads = module(following) in plugin_modules() and "textgen/registry/registry.py" in files
        earlier = files[:index]
        returns = following in earlier
        # The runner computes jobs that an earlier file made.
        computes = file == "textgen/jobs/runner.py" and any(
            module(following) in imports(each) for each in earlier
        )
        imported = module(following) in imports(file) or module(file) in imports(following)
        assert imported or returns or registry_loads or computes, f"{file} → {following}"


def module(file: str) -> str:
    """Return the name of the module in a file."""
    return re.sub(r"^(?:plugins|embeddings|benchmarks)/", "", file).removesuffix(".py").replace("/", ".")


def plugin_modules() -> set[str]:
    """Return the modules that entry points name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {
        target.partition(":")[0] for group in project["entry-points"].values() for target in group.values()
    }


def imports(file: str) -> set[str]:
    """Return the modules that a file imports, and the names that it imports from packages."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


# --- walks, as a run takes them

SOURCES = tuple(f"{ROOT / folder}/" for folder in ("textgen", "plugins", "embeddings"))
ENTRY = "char-lstm:num_layers=1,hidden_size=8,batch_size=2,sequence_length=8,num_validations=1"
BUDGET, SAMPLER = "2000chars", "top-p:p=0.9"
COMMAND = ["bench", ENTRY, "--budget", BUDGET, "--sampler", SAMPLER, "--corpus", "lee", "--max-chars", "4000"]


@dataclass(frozen=True)
class Trace:
    """What one run passes."""

    files: dict[str, set[str]]
    """By walk: the files of the functions that are called with what walks there, until its end."""
    unended: set[str]
    """The walks whose end the run does not reach."""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """The trace of a comparison of one entry."""
    TopP = load("sampler", "top-p")  # noqa: N806
    travellers: dict[str, Callable[[Any], bool]] = {
        "An entry": lambda value: isinstance(value, Entry) or value is ENTRY,
        "A budget": lambda value: isinstance(value, Budget) or value is BUDGET,
        "A sampler": lambda value: isinstance(value, (TopP, BoundSampler)) or value is SAMPLER,
    }
    ends = {
        "An entry": load("model", "lstm").__init__.__code__,
        "A budget": Budget.fraction.__code__,
        "A sampler": TextAnalyzer.measure.__code__,  # what it wrote is measured
    }
    trace = Trace({walk: set() for walk in WALKS}, set(WALKS))

    def record(frame: FrameType, event: str, _: Any) -> None:
        file = frame.f_code.co_filename
        if event != "call" or not trace.unended or not file.startswith(SOURCES):
            return
        if frame.f_code is PluginGroup.resolve_command.__code__:  # part of Typer's parsing
            return
        values = list(arguments(frame))
        for walk in list(trace.unended):
            if any(travellers[walk](value) for value in values):
                trace.files[walk].add(file.removeprefix(f"{ROOT}/"))
            if frame.f_code is ends[walk]:
                trace.unended.discard(walk)

    folder = tmp_path_factory.mktemp("traced")
    with pytest.MonkeyPatch.context() as patch:
        compute_here(patch)  # calls of another process are not seen here
        sys.setprofile(record)
        try:
            app([*COMMAND, "--length", "10", "--device", "cpu", "--out", str(folder)], standalone_mode=False)
        finally:
            sys.setprofile(None)
    return trace


def functions_above(frame: FrameType) -> list[str]:
    """Return the functions of the project that called each other down to a frame, the first one first."""
    names = []
    while frame.f_back:
        if frame.f_code.co_filename.startswith(SOURCES):
            names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names[::-1]


@pytest.mark.slow
def test_a_run_passes_no_file_that_a_walk_leaves_out(trace: Trace) -> None:
    assert trace.unended == set()
    for walk, files in trace.files.items():
        named = set(re.findall(r"`(\S+\.py)`", WALKS[walk]))
        assert len(files) > 4
        assert files <= named, f"{walk}: {files - named}"


RECORDER = """if self.training:
            import pathlib, traceback
            names = [each.name for each in traceback.extract_stack() if each.filename.startswith({root!r})]
            if "start_update" in names:
                pathlib.Path({file!r}).write_text(" ".join(names))"""
"""What a model does in `forward`: it records the functions of `textgen` that lead there."""


@pytest.mark.slow
def test_the_way_from_a_command_to_forward_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page tells what starts the process that trains, and what leads to `forward` in it."""
    starting: list[list[str]] = []
    start = BaseProcess.start

    def started(process: BaseProcess) -> None:
        names = functions_above(sys._getframe(1))
        starting.append(names[names.index("bench") :])
        start(process)

    monkeypatch.setattr(BaseProcess, "start", started)
    recorder = RECORDER.format(root=f"{ROOT / 'textgen'}/", file=str(tmp_path / "names"))
    (tmp_path / "toy.py").write_text(TOY_MODEL.format(recorder))
    plugin = ("--plugin", tmp_path / "toy.py", "--out", tmp_path / "out")
    run_textgen("bench", "char-toy", *COMMAND[2:], *plugin)
    told = PAGE[PAGE.index("\n    bench (cli) →") : PAGE.index("A model with a loss of its own")]
    before, after = (
        [each.split(" (")[0].rpartition(".")[2].strip() for each in part.split("→")]
        for part in told.split("⇒")
    )
    starts = next(names for names in starting if "bench_each" in names)  # others have read the entry
    assert starts == [name.replace("Worker", "__init__") for name in before]
    assert len(starts) <= 6
    trained = (tmp_path / "names").read_text().split()
    assert trained == after[:-1]
    assert len(trained) <= 9


def arguments(frame: FrameType) -> Iterator[Any]:
    """Yield the arguments of a call, and what lists, dictionaries and dataclasses among them hold."""
    code = frame.f_code
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        yield from held(frame.f_locals.get(name))


def held(value: Any, depth: int = 2) -> Iterator[Any]:
    """Yield a value and, down to a depth, its members."""
    yield value
    members: Any = ()
    if isinstance(value, (list, tuple)):
        members = value[:20]
    elif isinstance(value, dict):
        members = [*value, *value.values()]
    elif is_dataclass(value):
        members = list(vars(value).values())
    for member in members if depth else ():
        yield from held(member, depth - 1)
