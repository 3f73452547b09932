"""`textgen plugins new`: an installable project around a small component."""

from __future__ import annotations

import keyword
import re
from importlib.metadata import distributions
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Annotated

import typer
from packaging.utils import canonicalize_name

from textgen.contracts import TextgenError
from textgen.registry.registry import KINDS, names
from textgen.runtime.messages import reason_of, unknown, with_article
from textgen.runtime.output import note, say
from textgen.runtime.storage.files import new_folder
from textgen.version import DISTRIBUTION, __version__

TRY = {
    "tokenizer": "{name}-lstm char-lstm",
    "model": "char-{name} random",
    "refinement": "char-ngram+{name} char-ngram",
    "embedding": "word-lstm-{name} word-lstm",
    "sampler": "char-lstm --sampler {name}",
    "corpus": "char-lstm random --corpus {name}",
    "cleaner": "char-lstm random --clean {name}",
    "metric": "char-lstm word-lstm --metric {name}",
}
"""What a project can be of: arguments of `textgen bench` that try one."""
IN_ENTRIES = ("tokenizer", "model", "embedding")
"""Kinds whose names are joined by hyphens in an entry, and so contain none."""
KIND_OF = {"refinement": "model"}
"""What is not a kind of component itself: the kind that it belongs to."""
MAX_NAME_LENGTH = 30


def new(
    name: Annotated[str, typer.Argument(help="Name of the component, as users write it in an entry.")],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="Kind: model, refinement, tokenizer, sampler, embedding, corpus, cleaner or metric.",
            autocompletion=lambda incomplete: [kind for kind in TRY if kind.startswith(incomplete)],
        ),
    ],
) -> None:
    """Create a plugin project with a working example, its test and a README."""
    folder = new_project(name, kind, Path())
    say(folder)
    note(f"next: pip install -e {folder}, then textgen plugins check {name}")


def new_project(name: str, kind: str, parent: Path) -> Path:
    """Write the project `textgen-<name>` into the folder `parent` and return its folder.

    Raises `TextgenError`, and leaves nothing behind, if the kind is unknown, the name is invalid or taken, or
    the folder exists or cannot be written.
    """
    if kind not in TRY:
        raise TextgenError(unknown("kind", kind, TRY))
    contract = KIND_OF.get(kind, kind)
    distribution, module = f"textgen-{name}", f"textgen_{name.replace('-', '_')}"
    component = "".join(word.capitalize() for word in re.split("[-_]", name))
    example = (files("textgen_kit.examples") / f"{kind}.py").read_text("utf-8")
    _check_name(name, contract, distribution, module)
    fields = {
        "name": name,
        "kind": kind,
        "contract": contract,
        "group": KINDS[contract],
        "distribution": distribution,
        "module": module,
        "component": component,
        "requirement": requirement(__version__),
        "entries": TRY[kind].format(name=name),
    }
    texts = {f"{module}.py": re.sub(r"\bExample\b", component, example)}
    for file, template in (
        ("pyproject.toml", "pyproject.toml"),
        ("README.md", "README.md"),
        (f"test_{module.removeprefix('textgen_')}.py", "test.py"),
    ):
        text = (files("textgen_kit") / "templates" / f"{template}.template").read_text("utf-8")
        texts[file] = Template(text).substitute(fields)
    folder = parent / distribution
    try:
        if folder.exists() or folder.is_symlink():
            raise TextgenError(f"{str(folder)!r} already exists; choose another name or folder")
        with new_folder(folder) as made:
            for file, text in texts.items():
                (made / file).write_text(text, "utf-8")
    except OSError as error:
        raise TextgenError(f"cannot write {str(folder)!r}: {reason_of(error)}") from None
    return folder


def requirement(version: str) -> str:
    """Return the requirement for this version and compatible later ones: `textgen-bench>=0.1.2,<0.2`."""
    major, minor = map(int, re.findall(r"\d+", version)[:2])
    return f"{DISTRIBUTION}>={version},<{major + 1 if major else f'0.{minor + 1}'}"


def _check_name(name: str, kind: str, distribution: str, module: str) -> None:
    """Raise `TextgenError` if a name is invalid, or it or what is named after it exists already."""
    separators, marks = ("_", "underscores") if kind in IN_ENTRIES else ("_-", "underscores or hyphens")
    is_name = re.fullmatch(f"[a-z][a-z0-9]*(?:[{separators}][a-z0-9]+)*", name)
    if not is_name or {name, name.title()} & {*keyword.kwlist} or len(name) > MAX_NAME_LENGTH:
        raise TextgenError(
            f"invalid {kind} name {name!r}: use up to {MAX_NAME_LENGTH} lower-case letters and digits, "
            f"starting with a letter, words joined by single {marks}, and no Python keyword"
        )
    if name in names(kind):
        raise TextgenError(f"{with_article(kind)} {name!r} already exists; choose another name")
    installed = {canonicalize_name(each.name) for each in distributions() if each.name}
    if canonicalize_name(distribution) in installed:
        raise TextgenError(f"the distribution {distribution} is already installed; choose another name")
    if find_spec(module):
        raise TextgenError(f"the module {module} is already installed; choose a name other than {name!r}")
