"""Data flows one way: packages import to their right only, and no module imports in a circle."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (ROOT, ROOT / "plugins", ROOT / "embeddings")
LAYERS = (
    ("cli",),
    ("library",),
    ("catalog",),
    ("suites", "tuning"),
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
OPEN_TO_BACKENDS = (
    "jobs.backends",
    "workers",
    "runtime.environment",
    "runtime.storage.files",
    "runtime.storage.temporary_folders",
)
"""What a backend may import besides."""
OPEN_TO_COMMANDS = ("library", "cli.options", "cli.completion", "cli.console", "runtime.output")
"""What a command may import besides: the library, options that commands share, how results are printed."""
OPEN_TO_BUNDLED = {
    # The page shows what the report measures, beside it, and keeps its models in a process.
    "textgen_play": (
        "catalog",
        "comparison.guesses",
        "comparison.passages",
        "defaults",
        "evaluation",
        "page.render",
        "registry.registry",
        "runtime.storage.json_records",
        "runtime.storage.locks",
        "workers",
    ),
    # The kit checks that components fulfil what each of these relies on.
    "textgen_kit": (
        "cli.command_plugins",
        "evaluation",
        "experiment.encoding",
        "experiment.entry_parser",
        "registry",
        "runtime.device",
        "runtime.storage.files",
        "suites.schema",
        "training",
        "version",
    ),
    "textgen_tools": (
        "cli.interrupts",
        "evaluation",
        "experiment.saved_run",
        "experiment.score_run",
        "runtime.storage.files",
    ),
}
"""What the bundled commands import besides; those of others cannot rely on it."""
KINDS = ("backends", "commands")
BACKENDS, COMMANDS = (
    {point.value.partition(".")[0] for point in entry_points(group=f"textgen.{kind}")} for kind in KINDS
)


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


def test_modules_import_from_packages_to_their_right_only() -> None:
    found = {
        f"{module} imports {name}"
        for module in CORE
        for name in imports(MODULES[module])
        if package(name) not in (package(module), "") and RANK[package(name)] <= RANK[package(module)]
    }
    assert sorted(found) == []


def test_no_module_imports_in_a_circle() -> None:
    graph = {name: imports(path) - {name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_bundled_plugins_import_what_anyone_may() -> None:
    wrong = []
    for module in (name for name in MODULES if name.startswith("textgen_")):
        package = module.split(".", maxsplit=1)[0]
        names = OPEN_TO_PLUGINS + (OPEN_TO_BACKENDS if package in BACKENDS else ())
        names += (OPEN_TO_COMMANDS if package in COMMANDS else ()) + OPEN_TO_BUNDLED.get(package, ())
        allowed = tuple(f"textgen.{name}" for name in names)
        wrong += [
            f"{module} imports {name}"
            for name in sorted(imports(MODULES[module]))
            if not name.startswith((package, *(f"{each}." for each in allowed))) and name not in allowed
        ]
    assert wrong == []


def test_commands_import_the_library_and_the_catalog_alone() -> None:
    commands = [name for name in CORE if package(name) == "cli"]
    others = {name: {package(each) for each in imports(MODULES[name])} for name in commands}
    allowed = {"cli", "library", "catalog", ""}
    assert {name: found - allowed for name, found in others.items() if found - allowed} == {}
