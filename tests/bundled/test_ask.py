"""Advice before training: what it rests on, what it says, and training by it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import textgen
from helpers.commands import run_textgen
from helpers.pages import parse_command
from textgen.reports.markdown import to_markdown
from textgen.runtime.device import choose_device
from textgen.training.progress import ignore_report
from textgen_ask.answer import Answer, answer
from textgen_ask.facts import Facts, measure
from textgen_ask.predict import fit, read_table
from textgen_ask.report import ask_report


@pytest.fixture(scope="module")
def facts() -> Facts:
    """Those of 100,000 characters of news."""
    corpus = textgen.load_corpus("lee", max_chars=100_000)
    return measure(corpus, choose_device("cpu", "fp32"), ignore_report)


def test_facts_are_scores_of_the_validation_part(facts: Facts) -> None:
    whole = textgen.train("word-ngram", textgen.load_corpus("lee", max_chars=100_000))
    assert whole.result.validation is not None
    assert facts.full_bits == pytest.approx(whole.result.validation.bits_per_char, abs=1e-6)
    assert facts.word_bits == facts.full_bits < facts.half_bits
    assert max(facts.probe_bits.values()) < facts.full_bits
    assert facts.english > 0.9


def test_the_answer_names_entries_budgets_and_commands(facts: Facts) -> None:
    found = answer(facts, read_table(), [("corpus", "my news.txt")])
    assert found.entry == found.outlooks[0].entry == "word-lstm+ngram-glove"
    assert {each.level for each in found.outlooks} == {"words", "characters"}
    for outlook in found.outlooks:
        values = [each.value for each in outlook.scores]
        assert values == sorted(values, reverse=True)
        assert all(low < value < high for value, low, high in outlook.scores)
    assert found.twice_the_text > 0.02
    shown = to_markdown(ask_report(found))
    low, high = sorted(each.value for each in found.outlooks[0].scores)[::2]
    assert low <= found.expected.value <= high
    assert f"expect {found.expected.value:.2f} (" in shown
    assert [parse_command(each)[0] for each in found.commands if each in shown] == [
        "train",
        "sample",
        "bench",
    ]


def test_without_english_there_is_no_glove(facts: Facts) -> None:
    found = answer(replace(facts, english=0.2), read_table(), ())
    assert not any("glove" in each.entry or each.real_words for each in found.outlooks)


def test_the_level_that_starts_better_is_advised(facts: Facts) -> None:
    better = facts.probe_bits | {"characters": facts.probe_bits["words"] - 0.1}
    assert answer(replace(facts, probe_bits=better), read_table(), ()).entry == "char-hier+words-glove"


def test_an_unusual_text_gets_wide_intervals_and_a_reason(facts: Facts) -> None:
    def width(found: Answer) -> float:
        value, low, high = found.outlooks[0].scores[0]
        return (high - low) / value

    usual = answer(facts, read_table(), ())
    lowered = {level: bits / 3 for level, bits in facts.probe_bits.items()}
    table = answer(replace(facts, probe_bits=lowered), read_table(), ())
    short = answer(replace(facts, num_test_chars=500), read_table(), ())
    assert usual.unlike == ""
    assert "gain of a network" in table.unlike
    assert min(width(table), width(short)) > 1.5 * width(usual)


def test_a_fit_finds_what_scores_follow_from_and_its_intervals_hold() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 6))
    scores = np.exp(rows @ [0.3, -0.1, 0.2, 0.0, 0.05, -0.02] + random.normal(0, 0.02, 400))
    found = fit([(str(each // 2), rows[each], scores[each], 0.9) for each in range(100)])
    errors = [np.log(scores[each]) - found.expect(rows[each])[0] for each in range(100, 400)]
    assert found.sd == pytest.approx(0.02, rel=0.25)
    assert np.mean(np.abs(errors) < 1.645 * found.sd * 1.03) == pytest.approx(0.9, abs=0.05)


def test_training_without_an_entry_takes_the_advised_one(tmp_path: Path, news: str) -> None:
    (tmp_path / "novel.txt").write_text(news, "utf-8")
    done = run_textgen("train", "--corpus", "novel.txt", "--budget", "2kchars", cwd=tmp_path)
    assert "textgen ask says: Train word-lstm+ngram-glove for " in done.stderr
    assert "saved in runs/word-lstm+ngram-glove-novel-2kchars" in done.stderr
    assert "word-lstm+ngram-glove on novel.txt: " in done.stdout
    failed = run_textgen("train", "--budget", "+2m", cwd=tmp_path, code=2)
    assert "give the run" in failed.stderr


def test_the_command_prints_json(tmp_path: Path, news: str) -> None:
    (tmp_path / "novel.txt").write_text(news, "utf-8")
    given = ["--clean", "prose:quotes=false", "--max-chars", "50000"]
    found = json.loads(run_textgen("ask", "novel.txt", *given, "--json", cwd=tmp_path).stdout)
    text = " ".join(["--corpus novel.txt", *given])
    assert found["commands"][0].startswith(f"textgen train {found['entry']} {text} --budget")
    assert "no such file: no.txt" in run_textgen("ask", "no.txt", cwd=tmp_path, code=1).stderr
