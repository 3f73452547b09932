"""`textgen plugins new`: the project is complete, tidy, passes its own tests, installs and is compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from textgen.contracts import TextgenError
from textgen.registry.registry import KINDS
from textgen.version import __version__
from textgen_kit.new import KIND_OF, new_project, requirement

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
TINY = "num_layers=1,hidden_size=16,batch_size=4,sequence_length=16,num_validations=2"


def run(*command: object, cwd: Path | None = None, **environment: str) -> str:
    """Return what a command prints; it must succeed."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Kind: the folder of a new project."""
    parent = tmp_path_factory.mktemp("projects")
    return {kind: new_project(name, kind, parent) for kind, name in NAMES.items()}


# --- what is written


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


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.1.0", "textgen-bench>=0.1.0,<0.2"),
        ("0.9.3", "textgen-bench>=0.9.3,<0.10"),
        ("1.4.2", "textgen-bench>=1.4.2,<2"),
        ("0.2rc1", "textgen-bench>=0.2rc1,<0.3"),
    ],
)
def test_a_project_requires_a_compatible_version(version: str, expected: str) -> None:
    assert requirement(version) == expected
    assert Requirement(expected).specifier.contains(version, prereleases=True)


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


# --- what is refused


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("model", "", "invalid model name ''"),
        ("model", "décay", "invalid model name 'décay'"),
        ("model", "../decay", "invalid model name '../decay'"),
        ("model", "a" * 31, "use up to 30 lower-case letters"),
        ("model", "lambda", "not a keyword of Python"),
        ("model", "none", "not a keyword of Python"),
        ("tokenizer", "a-b", "invalid tokenizer name 'a-b'"),
        ("refinement", "lstm", "there is a model 'lstm' already; choose another name"),
        ("sampler", "a--b", "in words joined by single underscores or hyphens, and not a keyword"),
        ("cleaner", "models", "the module textgen_models is installed already"),
        ("corpus", "bench", "the distribution textgen-bench is installed already"),
        ("modle", "decay", "unknown kind 'modle'; did you mean 'model'?"),
        ("alias", "decay", "unknown kind 'alias'; known: cleaner, corpus, "),
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
    with pytest.raises(TextgenError, match=r"textgen-decay' exists already; choose another name or folder$"):
        new_project("decay", "model", tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["textgen-decay", "notes.txt"]


def test_a_folder_that_cannot_be_written_to_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(TextgenError, match=r"^cannot write '.*textgen-decay': [^\n]+$"):
        new_project("decay", "model", tmp_path / "file")


# --- installed in a new environment


@pytest.fixture(scope="module")
def textgen(projects: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """`textgen …` in a virtual environment of its own, into which pip has installed all projects.

    The environment sees textgen and what it needs where the tests see them; nothing is downloaded.
    """
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # By addsitedir, since the .pth file of an editable installation lies in that folder too.
    line = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (Path(purelib) / "textgen-of-the-tests.pth").write_text(line)
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", "--python", python, "install", *offline, *projects.values())

    def textgen(*arguments: object) -> str:
        return run(python, "-m", "textgen", *arguments, cwd=folder, TEXTGEN_CACHE=str(folder / "cache"))

    return textgen


@pytest.mark.long
def test_new_plugins_are_listed_and_compared(textgen: Callable[..., str], tmp_path: Path) -> None:
    rows = json.loads(textgen("plugins", "--json"))["plugins"]
    listed = {(row["kind"], row["name"], row["distribution"], row["version"]) for row in rows}
    expected = {(KIND_OF.get(kind, kind), name, f"textgen-{name}", "0.1.0") for kind, name in NAMES.items()}
    assert expected <= listed
    entries = [
        f"{NAMES['tokenizer']}-{NAMES['model']}:size=16,batch_size=4,num_validations=2",
        f"word-lstm-{NAMES['embedding']}:{TINY},dimension=16,frozen=true",
    ]
    text = ["--corpus", f"{NAMES['corpus']}:num_sentences=600", "--clean", NAMES["cleaner"]]
    rest = ["--budget", "2000chars", "--length", 40, "--device", "cpu", "--out", tmp_path / "out", "--json"]
    result = json.loads(
        textgen("bench", *entries, *text, "--sampler", NAMES["sampler"], "--metric", NAMES["metric"], *rest)
    )
    assert result["corpus"]["cleaner"] == NAMES["cleaner"]
    assert result["corpus"]["num_chars"] > 20_000
    assert [row["name"] for row in result["entries"]] == entries
    assert [each["problem"] for each in result["other_metrics"]] == [None]
    for row in result["entries"]:
        assert row["error"] is None
        assert NAMES["metric"] in row["sample_metrics"]
        assert 0 < row["test"]["bits_per_char"] < 8
        assert {sample["sampler"] for sample in row["samples"]} == {NAMES["sampler"]}
    assert result["entries"][1]["embedding"]["token_coverage"] > 0.9
    assert result["entries"][1]["embedding"]["frozen"]
