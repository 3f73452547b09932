"""Write the pages of the documentation site into build/pages, from which `make site` builds it.

They are the Markdown pages of the repository, with links that lead to each other, and three that are made
here: the contracts, the Python reference, and the tutorial. All options are on the page of the command line.
Results of `make bench` are its arguments (runs/…/bench.json); the site shows the last one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import typer.main

from textgen.cli.app import app

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "build" / "pages"
LINK = re.compile(
    r"(?P<code>^```.*?^```|`[^`]+`)"
    r"|(?P<mark>!?)\[(?P<label>(?:!\[[^\]]*\]\([^)]*\)|[^\[\]])*)\]"
    r"\((?!https?:|#)(?P<path>[^)#\s]+)(?P<heading>#[^)]*)?\)",
    re.S | re.M,
)
"""A link to a file or a picture, whose text may be a picture; or code, which may look like one."""
COMMENT = re.compile(r"^<!--.*?-->\n", re.S | re.M)
"""Marks of tables that programs write; a table right after one would not be seen as such."""

CONTRACTS = "# Contracts\n\n::: textgen.contracts\n    options:\n      show_root_heading: false\n"
"""The page of the contracts, which mkdocstrings fills from their docstrings."""

EXAMPLE = """\
Without installing anything, you can open [the report of `make bench`](example-report.html), from a recorded
run, with its character model to write with, and [a look inside](example-look.html) its two best models.

"""
"""Links to the pages of a result, before the first section of each page in `WITH_EXAMPLE`."""
WITH_EXAMPLE = ("index.md", "quickstart.md", "report.md")


def site_paths() -> dict[str, str]:
    """Return where each published file of the repository is on the site."""
    paths = {
        "README.md": "index.md",
        "CONTRIBUTING.md": "contributing.md",
        "AGENTS.md": "agents.md",
        "CHANGELOG.md": "changelog.md",
        "LICENSE": "LICENSE.txt",
        "benchmarks/RESULTS.md": "results.md",
        "benchmarks/README.md": "measuring.md",
        "benchmarks/LOG.md": "log.md",
        "benchmarks/results": "results.md",
        "docs/tutorial.ipynb": "tutorial.md",
        "textgen/contracts.py": "contracts.md",
    }
    for pattern in ("*.md", "*.json", "*.css", "pictures/*"):
        paths |= {f"docs/{path}": path for path in _files("docs", pattern)}
    return paths | {
        f"benchmarks/results/{path}": f"data/{path}" for path in _files("benchmarks/results", "*")
    }


def _files(folder: str, pattern: str) -> Iterator[str]:
    for path in sorted((ROOT / folder).glob(pattern)):
        yield path.relative_to(ROOT / folder).as_posix()


def with_links(text: str, source: str, paths: dict[str, str]) -> str:
    """Return the Markdown of a file of the repository with the links of the site.

    A link to what is not published, such as source code, becomes its text. Code is left unchanged.
    """

    def link(found: re.Match[str]) -> str:
        part = found.groupdict(default="")
        if part["code"]:
            return part["code"]
        label = LINK.sub(link, part["label"])
        target = os.path.normpath(PurePosixPath(source).parent / part["path"])
        if target not in paths:
            return label
        path = PurePosixPath(os.path.relpath(paths[target], PurePosixPath(paths[source]).parent))
        return f"{part['mark']}[{label}]({path}{part['heading']})"

    return LINK.sub(link, COMMENT.sub("\n", text))


def commands() -> str:
    """Return all commands with their arguments and options."""
    group: Any = typer.main.get_command(app)
    return "\n".join(_described(group, "textgen"))


def _described(command: Any, name: str) -> Iterator[str]:
    if (subcommands := getattr(command, "commands", None)) is not None:
        for word, each in subcommands.items():
            yield from _described(each, f"{name} {word}")
        if not command.invoke_without_command:
            return
    context = typer.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\n## {name}\n\n{command.help}\n\n```text\n{name} {usage}\n```\n"
    yield "| argument or option | meaning |\n| :-- | :-- |"
    for parameter in command.params:
        if record := parameter.get_help_record(context):
            option, about = (" ".join(each.split()).replace("|", "\\|") for each in record)
            about = about.replace("[", "\\[").replace("<", "&lt;")
            yield f"| `{option}` | {about} |"


def reference() -> str:
    """Return the page of the names that `import textgen` and bundled plugins offer, from their docstrings.

    Those of the contracts are on the page of their own.
    """
    import textgen
    import textgen_ask
    import textgen_look
    import textgen_suites
    import textgen_tune
    import textgen_verify

    packages = (textgen, textgen_ask, textgen_look, textgen_suites, textgen_tune, textgen_verify)
    offered = [(name, package) for package in packages for name in package.__all__ if name != "__version__"]
    defined = [
        (name, getattr(package, name).__module__)
        for name, package in sorted(offered, key=lambda pair: pair[0].lower())
    ]
    parts = [f"::: {module}.{name}" for name, module in defined if module != "textgen.contracts"]
    return "\n\n".join(["# Python reference", "[Python API](api.md) shows them at work.", *parts]) + "\n"


def tutorial(notebook: dict[str, Any]) -> str:
    """Return a notebook as Markdown."""
    note = "This page is [a notebook](tutorial.ipynb), to be opened in Jupyter or uploaded to Colab."
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    return "\n\n".join([parts[0], note, *parts[1:]]) + "\n"


def write_example(bench: Path, folder: Path) -> None:
    """Write the report of a bench and a look at its two best runs."""
    import textgen
    import textgen_look
    from textgen.reports.html import to_html
    from textgen.results.names import find_runs
    from textgen_look.report import look_report

    shutil.copy(textgen.report(bench, with_models=True), folder / "example-report.html")
    look = textgen_look.look(find_runs(str(bench), 2))
    (folder / "example-look.html").write_text(to_html(look_report(look)), "utf-8")


def write(folder: Path, bench: Path) -> None:
    """Write all pages, with those of a bench, and copy what they show and link to."""
    shutil.rmtree(folder, ignore_errors=True)
    paths = site_paths()
    for source, path in paths.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.endswith(".md"):
            text = with_links((ROOT / source).read_text("utf-8"), source, paths)
            if path in WITH_EXAMPLE:
                text = text.replace("\n## ", f"\n{EXAMPLE}## ", 1)
            target.write_text(text, "utf-8")
        elif (ROOT / source).is_file():
            shutil.copy(ROOT / source, target)
    shutil.copy(ROOT / "docs" / "tutorial.ipynb", folder)
    page = tutorial(json.loads((ROOT / "docs" / "tutorial.ipynb").read_text("utf-8")))
    (folder / "tutorial.md").write_text(page, "utf-8")
    with (folder / "command-line.md").open("a", encoding="utf-8") as command_line:
        command_line.write(commands())
    (folder / "contracts.md").write_text(CONTRACTS, "utf-8")
    (folder / "reference.md").write_text(reference(), "utf-8")
    write_example(bench, folder)


if __name__ == "__main__":
    write(FOLDER, Path(sys.argv[-1]).parent)
