"""Output on stdout is complete when piped, and a reader that stops reading is not an error."""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from helpers.commands import TEXTGEN, run_textgen
from textgen.cli.main import main
from textgen.data.corpus import load_corpus
from textgen.registry.registry import KINDS, plugins
from textgen.runtime.storage.json_records import to_values

pytestmark = pytest.mark.slow  # trains or runs commands at length


def table(text: str) -> list[dict[str, str]]:
    """Read tab-separated lines; every line must have as many cells as the header."""
    header, *lines = (line.split("\t") for line in text.splitlines())
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_corpus_lists_the_names() -> None:
    rows = table(run_textgen("corpus").stdout)
    listed = {row["corpus"] for row in rows}
    assert {"wiki", "wiki/Albedo", "lee", "tinyshakespeare", "gutenberg/austen-emma.txt"} <= listed
    assert all(row["description"] for row in rows if "/" not in row["corpus"])
    items = table(run_textgen("corpus", "gutenberg").stdout)
    assert {row["corpus"].partition("/")[0] for row in items} == {"gutenberg"}
    as_json = json.loads(run_textgen("corpus", "gutenberg/", "--json").stdout)["corpora"]
    assert [row["corpus"] for row in as_json][1:] == [row["corpus"] for row in items]
    assert len(items) > 10


def test_corpus_shows_the_statistics_of_a_text() -> None:
    shown, corpus = run_textgen("corpus", "lee").stdout, load_corpus(["lee"])
    assert shown.startswith(f"**lee: {len(corpus.text):,} characters, ")
    assert f"{len(set(corpus.split.train.text))} different characters" in shown
    assert f"test characters in {len(corpus.info.split.test.stretch_chars)} stretches\n" in shown
    assert "\t" not in shown
    values = json.loads(run_textgen("corpus", "lee", "--json").stdout)
    assert values["beginning"] == corpus.text[:200]
    assert {name: values[name] for name in vars(corpus.info)} == to_values(corpus.info)


def test_corpus_shows_what_a_cleaner_changes() -> None:
    lines = run_textgen("corpus", "lee", "--diff", "--clean", "letters").stdout.splitlines()
    assert lines[:2] == ["--- lee", "+++ lee after letters"]
    assert any(line.startswith("-Hundreds of people have been forced") for line in lines)
    assert any(line.startswith("+hundreds of people have been forced") for line in lines)
    assert run_textgen("corpus", "lee", "--diff", "--clean", "raw").stdout == ""


def test_plugins_are_listed_alike_as_table_and_as_json() -> None:
    rows = table(run_textgen("plugins").stdout)
    full = json.loads(run_textgen("plugins", "--json").stdout)["plugins"]
    assert [{**row, "problem": None} for row in rows] == full
    assert [(row["kind"], row["name"]) for row in rows] == [
        (kind, plugin.name) for kind in KINDS for plugin in plugins(kind)
    ]


@pytest.mark.parametrize("command", ["plugins", "sample RUN --length 400"])
def test_a_reader_that_stops_reading_is_no_error(command: str, trained: tuple[Path, str]) -> None:
    arguments = [str(trained[0]) if word == "RUN" else word for word in command.split()]
    reader, writer = os.pipe()
    os.close(reader)
    buffered = os.environ | {"PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        [*TEXTGEN, *arguments], stdout=writer, stderr=subprocess.PIPE, env=buffered, check=False
    )
    os.close(writer)
    assert done.stderr == b""


def test_windows_gets_a_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        context.setattr(os, "name", "nt")
        with pytest.raises(SystemExit, match="on Windows, run it in WSL"):
            main()


def test_without_a_command_there_is_help() -> None:
    done = run_textgen()
    for command in ("bench", "train", "sample", "score", "describe", "verify", "corpus", "plugins"):
        assert f" {command} " in done.stdout
    assert done.stderr == ""
    assert run_textgen("--version").stdout == f"textgen {version('textgen-bench')}\n"
    for words in ([], ["bench"], ["plugins", "show"]):
        shown = run_textgen(*words, "-h").stdout
        assert shown == run_textgen(*words, "--help").stdout
        assert "Usage: textgen" in shown
        assert not re.search(r"--(?:json|full|quiet|version) .*<bool>", shown)  # what a flag is, is plain
