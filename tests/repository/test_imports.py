"""What imports what: packages to their right only, no circles, nothing heavy for help and listings."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from helpers.pages import ROOT
from textgen.registry.registry import KINDS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LAYERS = [
    *("cli", "library", "comparison", "reports", "results", "jobs", "experiment"),
    *("training evaluation generation", "data nn"),
    *("page", "workers", "registry", "runtime", "requests", "contracts defaults version"),
]
"""The packages of textgen in the order of the rule; those side by side never import each other."""
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names.split()}
FOR_PLUGINS = {"contracts", "data", "generation", "nn", "runtime"}
"""The packages of textgen that a bundled plugin imports; others may rely on them too."""
FOR_BACKENDS = {"jobs", "workers"}
MODULES = {
    ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in (ROOT, ROOT / "plugins", ROOT / "embeddings")
    for path in folder.glob("textgen*/**/*.py")
}


@cache
def imports(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, inside functions and for type checkers too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the whole name of the module"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found & MODULES.keys()


def package(module: str) -> str:
    """Return the package of the core that a module is in; `textgen` itself and others have none."""
    parts = module.split(".")
    return parts[1] if parts[0] == "textgen" and len(parts) > 1 else ""


def test_modules_import_from_packages_to_their_right_only() -> None:
    assert {package(name) for name in MODULES} == {*RANK, "__main__", ""}
    found = {
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in imports(path)
        if (here := package(module)) in RANK
        and (there := package(name)) not in (here, "")
        and RANK[there] <= RANK[here]
    }
    assert sorted(found) == []


def test_no_module_imports_in_a_circle() -> None:
    graph, circle = {name: imports(path) - {name} for name, path in MODULES.items()}, []
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


def test_bundled_plugins_import_what_anyone_may() -> None:
    of_kind = {
        kind: {point.value.partition(".")[0] for point in entry_points(group=f"textgen.{kind}")}
        for kind in ("backends", "commands")
    }
    wrong = []
    for module, path in MODULES.items():
        own = module.partition(".")[0]
        if own != "textgen" and own not in of_kind["commands"]:
            allowed = FOR_PLUGINS | (FOR_BACKENDS if own in of_kind["backends"] else set())
            wrong += [
                f"{module} imports {name}"
                for name in imports(path)
                if package(name) not in allowed and name.partition(".")[0] != own
            ]
    assert sorted(wrong) == []


def test_the_core_names_no_plugin() -> None:
    files = (ROOT / "textgen").rglob("*.py")
    named = {str(path): re.findall(r"\btextgen_\w+", path.read_text("utf-8")) for path in files}
    assert {path: names for path, names in named.items() if names} == {}


# --- what is imported when

HEAVY = {"ftfy", "gensim", "nltk", "numpy", "pyarrow", "scipy", "torch"}
LIST_MODULES = """
import sys
from textgen.cli.app import main
try:
    main()
finally:
    print("\\n".join(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["--help", "bench --help", "plugins --json"])
def test_help_and_listings_import_nothing_heavy(command: str) -> None:
    process = [sys.executable, "-c", LIST_MODULES, *command.split()]
    done = subprocess.run(process, capture_output=True, encoding="utf-8", check=True)
    assert "textgen.cli.app" in done.stderr.split()
    assert not HEAVY & set(done.stderr.split())


def test_importing_textgen_imports_nothing_heavy() -> None:
    code = "import sys, textgen; textgen.TextgenError, textgen.__version__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert not {*HEAVY, "pydantic", "rich", "typer"} & set(done.stdout.split())


def test_the_default_text_is_read_without_importing_gensim() -> None:
    code = (
        "import sys, textgen_corpora.gensim_texts as texts; print(len(texts.Wiki().read('')), *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert not {"0", *HEAVY} & set(done.stdout.split())


# --- what is declared


def test_what_is_declared_is_what_is_installed() -> None:
    for group, declared in PROJECT["entry-points"].items():
        points = [
            point for point in entry_points(group=group) if point.dist and point.dist.name == "textgen-bench"
        ]
        installed = {point.name: point.value for point in points}
        assert installed == declared, "the project has changed: run pip install -e . again"
    assert set(PROJECT["entry-points"]) <= set(KINDS.values())
