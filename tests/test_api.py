"""The public Python API: what `import textgen` offers, and that it does what the commands do."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main

import textgen
import textgen_suites
import textgen_tune
import textgen_verify
from helpers.commands import TINY, forget_plugin_files
from helpers.pages import read_page
from textgen import ClusterOptions, SampleOptions, TextOptions
from textgen.cli.app import app

CPU = textgen.ClusterOptions(device="cpu", precision="fp32")
QUICK: dict[str, Any] = {"budget": "2000chars", "cluster": CPU}


@pytest.fixture(scope="module")
def text(news: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "news.txt"
    path.write_text(news[:20_000], "utf-8")
    return path


@pytest.fixture(scope="module")
def run(text: Path, tmp_path_factory: pytest.TempPathFactory) -> textgen.Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return textgen.train(TINY, corpus=str(text), out=str(out), **QUICK)


def test_every_name_is_there_and_no_other() -> None:
    assert set(textgen.__all__) <= set(dir(textgen)) & set(re.findall(r"\w+", read_page("docs/api.md")))
    assert all(getattr(textgen, name) is not None for name in textgen.__all__)
    with pytest.raises(AttributeError, match="module 'textgen' has no attribute 'benhc'"):
        textgen.benhc  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize(
    ("command", "function", "groups"),
    [
        ("bench", textgen.bench, (TextOptions, SampleOptions, ClusterOptions)),
        ("tune", textgen_tune.tune, (TextOptions, textgen_tune.SearchOptions, ClusterOptions)),
        ("suite", textgen_suites.suite, (TextOptions, ClusterOptions)),
        ("train", textgen.train, (TextOptions, ClusterOptions)),
        ("describe", textgen.describe, (TextOptions,)),
        ("verify", textgen_verify.verify, ()),
        ("corpus", textgen.load_corpus, ()),
        ("sample", textgen.Run.sample, ()),
        ("score", textgen.Run.score, ()),
    ],
)
def test_keywords_have_the_defaults_of_the_options_of_the_command(
    command: str, function: Callable[..., Any], groups: tuple[Any, ...]
) -> None:
    options = {
        parameter.name: parameter.default
        for parameter in typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
        if any(option.startswith("--") for option in parameter.opts)
    }
    flat = inspect.signature(function).parameters.items()
    keywords = {name: each.default for name, each in flat if each.default is not inspect.Parameter.empty}
    keywords |= {field.name: field.default for group in groups for field in fields(group)}
    shared = options.keys() & keywords.keys()
    assert shared
    for name in shared:
        default = options[name]
        several = tuple(default) if isinstance(default, list) else default
        plain = several[0] if isinstance(several, tuple) and len(several) == 1 else several
        assert (keywords[name] or None) == (plain or None), name


def test_a_run_is_trained_saved_and_loaded_again(run: textgen.Run) -> None:
    assert run.entry == TINY
    assert run.result.test is not None
    assert 0 < run.result.test.bits_per_char < 8
    assert run.settings.budget == "2000chars"
    again = textgen.load(str(run.folder), device="cpu", precision="fp32")
    assert again.result == run.result
    assert again.sample("The weather") == run.sample("The weather")
    assert repr(run) == f"Run({TINY!r}, folder={str(run.folder)!r})"


def test_a_string_is_scored_itself_and_a_path_is_read(run: textgen.Run, text: Path) -> None:
    scored = run.score(text)
    assert run.score(text.read_text("utf-8")) == scored
    assert 0 < scored.bits_per_char < 8
    with pytest.raises(
        textgen.TextgenError, match=r"^encoding has no effect on a string or a corpus; leave it out$"
    ):
        run.score("A text.", encoding="latin-1")
    assert run.score("Hundreds of people. " * 9, clean="letters") == run.score(
        "hundreds of people " * 9, clean="letters"
    )


def test_plugins_are_listed_and_a_file_adds_to_them(tmp_path: Path) -> None:
    assert {("model", "lstm"), ("suite", "original")} <= {
        (each.kind, each.name) for each in textgen.plugins()
    }
    assert {plugin.kind for plugin in textgen.plugins("cleaner")} == {"cleaner"}
    (tmp_path / "mine.py").write_text("class Shout:\n    def clean(self, text): return text.upper()\n")
    (added,) = textgen.load_plugin_file(str(tmp_path / "mine.py"))
    assert added in textgen.plugins("cleaner")
    forget_plugin_files()
