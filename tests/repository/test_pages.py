"""Every page in Markdown: its commands parse, its links lead somewhere, its tables match the code."""

from __future__ import annotations

import importlib.util
import re
import runpy
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from helpers.pages import (
    PAGES,
    ROOT,
    anchors,
    find_command,
    inline_commands,
    parse_command,
    read_page,
    shell_lines,
    textgen_lines,
)
from textgen.data.split import parse_split
from textgen.experiment.entry_parser import parse_entry
from textgen.generation.bound_sampler import build_sampler
from textgen.registry.options import build, declared_options
from textgen.registry.registry import load, plugins
from textgen.training.budget import parse_budget, parse_budgets
from textgen.training.train_options import TrainOptions
from textgen.version import DISTRIBUTION
from textgen_suites.schema import load_suite

OF_PLUGIN_FILES = ("docs/write-a-plugin.md", "docs/other-kinds.md")
"""The pages whose commands need the plugin files on them; `test_docs.py` runs them."""

OTHERS = [page for page in PAGES if page not in OF_PLUGIN_FILES]

# --- commands


@pytest.mark.parametrize("page", OTHERS)
def test_the_commands_of_a_page_mean_something(page: str, tmp_path: Path) -> None:
    mistakes = {}
    for line in textgen_lines(read_page(page)):
        try:
            try_command(line, page, tmp_path)
        except Exception as error:  # whatever it is, the page is wrong
            mistakes[line] = repr(error)
    for line in inline_commands(read_page(page)):
        command, words = find_command(shlex.split(line)[1:])
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - known
        if unknown - {"--version"}:
            mistakes[line] = f"unknown: {unknown}"
    assert mistakes == {}


def try_command(line: str, page: str, tmp_path: Path) -> None:
    command, values = parse_command(line)
    for entry in entries(command, values):
        parse_entry(entry)
    if command == "suite":
        load_suite(own_suite(page, tmp_path) if values["name"].endswith(".toml") else values["name"])
    for read, key in ((parse_budgets, "budget"), (parse_budget, "timeout"), (parse_split, "split")):
        if values.get(key):
            read(values[key].removeprefix("+"))
    samplers = values.get("sampler") or []
    for sampler in [samplers] if isinstance(samplers, str) else samplers:
        build_sampler(sampler.replace("auto", "1.5"))
    if values.get("clean"):
        build("cleaner", values["clean"])


def entries(command: str, values: dict[str, Any]) -> list[str]:
    """Return the entries of a command line, which runs by their path are not."""
    found = values.get("entries") or [values.get("entry") or (command == "describe" and values["what"])]
    return [entry for entry in found if entry and "/" not in entry]


def own_suite(page: str, folder: Path) -> str:
    (suite,) = re.findall(r"^```toml\n(.*?)^```", read_page(page), re.S | re.M)
    path = folder / "mine.toml"
    path.write_text(suite, "utf-8")
    return str(path)


CANNOT_RUN = {"apt-get", "curl", "docker", "pip", "pipx", "ray", "tensorboard", "twine", "uvx"}
"""Programs that no test of a page can run: they need a network, other machines, or somebody to look."""


@pytest.mark.parametrize("page", PAGES)
def test_other_commands_of_a_page_exist_or_cannot_be_run(page: str) -> None:
    targets = re.findall(r"^([a-z-]+):", read_page("Makefile"), re.M)
    for line in shell_lines(read_page(page)):
        words = [word for word in shlex.split(line, comments=True) if not re.match("[A-Z_]+=", word)]
        program = Path(words[0]).name
        if program == "make":
            assert set(words[1:]) <= set(targets), line
        elif "-m" in words and program in ("python", "python3", "torchrun"):
            module, *rest = words[words.index("-m") + 1 :]
            assert importlib.util.find_spec(module), line
            if module == "textgen":
                parse_command(shlex.join([module, *rest]))
        else:
            assert program in {"export", "pytest", "textgen"} | CANNOT_RUN, line


def test_the_table_of_commands_is_that_of_the_command_line() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "commands.py"))
    page = read_page("docs/command-line.md")
    assert made["written"](page) == page, "run make docs"


# --- components

KINDS = {
    "docs/entries.md": ("tokenizer", "model", "embedding"),
    "docs/samplers.md": ("sampler",),
    "docs/texts.md": ("corpus", "cleaner"),
}


@pytest.mark.parametrize("page", KINDS)
def test_a_page_has_every_bundled_component_with_its_options(page: str) -> None:
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \| .* \| (.*)\|$", read_page(page), re.M))
    bundled = [
        plugin for kind in KINDS[page] for plugin in plugins(kind) if plugin.distribution == DISTRIBUTION
    ]
    assert set(rows) - set(declared_options(TrainOptions)) == {plugin.name for plugin in bundled}
    for plugin in bundled:
        listed = dict(re.findall(r"`(\w+)=([^`]*)`", rows[plugin.name]))
        check_defaults(load(plugin.kind, plugin.name), listed)


def test_the_options_of_training_are_those_of_the_page() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\w.]+) \|", read_page("docs/entries.md"), re.M)
    check_defaults(TrainOptions, dict(rows))


def check_defaults(component: Any, listed: dict[str, str]) -> None:
    """Assert that `listed` has every option of a component, with its default."""
    declared = declared_options(component)
    assert set(listed) == set(declared), component
    for name, text in listed.items():
        assert declared[name].parse("the page", text) == declared[name].default, (component, name)


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", read_page(page), flags=re.S | re.M)
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, heading = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_the_extras_of_a_page_exist(page: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    asked = re.findall(r"(?:\.|textgen-bench)\[([a-z0-9,]+)\]", read_page(page))
    assert {extra for extras_asked in asked for extra in extras_asked.split(",")} <= set(extras)
