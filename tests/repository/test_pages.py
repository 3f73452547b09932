"""Every page in Markdown: its commands and links lead somewhere, its tables match the code."""

from __future__ import annotations

import re
import runpy
import shlex
import tomllib
from typing import Any

import pytest

from helpers.pages import PAGES, ROOT, anchors, find_command, inline_commands, read_page, textgen_lines
from textgen.registry.options import declared_options
from textgen.registry.registry import load, plugins
from textgen.training.train_options import TrainOptions
from textgen.version import DISTRIBUTION

# --- commands


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_have_its_options(page: str) -> None:
    """Quickly, and those in its prose; `test_walks.py` runs its blocks."""
    text = read_page(page)
    for line in [*textgen_lines(text), *inline_commands(text)]:
        command, words = find_command(shlex.split(line, comments=True)[1:])
        known = {option for parameter in command.params for option in parameter.opts}
        unknown = {word.partition("=")[0] for word in words if word.startswith("-")} - known
        assert not unknown - {"--help", "--version"} or words[0] == "stats", line  # of a file on the page


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
