"""Looking inside entries: planted units are found, contexts add up, and a page shows all."""

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
from textgen_look.cells import MIN_SHARE, find_cells
from textgen_look.contexts import LENGTHS, choose_words, measure_contexts
from textgen_look.features import features
from textgen_look.looking import Look
from textgen_look.report import look_report
from textgen_look.words import HeldOutWords, bits_of_chars

SMALL = "num_layers=1,hidden_size=16"
CPU = torch.device("cpu")
PLANTED = '''
import torch
from torch import nn

class Planted(nn.Module):
    """Its units hold what is known of the text: inside quotes, depth of brackets, and noise."""

    def __init__(self, vocab_size, *, tokens):
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)
        self.tokens = list(tokens)
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 3)
    def forward(self, ids, state):
        return self.table(ids), state
    def activations(self, ids, state):
        made = torch.Generator().manual_seed(1)
        quoted, depth, noise = state.unbind(1)
        held, noise = [], torch.zeros(len(ids), 12)
        for token in ids.t():
            written = [self.tokens[each] for each in token.tolist()]
            quoted = torch.tensor([q if w != '"' else 1 - q for q, w in zip(quoted.tolist(), written)])
            depth = (depth + torch.tensor([(w == "(") - (w == ")") for w in written])).clamp(min=0)
            noise = 0.9 * noise + torch.randn(len(ids), 12, generator=made)
            held.append(torch.cat([quoted[:, None], -depth[:, None], noise], 1))
        return torch.stack(held, 1), torch.stack([quoted, depth, quoted], 1)
'''


def planted_text(num_sentences: int = 1500) -> str:
    """A text with quotes at known places and brackets of known depth."""
    random = np.random.default_rng(0)
    words = ["ka", "lomi", "tesu", "ra", "venoka", "mi", "sotu"]
    pieces = []
    for _ in range(num_sentences):
        inner = " ".join(random.choice(words, random.integers(3, 9)))
        kind = random.integers(4)
        framed = [f'"{inner}"', f"({inner} ({inner}) {inner})", inner, inner][kind]
        pieces.append(f"{' '.join(random.choice(words, 4))} {framed}")
    return " ".join(pieces) + "\n"


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


def test_features_are_what_follows_each_character() -> None:
    text = 'He said, "no (never)".\nI see 7 CATS'
    found = {name: values.astype(int).tolist() for name, values in features(text).items()}
    assert [place for place, value in enumerate(found["inside quotes"]) if value] == list(range(9, 20))
    assert found["depth of brackets"][12:20] == [0, 1, 1, 1, 1, 1, 1, 0]
    assert found["place in the line"][:3] == [1, 2, 3]
    assert found["place in the line"][23:26] == [1, 2, 3]
    assert [text[place] for place, value in enumerate(found["digit"]) if value] == ["7"]
    assert "".join(text[place] for place, value in enumerate(found["word in capitals"]) if value) == "CATS"
    assert [place for place, value in enumerate(found["after a comma"]) if value] == [7, 8]
    assert features("  a\n    b\n")["indentation"].astype(int).tolist() == [2] * 4 + [4] * 6


def test_planted_units_are_found_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(PLANTED, "utf-8")
    (tmp_path / "text.txt").write_text(planted_text(), "utf-8")
    text = textgen.TextOptions(str(tmp_path / "text.txt"), clean="raw")
    run = textgen.train(
        "char-planted", text, budget="5kchars", plugins=tmp_path / "planted.py", out=tmp_path / "run"
    )
    corpus = textgen.load_corpus(tmp_path / "text.txt", clean="raw")
    cells = find_cells(run.saved, corpus.split.validation.stretches(), CPU)
    assert cells is not None
    assert (cells.num_units, cells.num_confirmed) == (14, 2)
    assert {(cell.unit, cell.feature, cell.falls) for cell in cells.best} == {
        (0, "inside quotes", False),
        (1, "depth of brackets", True),
    }
    assert all(cell.share > 0.9 and cell.chance < MIN_SHARE for cell in cells.best)


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
    for section in ("As they learnt", "What it remembers", "What units follow", "Which words are known"):
        assert section in html
        assert section in text
    assert html.count('type="radio"') == 7
    assert "char-ngram does not say what its units hold" in html
    assert "words that fell most" in html
    assert len(html) < 3_000_000
    assert [bool(entry.cells) for entry in result.entries].count(True) == 2
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
