"""Optional members of plugins are looked up at the boundary only, and mypy checks their use in the core."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from textgen import contracts as api

ROOT = Path(__file__).parent.parent.parent
CORE = sorted((ROOT / "textgen").rglob("*.py"))
EXTRAS = [extras for name, extras in vars(api).items() if name.endswith("Extras")]
BOUNDARY = {
    "textgen/data/cleaning.py",
    "textgen/data/readers.py",
    "textgen/data/sources.py",
    "textgen/data/bound_tokenizer.py",
    "textgen/evaluation/plugin_metrics.py",
    "textgen/generation/bound_sampler.py",
    "textgen/library/corpus.py",
    "textgen/nn/language_model.py",
    "textgen/registry/options.py",
}
"""The files that may look an optional member up; the conformance kit examines the components themselves."""


def members(extras: type) -> set[str]:
    """Return the names of the optional members that a class in `textgen.contracts` declares."""
    methods = {name for name, member in vars(extras).items() if inspect.isfunction(member)}
    return {name for name in methods | set(extras.__annotations__) if not name.startswith("_")}


OPTIONAL = set().union(*map(members, EXTRAS))


def looked_up(path: Path) -> set[str]:
    """Return the names that a file passes to `hasattr` or `getattr`, or to a helper of an adapter."""
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    arguments = [
        argument
        for call in calls
        if ast.unparse(call.func) in ("hasattr", "getattr", "self._method")
        for argument in call.args
    ]
    return {argument.value for argument in arguments if isinstance(argument, ast.Constant)} & OPTIONAL


def test_optional_members_are_declared() -> None:
    assert {"loss", "fit", "prepare_step", "lossless", "temperature", "joint", "items"} <= OPTIONAL


def test_optional_members_are_looked_up_at_the_boundary_only() -> None:
    found = {path.relative_to(ROOT).as_posix(): looked_up(path) for path in CORE}
    assert {path: names for path, names in found.items() if names and path not in BOUNDARY} == {}
    ignored = re.compile(r"type: ignore\[(?:operator|attr-defined|union-attr)")
    assert [path for path in CORE if ignored.search(path.read_text("utf-8"))] == []


def test_every_optional_member_is_looked_up_somewhere() -> None:
    assert set().union(*map(looked_up, CORE)) == OPTIONAL
