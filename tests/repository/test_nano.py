"""docs/nano.py, the main path in one file: from the same weights, its scores are those of textgen."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import textgen
from helpers.pages import ROOT

PROGRAM = ROOT / "docs" / "nano.py"
NANO: dict[str, Any] = runpy.run_path(str(PROGRAM))
SMALL = "num_layers=2,hidden_size=16"


@pytest.mark.parametrize(
    ("entry", "tokenizer"),
    [
        (f"1*char-lstm:{SMALL}", "Characters"),
        (f"1*word-lstm:{SMALL},max_words=4000,speller=model,softmax=full", "Words"),
    ],
)
def test_from_the_same_weights_scores_are_those_of_textgen(entry: str, tokenizer: str, news: str) -> None:
    corpus = textgen.Corpus.from_texts([news.replace("weather", "wéäther", 1)], clean="raw")
    run = textgen.train(entry, corpus, budget="5kchars")
    tokens = NANO[tokenizer](str(corpus.split.train.text))
    assert tokens.tokens == list(run.saved.tokenizer.tokens)
    model = NANO["LSTM"](len(tokens.tokens), num_layers=2, hidden_size=16)
    weights = run.saved.model.module.state_dict()
    model.table.data, model.bias.data = weights["input.weight"], weights["output.bias"]
    model.layers.load_state_dict({name[7:]: each for name, each in weights.items() if name[:7] == "layers."})
    model.lower_share = float(weights["lower_share"])
    bits = NANO["bits_per_char"](model, tokens, corpus.split.test.stretches())
    assert bits == pytest.approx(run.test.bits_per_char, abs=1e-6)


def test_chance_is_that_of_textgen(news: str) -> None:
    corpus = textgen.Corpus.from_texts([news], clean="raw")
    bits = NANO["chance_bits"](str(corpus.split.train.text), corpus.split.test.stretches())
    assert bits == pytest.approx(textgen.train("random", corpus).test.bits_per_char, abs=1e-6)


def test_the_program_compares_chance_characters_and_words(tmp_path: Path, news: str) -> None:
    (tmp_path / "news.txt").write_text(news, "utf-8")
    command = [sys.executable, str(PROGRAM), str(tmp_path / "news.txt"), "5"]
    printed = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    scores = {line.split()[0]: float(line.split()[1]) for line in printed.splitlines()}
    assert list(scores) == ["chance", "characters", "words"]
    assert max(scores["characters"], scores["words"]) < scores["chance"]
