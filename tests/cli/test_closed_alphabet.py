"""An entry with no token for a character that it never saw writes, but is not scored where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import Textgen

pytestmark = pytest.mark.usefixtures("no_references")

ENTRY = "original:hidden_size=8,num_layers=1,window=60,num_validations=2"
SENTENCE = "the quick brown fox jumps over the lazy dog\n\n"


@pytest.fixture(scope="module")
def compared(
    textgen: Textgen, budget: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """A folder with the entry's run in it, and its row: the test text has a character of its own."""
    folder = tmp_path_factory.mktemp("closed")
    (folder / "text.txt").write_text(SENTENCE * 100 + "the déjà vu\n\n", "utf-8")
    corpus = ("--corpus", folder / "text.txt", "--clean", "raw")
    shown = ("--prompt", "é", "--length", 20, "--json")
    done = textgen("bench", ENTRY, *corpus, *budget, "--out", folder / "out", *shown)
    (run,) = (folder / "out" / "runs").iterdir()
    (row,) = json.loads(done.stdout)["entries"]
    return run, row


def test_without_a_token_for_a_character_there_are_samples_but_no_score(
    compared: tuple[Path, dict[str, Any]],
) -> None:
    _, row = compared
    assert row["error"] is None
    assert row["problem"] == "the tokenizer loses text"
    assert row["test"] is row["validation"] is None
    assert row["vocab_size"] == len(set(SENTENCE))
    sample, _ = row["samples"]  # at equal freedom, and by the default sampler
    assert sample["prompt"] == "é"  # of which nothing is left
    assert 0 < len(sample["text"]) <= 20
    assert set(sample["text"]) <= set(SENTENCE)


def test_a_text_is_scored_if_every_character_has_a_token(
    textgen: Textgen, compared: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "known.txt").write_text(SENTENCE, "utf-8")
    (tmp_path / "unknown.txt").write_text(SENTENCE + "é\n", "utf-8")
    scored = json.loads(textgen("score", compared[0], tmp_path / "known.txt", "--json").stdout)
    assert 0 < scored["bits_per_char"] < 6
    refused = textgen("score", compared[0], tmp_path / "unknown.txt", code=1)
    assert refused.stderr == "error: tokenizer 'char' loses text, so there is no score; use a lossless one\n"
    assert refused.stdout == ""


def test_a_prompt_as_long_as_the_window_is_continued(
    textgen: Textgen, compared: tuple[Path, dict[str, Any]]
) -> None:
    prompt = (SENTENCE * 2)[:60].replace("\n", " ")
    done = textgen("sample", compared[0], "--prompt", prompt, "--length", 30)
    assert done.stdout.startswith(prompt)
    assert len(done.stdout) == 60 + 30 + len("\n")
