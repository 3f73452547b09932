"""Plugins that a notebook or script defines: a file with the class and what it uses, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import textgen
from helpers.commands import forget_plugin_files
from textgen.library.components import add_plugins, source_of

CELLS = (
    "import textgen\nimport re as regex",
    "%timeit x",
    "await nothing",
    "loud = True\ntext = open('nowhere').read()",
    "class Base:\n    mark = loud",
    """
def helper(value):
    text = value.upper() if loud else value
    return regex.sub("A", "B", text)

class Shout(Base):
    def clean(self, text: str) -> str:
        return helper(text)
""",
    "loud = False",
    "comparison = textgen.bench('random', plugins=[Shout])",
)
"""The cells of a notebook; one was executed again after those that use it."""


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of a notebook in which all but the cells that fail or compare were executed."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", module)
    vars(module)["In"] = list(CELLS)
    for cell in (CELLS[0], CELLS[6], *CELLS[4:6]):
        exec(cell, vars(module))
    yield vars(module)
    forget_plugin_files()


def test_annotations_count_and_the_future_comes_first() -> None:
    cells = ["Size = int", "from __future__ import annotations", "class A:\n    size: Size = 3"]
    assert source_of("A", cells).split("\n\n")[:2] == ["from __future__ import annotations", "Size = int"]


def test_a_class_of_a_notebook_becomes_a_plugin(notebook: dict[str, Any], news: str) -> None:
    add_plugins(notebook["Shout"])
    (file,) = Path("runs/plugins").iterdir()
    assert file.name.startswith("shout-")
    assert textgen.Corpus.from_texts([news[:9000] + "A."], clean="shout").text.endswith("B.")


def test_a_class_without_source_is_refused(notebook: dict[str, Any]) -> None:
    exec("class Elsewhere:\n    def clean(self, text): return text", notebook)
    with pytest.raises(textgen.TextgenError, match=r"^the source of Elsewhere cannot be found; define it at"):
        add_plugins([notebook["Elsewhere"]])
    with pytest.raises(textgen.TextgenError, match=r"is not a plugin; give a class, or the path of a file$"):
        add_plugins([notebook["Shout"]()])
