"""An entry with no token for a character that it never saw writes, but is not scored where there is one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import BUDGET, run_textgen

ENTRY = "original:hidden_size=8,num_layers=1,window=60,num_validations=2"
SENTENCE = "the quick brown fox jumps over the lazy dog\n\n"


@pytest.mark.usefixtures("no_references")
def test_without_a_token_for_a_character_there_are_samples_but_no_score(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(SENTENCE * 100 + "the déjà vu\n\n", "utf-8")
    corpus = ("--corpus", "text.txt", "--clean", "raw", *BUDGET)
    shown = ("--out", "out", "--prompt", "é", "--length", 20, "--json")
    done = run_textgen("bench", ENTRY, *corpus, *shown, cwd=tmp_path)
    (row,) = json.loads(done.stdout)["entries"]
    assert row["error"] is None
    assert row["problem"] == "the tokenizer loses text"
    assert row["test"] is row["validation"] is None
    assert row["vocab_size"] == len(set(SENTENCE))
    sample, _ = row["samples"]  # at equal freedom, and by the default sampler
    assert sample["prompt"] == "é"  # of which nothing is left
    assert 0 < len(sample["text"]) <= 20
    assert set(sample["text"]) <= set(SENTENCE)

    (run,) = (tmp_path / "out" / "runs").iterdir()
    (tmp_path / "known.txt").write_text(SENTENCE, "utf-8")
    (tmp_path / "unknown.txt").write_text(SENTENCE + "é\n", "utf-8")
    scored = json.loads(run_textgen("score", run, tmp_path / "known.txt", "--json").stdout)
    assert 0 < scored["bits_per_char"] < 6
    refused = run_textgen("score", run, tmp_path / "unknown.txt", code=1)
    assert refused.stderr == "error: tokenizer 'char' loses text, so there is no score; use a lossless one\n"
    assert refused.stdout == ""
    prompt = (SENTENCE * 2)[:60].replace("\n", " ")  # as long as the window
    done = run_textgen("sample", run, "--prompt", prompt, "--length", 30)
    assert done.stdout.startswith(prompt)
    assert len(done.stdout) == 60 + 30 + len("\n")
