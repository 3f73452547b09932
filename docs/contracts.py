"""Write contracts.md from `textgen/contracts.py`: `make docs`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).parent
CONTRACTS = FOLDER.parent / "textgen" / "contracts.py"
PAGE = FOLDER / "contracts.md"

NOTE = "<!-- Generated from textgen/contracts.py by docs/contracts.py (`make docs`): edit that, not this. -->"


def page(source: str) -> str:
    """Return the page in Markdown: the public names of a module with their signatures and docstrings."""
    module = ast.parse(source)
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    parts = ["# Contracts", NOTE, ast.get_docstring(module) or ""]
    for node, following in pairwise([*module.body, None]):
        if isinstance(node, ast.ClassDef):
            parts += [f"## {node.name}", derivation(node), ast.get_docstring(node) or ""]
            parts += [part for each in lineage(node, classes) for part in members(each, source)]
        elif isinstance(node, ast.FunctionDef):
            parts += [f"## {node.name}", code(node, source), ast.get_docstring(node) or ""]
        elif isinstance(node, ast.AnnAssign):
            parts += [f"## {ast.unparse(node.target)}", code(node, source), literal(following)]
    return "\n\n".join(filter(None, parts)) + "\n"


def derivation(node: ast.ClassDef) -> str:
    """Return a code block that says what a class is derived from, besides `Protocol`; or nothing."""
    bases = [name for name in map(ast.unparse, node.bases) if name != "Protocol"]
    return f"```python\nclass {node.name}({', '.join(bases)})\n```" if bases else ""


def lineage(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    """Yield the classes of the module that a class inherits from, and the class itself."""
    for base in map(ast.unparse, node.bases):
        if base in classes:
            yield from lineage(classes[base], classes)
    yield node


def members(component: ast.ClassDef, source: str) -> Iterator[str]:
    """Yield the signature and docstring of each attribute and method, in order."""
    for node, following in pairwise([*component.body, None]):
        if isinstance(node, ast.AnnAssign):
            yield from (code(node, source), literal(following))
        elif isinstance(node, ast.FunctionDef):
            yield from (code(node, source), ast.get_docstring(node) or "")


def literal(node: ast.stmt | None) -> str:
    """Return the text of a statement that is a string, such as an attribute's docstring, or nothing."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text)
    return ""


def code(node: ast.AnnAssign | ast.FunctionDef, source: str) -> str:
    """Return a code block with an attribute, or with a function without its body."""
    first, last = node.lineno, node.end_lineno
    if isinstance(node, ast.FunctionDef):
        first = min([first, *(decorator.lineno for decorator in node.decorator_list)])
        last = node.body[0].lineno - 1
    lines = "\n".join(source.splitlines()[first - 1 : last])
    return f"```python\n{textwrap.dedent(lines).removesuffix(':')}\n```"


if __name__ == "__main__":
    PAGE.write_text(page(CONTRACTS.read_text("utf-8")), "utf-8")
