"""Data flows one way: packages import to their right only, and no module imports in a circle."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (ROOT, ROOT / "plugins", ROOT / "embeddings")
LAYERS = (
    ("cli",),
    ("library",),
    ("catalog", "testing", "scaffold"),
    ("suite", "tune"),
    ("comparison",),
    ("jobs",),
    ("experiment",),
    ("training", "evaluation", "generation"),
    ("data", "nn"),
    ("page",),
    ("workers",),
    ("registry",),
    ("runtime",),
    ("contracts", "defaults", "version"),
)
"""The packages of textgen in the order of the rule; those of one line never import each other."""
OPEN_TO_PLUGINS = ("contracts", "nn", "data", "generation", "runtime.messages", "runtime.storage.plain_files")
"""What a bundled plugin may import, and so what others can rely on too."""


def modules() -> dict[str, Path]:
    """Return the source file of each module of the core and of the bundled plugins."""
    found = {}
    for folder in FOLDERS:
        for path in folder.glob("textgen*/**/*.py"):
            name = ".".join(path.relative_to(folder).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


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
    """Return the package of the core that a module is in; `textgen` itself has none."""
    parts = module.split(".")
    return parts[1] if parts[0] == "textgen" and len(parts) > 1 else ""


RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
CORE = sorted(name for name in MODULES if package(name) in RANK)


def test_the_packages_are_those_of_the_rule() -> None:
    packages = {package(name) for name in MODULES if name.startswith("textgen.")}
    assert packages == {*RANK, "__main__"}


@pytest.mark.parametrize("module", CORE)
def test_a_module_imports_from_packages_to_its_right_only(module: str) -> None:
    own = package(module)
    others = {package(name) for name in imports(MODULES[module])} - {own, ""}
    assert [other for other in sorted(others) if RANK[other] <= RANK[own]] == []


def test_no_module_imports_in_a_circle() -> None:
    graph = {name: imports(path) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("textgen_")))
def test_a_bundled_plugin_imports_what_anyone_may(module: str) -> None:
    own = module.split(".", maxsplit=1)[0]
    foreign = {name for name in imports(MODULES[module]) if not name.startswith((f"{own}.", own))}
    allowed = tuple(f"textgen.{name}" for name in OPEN_TO_PLUGINS)
    assert [
        name
        for name in sorted(foreign)
        if not (name in allowed or name.startswith(tuple(f"{each}." for each in allowed)))
    ] == []


def test_commands_import_the_library_and_the_catalog_alone() -> None:
    commands = [name for name in CORE if package(name) == "cli"]
    others = {name: {package(each) for each in imports(MODULES[name])} for name in commands}
    allowed = {"cli", "library", "catalog", ""}
    assert {name: found - allowed for name, found in others.items() if found - allowed} == {}
