"""What gets imported when, who knows whom, and that every declared component is installed."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from textgen.registry.registry import KINDS

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PACKAGES = [ROOT / "textgen", *(ROOT / "plugins").glob("textgen_*"), *(ROOT / "embeddings").glob("textgen_*")]
MODULES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))

HEAVY = {"ftfy", "gensim", "nltk", "numpy", "pyarrow", "scipy", "torch"}
COMMANDS = {
    name
    for target in PROJECT["entry-points"]["textgen.commands"].values()
    for module in [target.partition(":")[0]]
    for package in [module.partition(".")[0]]
    for name in (module, package, f"{package}.request")
}
"""The modules that `textgen --help` imports, to list their commands and options."""
LIST_MODULES = """
import sys
from textgen.cli.app import main
try:
    main()
finally:
    print("\\n".join(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["--help", "bench --help", "plugins", "plugins --json"])
def test_help_and_listings_import_nothing_heavy(command: str) -> None:
    process = [sys.executable, "-c", LIST_MODULES, *command.split()]
    done = subprocess.run(process, capture_output=True, encoding="utf-8", check=True)
    imported = set(done.stderr.split())
    assert "textgen.cli.app" in imported
    assert not imported & HEAVY
    assert {name for name in imported if name.startswith("textgen_")} <= COMMANDS
    if command != "--help":
        assert not imported & COMMANDS


def test_importing_textgen_imports_nothing_heavy() -> None:
    code = "import sys, textgen; textgen.TextgenError, textgen.__version__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert not set(done.stdout.split()) & {*HEAVY, "pydantic", "rich", "typer"}


def test_the_core_names_no_plugin() -> None:
    files = (ROOT / "textgen").rglob("*.py")
    named = {str(path): re.findall(r"\btextgen_\w+", path.read_text("utf-8")) for path in files}
    assert {path: names for path, names in named.items() if names} == {}


def test_gensim_is_needed_by_no_module_that_is_imported_to_list_or_load_a_component() -> None:
    importing = re.compile(r"^(?:import|from) gensim", re.M)
    assert [str(path) for path in MODULES if importing.search(path.read_text("utf-8"))] == []
    core = (ROOT / "textgen").rglob("*.py")
    assert [str(path) for path in core if re.search(r"(?:import|from) gensim", path.read_text("utf-8"))] == []


def test_entries_train_where_gensim_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "gensim.py").write_text("raise ImportError('No module named gensim')")
    (tmp_path / "text.txt").write_text("".join(f"the cat {n} saw the dog {n % 7}\n" for n in range(300)))
    options = ["--corpus", "text.txt", "--budget", "2000chars", "--device", "cpu", "--json", "--quiet"]
    options += ["--length", "20", "--sampler", "greedy"]
    small = ":num_layers=1,hidden_size=16"
    entries = [f"char-lstm{small}", f"word-lstm-word2vec{small}"]
    process = [sys.executable, "-m", "textgen", "bench", *entries, *options, "--out", "out"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(process, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    chars, words = result["entries"]
    assert chars["error"] is None
    assert 'gensim is not installed; run: pip install "textgen-bench[vectors]"' in words["error"]
    assert {"torch", "numpy", "nltk"} <= result["versions"].keys()


def test_what_is_declared_is_what_is_installed() -> None:
    for group, declared in PROJECT["entry-points"].items():
        own = [
            point for point in entry_points(group=group) if point.dist and point.dist.name == "textgen-bench"
        ]
        installed = {point.name: point.value for point in own}
        assert installed == declared, "the project has changed: run pip install -e . again"
    assert set(PROJECT["entry-points"]) <= set(KINDS.values())


@pytest.mark.parametrize("kind", ["tokenizer", "model", "embedding"])
def test_parts_of_entries_have_names_without_hyphens(kind: str) -> None:
    assert [name for name in PROJECT["entry-points"][KINDS[kind]] if "-" in name] == []


def test_public_things_have_docstrings() -> None:
    lacking = []
    for path in MODULES:
        tree = ast.parse(path.read_text("utf-8"))
        public = [
            node
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        ]
        lacking += [
            f"{path}: {getattr(node, 'name', '')}" for node in (tree, *public) if not ast.get_docstring(node)
        ]
    assert lacking == []
