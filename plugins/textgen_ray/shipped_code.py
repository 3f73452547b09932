"""The code of textgen and of all installed plugins, for machines that lack it or have another version.

It is laid out as an unpacked wheel: packages, and beside them the entry points by which plugins are found.
That works for editable installations too, which exist on one machine only.
"""

from __future__ import annotations

import shutil
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path

from textgen.version import DISTRIBUTION

GROUPS = "textgen."
"""How the groups of entry points begin."""
INFORMATION = ("METADATA", "entry_points.txt")


def copy_code(folder: Path) -> None:
    """Copy the packages of all distributions with plugins, and what says which plugins these are."""
    for name, distribution in _with_plugins().items():
        information = folder / f"{name.replace('-', '_')}-{distribution.version}.dist-info"
        information.mkdir(parents=True)
        for each in INFORMATION:
            (information / each).write_text(distribution.read_text(each) or "", "utf-8")
        for package in _packages(distribution):
            _copy_package(package, folder)


def _with_plugins() -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    for distribution in distributions():
        if any(point.group.startswith(GROUPS) for point in distribution.entry_points):
            found.setdefault(distribution.name, distribution)
    return found


def _packages(distribution: Distribution) -> set[str]:
    points = [point for point in distribution.entry_points if point.group.startswith(GROUPS)]
    own = {"textgen"} if distribution.name == DISTRIBUTION else set()
    return own | {point.module.partition(".")[0] for point in points}


def _copy_package(name: str, folder: Path) -> None:
    """Copy a package or module; one that is not there is not needed either."""
    spec = find_spec(name)
    if spec is None:
        return
    for place in spec.submodule_search_locations or ():
        shutil.copytree(
            place, folder / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
    if not spec.submodule_search_locations and spec.origin:
        shutil.copy(spec.origin, folder)
