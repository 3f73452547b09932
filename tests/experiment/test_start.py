"""Entries that start from a run (`start=`): what they keep of it, what is new, and what is said of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import textgen
from helpers.commands import run_textgen
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.origin import origin_folder, started_from
from textgen.experiment.saved_run import load_run
from textgen.nn.weights import weights_of
from textgen.reports.bench_report import bench_report
from textgen.reports.markdown import to_markdown

SMALL = "num_layers=1,hidden_size=16,batch_size=4,sequence_length=16,num_validations=4"
CPU = textgen.ClusterOptions(device="cpu", precision="fp32")
LEE = textgen.TextOptions("lee", max_chars=30_000)
GREEK = "\u03b1\u03b2\u03b3"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A text with characters and words that the first one lacks."""
    path = tmp_path_factory.mktemp("other") / "other.txt"
    text = textgen.load_corpus("lee", max_chars=60_000).text[30_000:]
    path.write_text(str(text).replace(". ", f". {GREEK} wizards zoom. "), "utf-8")
    return str(path)


def train(entry: str, corpus: Any, out: Path, budget: str = "4000chars", **rest: Any) -> textgen.Run:
    return textgen.train(entry, corpus, budget=budget, cluster=CPU, out=out, report=False, **rest)


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A trained run of each level on lee."""
    folder = tmp_path_factory.mktemp("origins")
    return {
        level: train(f"{level}-lstm:{SMALL}", LEE, folder / level, "100kchars").folder
        for level in ("char", "word")
    }


@pytest.mark.parametrize("level", ["char", "word"])
def test_tokens_keep_their_ids_and_weights(
    level: str, origins: dict[str, Path], other: str, tmp_path: Path
) -> None:
    slow = f"{level}-lstm:start={origins[level]},learning_rate=1e-9,weight_decay=0"
    run, origin = train(slow, other, tmp_path / "run").saved, load_run(origins[level], "cpu")
    known = origin.tokenizer.vocab_size
    assert run.tokenizer.tokens[:known] == origin.tokenizer.tokens
    new = run.tokenizer.tokens[known:]
    assert set(GREEK) <= set(new)
    assert (" wizards" in new) == (level == "word")
    for name, value in weights_of(origin.model.reader.module).items():
        grown = weights_of(run.model.reader.module)[name]
        beginning = grown[tuple(slice(size) for size in value.shape)]
        if not value.ndim:  # which follows the budget
            continue
        torch.testing.assert_close(beginning, value, atol=1e-6, rtol=0)
    assert run.entry.options["model"]["hidden_size"] == 16  # which the entry does not say


def test_a_mixture_starts_from_the_run_of_one_of_its_models(
    origins: dict[str, Path], other: str, tmp_path: Path
) -> None:
    run = train(
        f"2*char-lstm+ngram:start={origins['char']},learning_rate=1e-9,weight_decay=0", other, tmp_path / "m"
    )
    first, second, _ = run.saved.model.members
    origin = weights_of(textgen.load(origins["char"]).saved.model.module)
    name = next(name for name in origin if "weight_hh" in name)
    for copy in (first, second):
        torch.testing.assert_close(weights_of(copy.module)[name], origin[name], atol=1e-6, rtol=0)


def test_what_is_of_no_use_is_not_started_from(origins: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "greek.txt"
    letters = [chr(0x3B1 + letter) for letter in np.random.default_rng(0).integers(0, 24, 20_000)]
    lines = ("".join(letters[begin : begin + 40]) for begin in range(0, len(letters), 40))
    path.write_text("\n".join(lines), "utf-8")
    started = train(f"char-lstm:{SMALL},start={origins['char']}", str(path), tmp_path / "started")
    new = train(f"1*char-lstm:{SMALL}", str(path), tmp_path / "new")
    assert not started.result.origin.is_used
    assert started.test.bits_per_char == new.test.bits_per_char
    assert started.saved.tokenizer.tokens == new.saved.tokenizer.tokens


def test_frozen_layers_do_not_change(origins: dict[str, Path], other: str, tmp_path: Path) -> None:
    run = train(
        f"char-lstm:start={origins['char']},freeze=hidden,weight_decay=0", other, tmp_path / "run"
    ).saved
    before, after = (weights_of(each.model.module) for each in (load_run(origins["char"], "cpu"), run))
    same = {
        name for name, value in before.items() if value.ndim and torch.equal(value, after[name][: len(value)])
    }
    hidden = {name for name in before if "weight_hh" in name}
    assert hidden
    assert hidden <= same
    assert any("input" in name and name not in same for name in before)
    assert run.result.num_frozen_parameters == 0  # they are the model's own, frozen in this training alone


def test_a_text_and_a_budget_are_made_once(
    other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    entry = f"char-lstm+ngram:{SMALL},start=lee@3000chars"
    first = train(entry, other, tmp_path / "first")
    origin = first.result.origin
    assert origin is not None
    assert (origin.corpus, origin.budget) == ("lee", "3000chars")
    assert 0.3 < origin.overlap < 1  # much of the other text is of the same one
    (folder,) = (tmp_path / "cache" / "origins").iterdir()
    assert folder == origin_folder(first.saved.entry)
    written = (folder / "weights.safetensors").stat().st_mtime_ns
    second = train(entry, other, tmp_path / "second")
    assert (folder / "weights.safetensors").stat().st_mtime_ns == written
    assert second.test.bits_per_char == first.test.bits_per_char
    alone = parse_entry(f"char-lstm:{SMALL},start=lee@3000chars,learning_rate=0.001")
    assert origin_folder(alone) == folder  # which is that of the model that is trained


@pytest.mark.usefixtures("no_references")
def test_a_bench_says_what_was_read_and_whether_the_text_was_in_it(
    origins: dict[str, Path], tmp_path: Path
) -> None:
    entries = [f"char-lstm:{SMALL}", f"char-lstm:start={origins['char']}"]
    result = textgen.bench(entries, LEE, budget="2000chars", cluster=CPU, out=tmp_path / "b", report=False)
    (origin,) = (run.origin for run in result.runs if run.origin)
    assert origin.overlap == 0.0  # the same split of the same text
    said = f"starts from char-lstm:{SMALL}, which had read 100 k characters of lee"
    assert said in to_markdown(bench_report(result))
    read = textgen.bench(
        entries[1:],
        textgen.TextOptions("lee", max_chars=30_000, split="5/5/90"),
        budget="2000chars",
        cluster=CPU,
        out=tmp_path / "c",
        report=False,
    )
    (run,) = read.runs
    assert run.origin.overlap > 0.5  # most of what is scored now was in its training text
    assert run.problem == f"its run had read {run.origin.overlap:.0%} of the text that is scored"
    assert read.scores == ()
    assert run.problem in to_markdown(bench_report(read))
    assert result.runs[1].problem is None


def test_a_run_that_is_gone_or_of_another_model_is_a_line(
    origins: dict[str, Path], other: str, tmp_path: Path
) -> None:
    for start, said in (
        (tmp_path / "gone", "starts from a run that cannot be read: no run in"),
        (origins["word"], "tokenizer and trained models must be the same"),
        (f"{origins['char']},hidden_size=24", "use the options of that run"),
    ):
        with pytest.raises(textgen.TextgenError, match=said) as caught:
            train(f"char-lstm:start={start}", other, tmp_path / "run")
        assert "\n" not in str(caught.value)


def test_a_run_is_trained_on_another_text(origins: dict[str, Path], other: str, tmp_path: Path) -> None:
    origin = shutil.copytree(origins["char"], tmp_path / "a,num_layers=2" / "run")
    options = ("--corpus", other, "--budget", "4000chars", "--out", tmp_path / "r", "--json")
    made = json.loads(run_textgen("train", origin, *options).stdout)
    assert made["origin"]["corpus"] == "lee"
    line = run_textgen("train", origins["char"], "--budget", "2m", code=2).stderr.splitlines()[-1]
    assert "train it further with --budget +2m, or start from it on another text with --corpus FILE" in line


def test_options_of_an_earlier_start_are_replaced() -> None:
    assert started_from("char-lstm:start=a,dropout=0.1", Path("b")) == "char-lstm:dropout=0.1,start=b"
    assert started_from("char-lstm", Path("b")) == "char-lstm:start=b"


def test_more_training_needs_the_first_run_no_longer(
    origins: dict[str, Path], other: str, tmp_path: Path
) -> None:
    origin = shutil.copytree(origins["word"], tmp_path / "origin")
    run = train(f"word-lstm:start={origin}", other, tmp_path / "run")
    shutil.rmtree(origin)
    more = textgen.train(
        str(run.folder), budget="+2000chars", cluster=CPU, out=tmp_path / "more", report=False
    )
    assert more.result.origin == run.result.origin
    assert more.saved.tokenizer.tokens == run.saved.tokenizer.tokens
