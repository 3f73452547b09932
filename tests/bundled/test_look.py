"""Looking inside entries: contexts add up, and a page shows all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import textgen
from helpers.commands import run_textgen
from textgen.reports.markdown import to_markdown
from textgen.runtime.storage.json_records import from_values
from textgen_look import look
from textgen_look.contexts import LENGTHS, choose_words, measure_contexts
from textgen_look.looking import Look
from textgen_look.report import look_report
from textgen_look.words import HeldOutWords, bits_of_chars

SMALL = "num_layers=1,hidden_size=16"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, no_references: None) -> Path:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("runs")
    text = textgen.TextOptions("lee", max_chars=40_000)
    textgen.bench(
        [f"char-lstm:{SMALL},snapshots=true", f"word-gru:{SMALL}", "char-ngram"],
        text,
        budget="20kchars",
        out=folder / "bench",
        cluster=textgen.ClusterOptions(device="cpu"),
    )
    return folder / "bench"


def test_a_whole_context_gives_the_bits_of_the_score(bench: Path) -> None:
    stretches = [text[:400] for text in textgen.load_corpus("lee", max_chars=40_000).split.test.stretches()]
    for run in [textgen.load(path) for path in sorted((bench / "runs").iterdir())]:
        places = choose_words(stretches)[::4]
        assert {place.end <= 400 for place in places} == {True}
        found = measure_contexts(run.saved, stretches, places, CPU)
        bits = bits_of_chars(run.saved, stretches, CPU)
        sums = sum(bits[each.stretch][each.begin : each.end].sum() for each in places)
        whole = sums / sum(each.end - each.begin for each in places)
        assert found.bits_per_char[-1] == pytest.approx(whole, abs=1e-3)
        assert found.bits_per_char[0] > whole
        assert found.enough in LENGTHS


def test_words_that_fell_most_were_learnt() -> None:
    text = "red cat red dog red cat red dog red cat"
    words = HeldOutWords([text], "red " * 10 + "cat " * 5 + "dog")
    now = np.full(len(text), 1.0)
    before = now + 4 * np.array([letter in "cat" for letter in text])
    costs = words.costs([now])
    (learnt,) = words.at(costs, words.costs([before])).learnt
    assert (learnt.word, learnt.times, learnt.bits) == ("cat", 3, (16.0, 4.0))
    assert words.at(costs, costs).learnt == ()
    assert words.at(costs, None).by_class == pytest.approx((3.75, 4.0, 4.0), abs=0.3)


def test_a_page_shows_all_of_it(bench: Path, tmp_path: Path) -> None:
    page = tmp_path / "look.html"
    result = from_values(Look, json.loads(run_textgen("look", bench, "--out", page, "-q", "--json").stdout))
    html, text = page.read_text("utf-8"), to_markdown(look_report(result))
    for section in ("As they learnt", "What it remembers", "Which words are known"):
        assert section in html
        assert section in text
    assert html.count('type="radio"') == 7
    assert "words that improved most" in html
    assert len(html) < 3_000_000
    (with_snapshots,) = (entry for entry in result.entries if entry.learnt)
    bits = [each.words.by_class[0] for each in with_snapshots.learnt]
    assert bits[-1] < bits[0]


def test_runs_on_other_texts_are_refused(bench: Path, tmp_path: Path) -> None:
    text = textgen.TextOptions("lee", max_chars=30_000)
    other = textgen.train(f"char-lstm:{SMALL}", text, budget="2kchars", out=tmp_path / "other")
    (first, *_) = sorted((bench / "runs").iterdir())
    with pytest.raises(textgen.TextgenError, match="not trained on the same text"):
        look([first, other.folder])


def test_nothing_to_look_at_is_refused(tmp_path: Path) -> None:
    with pytest.raises(textgen.TextgenError, match="give at least one run"):
        look([])
    text = textgen.Corpus.from_texts(["... !!! ,,, ;;; ... \n\n" * 3000], clean="raw")
    run = textgen.train("char-ngram", text, out=tmp_path / "run", report=False)
    with pytest.raises(textgen.TextgenError, match="has no words to look at"):
        look([run.folder])
