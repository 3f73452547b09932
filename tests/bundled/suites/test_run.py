"""Suites: benches of variants are made once, continued and judged together, and failures are named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import textgen_suites
from helpers.commands import run_textgen
from helpers.numbers import add
from helpers.records import edit_record
from helpers.suites import remarks, write_suite
from textgen.comparison.bench import BenchOptions
from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.jobs.backends import LocalBackend
from textgen.library.presentation import document
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.requests import TextOptions
from textgen.results.comparison import Comparison
from textgen.results.folders import belongs, identify
from textgen.runtime import environment
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.json_records import read_record
from textgen.training.budget import parse_budget
from textgen_suites.result import SuiteResult
from textgen_suites.run_suite import planned
from textgen_suites.schema import Case, Question, Suite

TEXT = TextOptions("lee", max_chars=20_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny suite with one seed, and of the file that declares it."""
    folder = tmp_path_factory.mktemp("made")
    textgen_suites.suite(write_suite(folder), TEXT, seeds=1, out=folder / "out")
    return folder


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """A copy of that folder, which a test may change."""
    return shutil.copytree(made, tmp_path / "copy")


def saved(folder: Path) -> SuiteResult:
    return read_record(SuiteResult, folder / "out" / "suite.json", needs_digest=True)


def again(folder: Path) -> tuple[SuiteResult, list[str]]:
    """Return the suite when it is asked for once more, and what is remarked meanwhile."""
    path, said = str(folder / "tiny.toml"), list[str]()
    result = textgen_suites.suite(path, TEXT, seeds=1, out=folder / "out", report=remarks(said))
    return result, said


def benches(folder: Path) -> list[Comparison]:
    return [read_record(Comparison, path) for path in sorted(folder.glob("out/*/bench.json"))]


def test_questions_are_answered_by_benches_and_failures_are_named(made: Path) -> None:
    result = saved(made)
    size, text = result.questions
    assert [case.label for case in size.cases] == ["small", "chance"]
    assert [(effect.case, effect.reference, effect.paired) for effect in text.effects] == [
        ("a third", "all", True), ("letters", "a third", False)
    ]  # fmt: skip
    chance = size.cases[1].bits_per_char
    assert chance is not None
    alphabet = set(load_corpus(["lee"], max_chars=20_000).split.train.text)
    assert chance.value == pytest.approx(np.log2(len(alphabet)), abs=0.001)
    assert [len(case.runs) for question in result.questions for case in question.cases] == [1] * 5
    assert len(benches(made)) == 3
    ((failed, reason),) = result.failures.items()
    assert re.fullmatch(r"char-lstm:.*=1e30, 3000chars, seed 0, in prose-3000chars-[0-9a-f]{8}", failed)
    assert "diverged" in reason


def test_complete_benches_are_not_made_again(copied: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copied.glob("out/*/runs/*/run.json")}
    result, said = again(copied)
    assert said[0] == "A tiny suite: 2 of 3 benches are complete"  # a run that failed is tried again
    assert said[1].startswith("reusing 2 of 3 runs from ")
    assert len(said) == 2
    assert result.questions == saved(copied).questions
    assert {path: path.stat().st_mtime_ns for path in copied.glob("out/*/runs/*/run.json")} == before


def test_answers_to_other_questions_are_kept(copied: Path) -> None:
    path, out, whole = str(copied / "tiny.toml"), copied / "out", saved(copied)
    mended = next(
        f"{row.name}, {bench.budget}, seed {row.seed}, in {folder.name}"
        for folder in out.glob("letters-*")
        for bench in [read_record(Comparison, folder / "bench.json")]
        for row in bench.runs
    )
    edit_record(out / "suite.json", lambda values: values["failures"].update({mended: "it was ended"}))
    asked = textgen_suites.suite(path, TEXT, seeds=1, question=["text"], out=out)
    assert asked.questions == whole.questions
    assert saved(copied) == whole
    other = textgen_suites.suite(path, TEXT, seeds=range(7, 8), question=["text"], out=out)
    assert [(question.name, question.cases[0].runs[0].seed) for question in other.questions] == [("text", 7)]
    another = textgen_suites.suite(path, TEXT, seeds=1, budget="2000chars", question=["text"], out=out)
    assert [question.name for question in another.questions] == ["text"]


BEST = """
title = "Best"
budget = "1epoch"
seeds = 1
train_chars = 5000
[[questions]]
name = "q"
text = "?"
cases = [
    { label = "chance", entry = "char-uniform" },
    { label = "counts", entry = "char-ngram", one_of = ["order=1", "order=3"] },
]
"""


def test_a_case_is_the_best_of_its_options_on_validation_with_the_first_seed(tmp_path: Path) -> None:
    path = write_suite(tmp_path, BEST)
    (answer,) = textgen_suites.suite(path, TEXT, seeds=2, out=tmp_path / "out").questions
    tried, chosen = (list(tmp_path.glob(f"out/*/runs/char-ngram_order_{order}-*")) for order in (1, 3))
    assert (len(tried), len(chosen)) == (1, 2)
    path = write_suite(tmp_path, BEST.replace('"order=1", ', ""))
    assert textgen_suites.suite(path, TEXT, seeds=2, out=tmp_path / "out").questions == (answer,)
    chance, counts = answer.cases
    assert (chance.entry, counts.entry) == ("char-uniform", "char-ngram:order=3")
    assert 4500 < counts.train_chars <= 5000
    assert len(answer.effects) == 1


def test_all_files_are_known_and_an_interrupted_suite_too(copied: Path) -> None:
    out = copied / "out"
    (out / "suite.json").unlink()
    found = identify(out)
    assert found is not None
    assert (found.kind.name, found.is_finished, len(found.runs)) == ("suite", False, 4)
    assert all(belongs(found.kind, path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert [part.kind.name for part in found.parts] == ["bench"] * 3


def test_verify_finds_a_change_of_a_measured_or_a_judged_number(copied: Path) -> None:
    file = copied / "out" / "suite.json"
    assert "all agree" in run_textgen("verify", file).stdout
    whole = file.read_text("utf-8")
    for place, amount, line in (
        (["questions", 0, "cases", 0, "runs", 0, "units", "bits", 0], 1.0, "small"),
        (["questions", 0, "effects", 0, "bits_per_char", "p_value"], 1e-6, "chance"),
        (["questions", 1, "cases", 1, "real_word_rate", "value"], 1e-6, "a third"),
    ):
        file.write_text(whole, "utf-8")
        edit_record(file, add(place, amount))
        assert line in run_textgen("verify", file, code=1).stdout


def test_a_suite_in_which_every_run_fails_is_an_error_that_keeps_the_reasons(tmp_path: Path) -> None:
    cases = '{ label = "wild", entry = "char-lstm:num_layers=1,batch_size=4,learning_rate=1e30" }'
    question = f'[[questions]]\nname = "q"\ntext = "?"\ncases = [{cases}]\n'
    path = write_suite(tmp_path, f'title = "Wild"\nbudget = "3000chars"\nseeds = 1\n{question}')
    with pytest.raises(TextgenError, match=r"^every case failed; the first one: .*diverged"):
        textgen_suites.suite(path, TEXT, out=tmp_path / "out")
    assert saved(tmp_path).failures


def test_questions_may_have_texts_of_their_own(
    tmp_path: Path, install: Callable[[str, str, str], None]
) -> None:
    code = """
class Toy:
    "Texts."
    def read(self, item): return {"a": "Ein Satz. ", "b": "文。"}[item] * 3000
    def language(self, item): return {"a": "xa", "b": "xb"}[item]
def words(language):
    return {"satz"} if language == "xa" else set()
"""
    install("toys", "[textgen.corpora]\ntoy = toys:Toy\n[textgen.lexicons]\ntoy = toys:words\n", code)
    questions = [
        f'[[questions]]\nname = "{name}"\ntext = "{name}?"\ncorpus = "toy/{name}"\n'
        'cases = [{ label = "chance", entry = "char-uniform" }]\n'
        for name in "ab"
    ]
    path = write_suite(
        tmp_path, "".join(['title = "Two texts"\nbudget = "1epochs"\nseeds = 1\n', *questions])
    )
    result = textgen_suites.suite(path, out=tmp_path / "out")
    assert [question.corpus.name for question in result.questions] == ["toy/a", "toy/b"]
    assert [question.lexicons for question in result.questions] == [("toy (xa)",), ("toy (xb)",)]
    page = to_markdown(document(result))
    assert page.startswith("# Two texts\n")
    assert "toy/b: 6,001 characters" in page
    assert "Real words are in the training text or the lexicon toy (xa)." in page
    assert "toy/a: 30,000 characters" in to_html(document(result))


def test_a_sealed_text_is_refused_however_it_is_given(tmp_path: Path) -> None:
    sealed = tmp_path / "sealed.txt"
    sealed.write_text("A sentence that nobody has read. " * 30)
    text = TextOptions("lee", split="95/5/0", sealed=str(sealed))
    corpus = load_corpus(["lee"], split="95/5/0").with_sealed(str(sealed))
    for given in (text, corpus):
        with pytest.raises(UsageError, match=r"^sealed has no effect on a suite, which has no sealed text"):
            textgen_suites.suite("original", given, out=tmp_path / "out")


def settings_for(budget: str, num_jobs: int = 1) -> BenchOptions:
    return BenchOptions(
        budget=parse_budget(budget),
        device_config=DeviceConfig(torch.device("cpu"), "fp32"),
        backend=LocalBackend(num_jobs),
    )


def test_a_variant_is_known_by_all_that_its_runs_have_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "usable_cores", lambda: 2)
    monkeypatch.setattr("textgen.jobs.backends.usable_cores", lambda: 2)

    def names(
        budget: str = "3000chars", num_jobs: int = 1, sampler: str = "greedy", **case: Any
    ) -> list[str]:
        cases = (Case(label="a", entry="char-uniform", **case), Case(label="b", entry="char-ngram", **case))
        question = Question(name="q", text="?", cases=cases)
        suite = Suite(title="?", budget=budget, sampler=sampler, questions=(question,))
        return [*planned(suite, TEXT, settings_for(budget, num_jobs))[0]]

    same = [names(), names(num_jobs=2)]
    assert same[0] == same[1]
    others = [
        names(budget="4000chars"),
        names(budget="5s"),
        names(budget="5s", num_jobs=2),  # whose second is worth less
        names(sampler="temperature"),
        names(train_share=50.0),
        names(clean="letters"),
        names(max_chars=10_000),
    ]
    assert all(len(each) == 1 for each in others)
    assert len({name for (name,) in [*same, *others]}) == 8


def test_cleaners_that_leave_the_same_text_share_their_runs() -> None:
    cleaners = ("prose", "prose:boilerplate=false", "letters")
    cases = tuple(Case(label=clean, entry="char-uniform", clean=clean) for clean in cleaners)
    suite = Suite(title="?", budget="1epoch", questions=(Question(name="q", text="?", cases=cases),))
    ((prose, same, letters),) = planned(suite, TEXT, settings_for("1epoch"))[1]
    assert prose == same != letters


def test_all_cases_of_a_question_have_the_sampler_of_its_first_text() -> None:
    """The cleaner `letters` leaves fewer characters, whose own entropy is another one."""

    def samplers(*cleaners: str) -> list[str]:
        cases = tuple(Case(label=clean, entry="char-uniform", clean=clean) for clean in cleaners)
        suite = Suite(title="?", budget="1epoch", questions=(Question(name="q", text="?", cases=cases),))
        variants, _ = planned(suite, TEXT, settings_for("1epoch"))
        return [sampler for variant in variants.values() for sampler in variant.settings.samplers]

    first, second = samplers("prose", "letters")
    assert first == second
    assert [first] != samplers("letters")
