"""`textgen plugins new`: the project is complete, tidy and passes its own tests."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from textgen.contracts import TextgenError
from textgen.registry.registry import KINDS
from textgen.version import __version__
from textgen_kit.new import KIND_OF, new_project

PROJECTS = {
    "tokenizer": ("rare_chars", "RareChars"),
    "model": ("decay", "Decay"),
    "refinement": ("recency", "Recency"),
    "embedding": ("trigrams", "Trigrams"),
    "sampler": ("top-a", "TopA"),
    "corpus": ("grammar", "Grammar"),
    "cleaner": ("plain-text", "PlainText"),
    "metric": ("sentences", "Sentences"),
}
"""Kind: what a new project of it is called here, and its class."""
NAMES = {kind: name for kind, (name, _) in PROJECTS.items()}


def run(*command: object, cwd: Path | None = None) -> str:
    """Return what a command prints; it must succeed."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Kind: the folder of a new project."""
    parent = tmp_path_factory.mktemp("projects")
    return {kind: new_project(name, kind, parent) for kind, name in NAMES.items()}


@pytest.mark.parametrize("kind", NAMES)
def test_everything_is_called_after_the_component(kind: str, projects: dict[str, Path]) -> None:
    (name, component), project = PROJECTS[kind], projects[kind]
    word = name.replace("-", "_")
    files = {"README.md", "pyproject.toml", f"textgen_{word}.py", f"test_{word}.py"}
    assert {file.name for file in project.iterdir()} == files
    assert not [file for file in files if "Example" in (project / file).read_text("utf-8")]
    metadata = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert project.name == metadata["name"] == f"textgen-{name}"
    assert metadata["entry-points"] == {KINDS[KIND_OF.get(kind, kind)]: {name: f"textgen_{word}:{component}"}}
    (needed,) = map(Requirement, metadata["dependencies"])
    assert needed.name == "textgen-bench"
    assert needed.specifier.contains(__version__)


def test_a_project_is_tidy_at_any_usual_line_length(projects: dict[str, Path], tmp_path: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    folders = [*projects.values(), new_project("a" * 30, "tokenizer", tmp_path)]
    for length in ("88", "110"):
        options = ["--no-cache", "--isolated", "--line-length", length]
        for folder in folders:  # whose own modules are told from others there
            run(*ruff, "check", "--extend-select", "E501,I", *options, cwd=folder)
        run(*ruff, "format", "--check", *options, *folders)


@pytest.mark.long
def test_the_tests_of_the_projects_pass(projects: dict[str, Path], tmp_path: Path) -> None:
    printed = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *projects.values(), cwd=tmp_path
    )
    assert " passed" in printed


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("model", "", "invalid model name ''"),
        ("model", "../decay", "invalid model name '../decay'"),
        ("model", "a" * 31, "use up to 30 lower-case letters"),
        ("model", "lambda", "no Python keyword"),
        ("tokenizer", "a-b", "invalid tokenizer name 'a-b'"),
        ("refinement", "lstm", "a model 'lstm' already exists; choose another name"),
        ("cleaner", "models", "the module textgen_models is already installed"),
        ("corpus", "bench", "the distribution textgen-bench is already installed"),
        ("modle", "decay", "unknown kind 'modle'; did you mean 'model'?"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(kind: str, name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(TextgenError) as caught:
        new_project(name, kind, tmp_path)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_left_unchanged(tmp_path: Path) -> None:
    folder = tmp_path / "textgen-decay"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(TextgenError, match=r"textgen-decay' already exists; choose another name or folder$"):
        new_project("decay", "model", tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["textgen-decay", "notes.txt"]
