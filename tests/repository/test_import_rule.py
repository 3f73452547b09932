"""Data flows one way: packages import to their right only, and no module imports in a circle."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (ROOT, ROOT / "plugins", ROOT / "embeddings")
LAYERS = (
    ("cli",),
    ("library",),
    ("comparison",),
    ("reports",),
    ("results",),
    ("jobs",),
    ("experiment",),
    ("training", "evaluation", "generation"),
    ("data", "nn"),
    ("page",),
    ("workers",),
    ("registry",),
    ("runtime",),
    ("requests",),
    ("contracts", "defaults", "version"),
)
"""The packages of textgen in the order of the rule; those of one line never import each other."""
OPEN_TO_CLI = (
    "library",
    "reports",
    "results",
    "experiment.entry_result",
    "registry",
    "requests",
    "runtime.messages",
    "runtime.output",
    "runtime.storage.cache",
    "runtime.storage.files",
    "runtime.storage.json_records",
    "runtime.storage.result_folders",
    "runtime.private_process",
    "runtime.process_setup",
    "contracts",
    "defaults",
    "version",
)
"""What the command line imports: the library, the catalog, what prints, and what finds commands of plugins;
for type checkers any class, from the module that defines it."""
OURS = ("textgen", *(path.name for folder in FOLDERS[1:] for path in folder.glob("textgen_*")))
SURFACES = ("textgen", "textgen_kit", "textgen_look", "textgen_suites", "textgen_tuning", "textgen_verify")
"""Packages whose names are public, and so imported from them."""
OPEN_TO_PLUGINS = (
    "contracts",
    "nn",
    "data",
    "generation",
    "runtime.memory",
    "runtime.messages",
    "runtime.storage.files",
)
"""What a bundled plugin may import, and so what others can rely on too."""
OPEN_TO_BACKENDS = ("jobs.backends", "workers", "runtime.environment", "runtime.storage.files")
"""What a backend may import besides."""
OPEN_TO_COMMANDS = (
    "library",
    "requests",
    "defaults",
    "cli.options",
    "cli.completion",
    "cli.console",
    "cli.show",
    "cli.work",
    "runtime.output",
)
"""What a command may import besides: the library, options that commands share, how results are printed."""
OPEN_TO_PLANS = (
    "comparison",
    "evaluation",
    "experiment",
    "jobs",
    "page.charts",
    "registry",
    "reports",
    "results",
    "runtime",
    "training",
    "version",
)
"""What a command that trains or verifies several entries imports besides: what a comparison does."""
OPEN_TO_BUNDLED = {
    # The page shows what the report measures, beside it, and keeps its models in a process.
    "textgen_play": (
        "results",
        "evaluation",
        "experiment.entry_result",
        "page.render",
        "registry.registry",
        "registry.single_file",
        "runtime.storage.json_records",
        "runtime.storage.result_folders",
        "workers",
    ),
    # The kit checks that components fulfil what each of these relies on.
    "textgen_kit": (
        "cli.command_plugins",
        "evaluation",
        "experiment.encoding",
        "experiment.entry",
        "experiment.entry_parser",
        "registry",
        "results.folders",
        "results.kinds",
        "runtime.device",
        "runtime.storage.files",
        "training",
        "version",
    ),
    "textgen_suites": OPEN_TO_PLANS,
    "textgen_tuning": OPEN_TO_PLANS,
    "textgen_verify": OPEN_TO_PLANS,
    # It reads runs as scoring does, and has a report as benches have.
    "textgen_look": (
        "evaluation",
        "experiment",
        "page.charts",
        "reports",
        "results.names",
        "runtime.device",
        "runtime.storage.files",
        "training",
    ),
}
"""What the bundled commands import besides; those of others cannot rely on it."""
BESIDE = {
    "textgen_kit": ("textgen_suites.schema",),
    "textgen_suites": ("textgen_verify",),
    "textgen_tuning": ("textgen_verify",),
}
"""What a bundled plugin imports of others: the kit reads suites, kinds of results yield checks."""
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


@cache
def imports(path: Path, *, for_types: bool = True) -> set[str]:
    """Return the modules of ours that a file imports, inside functions and for type checkers too."""
    found: set[str] = set()
    tree = ast.parse(path.read_text("utf-8"))
    if not for_types:
        tree.body = [node for node in tree.body if not is_for_types(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write the whole name of the module"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return found & MODULES.keys()


def is_for_types(node: ast.stmt) -> bool:
    """Return whether a statement is `if TYPE_CHECKING:` with what follows."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _is_of(module: str, names: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"textgen.{name}.") for name in names)


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
    graph, circle = {name: imports(path) - {name} for name, path in MODULES.items()}, []
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


def test_bundled_plugins_import_what_anyone_may() -> None:
    wrong = []
    for module in (name for name in MODULES if name.startswith("textgen_")):
        package = module.split(".", maxsplit=1)[0]
        names = OPEN_TO_PLUGINS + (OPEN_TO_BACKENDS if package in BACKENDS else ())
        names += (OPEN_TO_COMMANDS if package in COMMANDS else ()) + OPEN_TO_BUNDLED.get(package, ())
        allowed = (*(f"textgen.{name}" for name in names), *BESIDE.get(package, ()))
        wrong += [
            f"{module} imports {name}"
            for name in sorted(imports(MODULES[module]))
            if not name.startswith((package, *(f"{each}." for each in allowed))) and name not in allowed
        ]
    assert wrong == []


def test_the_command_line_imports_what_it_may() -> None:
    wrong = {
        f"{module} imports {name}"
        for module in CORE
        if package(module) == "cli"
        for name in imports(MODULES[module], for_types=False)
        if package(name) not in ("cli", "") and not _is_of(name, OPEN_TO_CLI)
    }
    assert sorted(wrong) == []


def test_names_are_imported_from_the_module_that_defines_them() -> None:
    wrong = []
    for module, path in MODULES.items():
        for source, names in imports_of(path):
            if source in MODULES and source not in SURFACES:
                passed_on = {name for name, _ in names} & imported_names(MODULES[source])
                wrong += [f"{module} imports {name} from {source}" for name in sorted(passed_on)]
    assert wrong == []


@cache
def imported_names(path: Path) -> set[str]:
    """Return the names that a module imports from others of ours, but for modules beside it."""
    beside = {name.rpartition(".")[2] for name in MODULES if MODULES[name].parent == path.parent}
    ours = [names for source, names in imports_of(path) if source.partition(".")[0] in OURS]
    return {local for names in ours for _, local in names} - beside


@cache
def imports_of(path: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each `from … import` of a file: the module, and the names there and here."""
    return [
        (str(node.module), [(alias.name, alias.asname or alias.name) for alias in node.names])
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
    ]
