"""Suites: each job runs once, a killed suite resumes, and failures are named."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.commands import run_textgen
from helpers.suites import remarks, write_suite
from textgen.data.corpus import load_corpus
from textgen.evaluation.intervals import SeedPrior
from textgen.library.presentation import document
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.requests import TextOptions
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.json_records import read_record
from textgen_suites.effects import effects
from textgen_suites.planner import SuiteOptions
from textgen_suites.request import SuiteRequest
from textgen_suites.result import Effect, QuestionResult, SuiteResult
from textgen_suites.run_suite import run_suite
from textgen_suites.schema import Suite, load_suite
from textgen_suites.verification import rebuild_suite
from textgen_verify.compare import differences

pytestmark = pytest.mark.slow

CPU = DeviceConfig(torch.device("cpu"), "fp32")
TEXT = ["lee"]


def num_processes(variable: str) -> int:
    """Return how many processes have this in their environment, where the system tells it."""
    number = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            number += variable.encode() in path.read_bytes()
    return number


def recomputed(question: QuestionResult, priors: dict[str, SeedPrior]) -> tuple[Effect, ...]:
    """Return the effects of a question from the stretches, samples and seeds that its cases keep."""
    cases = {case.label: case for case in question.cases}
    pairs = [(cases[effect.case], cases[effect.reference]) for effect in question.effects]
    return tuple(effects(pairs, priors))


# --- measuring


def test_a_suite_measures_each_thing_once_and_names_what_failed(tmp_path: Path) -> None:
    suite = Suite.model_validate(load_suite(write_suite(tmp_path)))
    options = SuiteOptions(
        request=SuiteRequest(name="tiny", text=TextOptions(TEXT, max_chars=20_000)), device_config=CPU
    )
    said: list[str] = []
    result = run_suite(suite, options, tmp_path / "out", remarks(said))
    assert re.fullmatch(r"A tiny suite: 10 runs, of which 0 are done; about \d+ s to go", said[0])
    size, text = result.questions
    assert [case.label for case in size.cases] == ["small", "chance"]
    assert [(effect.case, effect.reference) for effect in text.effects] == [
        ("a third", "all"), ("letters", "a third")
    ]  # fmt: skip
    chance = size.cases[1].bits_per_char
    assert chance is not None
    alphabet = set(load_corpus(TEXT, max_chars=20_000).split.train.text)
    assert chance.value == pytest.approx(np.log2(len(alphabet)), abs=0.001)
    assert [effect.paired for effect in text.effects] == [True, False]
    assert set(text.cases[2].writing) == {"greedy", "temperature"}
    assert set(result.failures) == {"wild (seed 0)", "wild (seed 1)"}
    assert "diverged" in result.failures["wild (seed 0)"]
    saved = read_record(SuiteResult, tmp_path / "out" / "suite.json")
    assert saved == result
    assert [recomputed(question, saved.seed_priors) for question in saved.questions] == [
        question.effects for question in result.questions
    ]
    files = sorted((tmp_path / "out" / "jobs").iterdir())
    assert len(files) == 8
    before = [file.stat().st_mtime_ns for file in files]
    again = run_suite(suite, options, tmp_path / "out", remarks(said))
    assert said[1].startswith("A tiny suite: 10 runs, of which 8 are done")
    assert again.questions == result.questions
    assert [file.stat().st_mtime_ns for file in files] == before
    page = to_markdown(document(result))
    assert "## Which text?" in page
    assert "| chance " in page
    assert "- wild (seed 1): training diverged" in page
    assert "| temperature " in page
    rate = result.held_out.sample_metrics["real_word_rate"]
    assert rate is not None
    assert rate > 0.9
    assert f"{100 * rate:.1f} % of the author's are real" in page
    assert re.search(rf"\| \*the author\* +\| +– \| +{rate:.3f} \|", page)


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
    cases = [{"label": "chance", "entry": "random"}]
    questions = [
        {"name": name, "text": f"{name}?", "corpus": f"toy/{name}", "cases": cases} for name in ("a", "b")
    ]
    suite = Suite.model_validate(
        {"title": "Two texts", "budget": "1epochs", "seeds": 1, "questions": questions}
    )
    result = run_suite(
        suite,
        SuiteOptions(request=SuiteRequest(name="two", text=TextOptions("nothing")), device_config=CPU),
        tmp_path / "out",
    )
    assert read_record(SuiteResult, tmp_path / "out" / "suite.json") == result
    texts = [question.text_of for question in result.questions]
    assert [text.corpus.name for text in texts if text] == ["toy/a", "toy/b"]
    assert [text.lexicons for text in texts if text] == [("toy (xa)",), ("toy (xb)",)]
    assert not result.failures
    assert list(differences(result, rebuild_suite(result))) == []
    page = to_markdown(document(result))
    assert page.startswith("# Two texts\n")
    assert "toy/b: 6,001 characters" in page
    assert "Real words are in the training text or the lexicon toy (xa)." in page
    assert "toy/a: 30,000 characters" in to_html(document(result))


@pytest.mark.long
def test_a_killed_suite_resumes_without_repeating_anything(tmp_path: Path) -> None:
    """Two jobs at a time; `cli/test_kill.py` kills a suite that runs one."""
    path, out = write_suite(tmp_path), tmp_path / "out"
    command = ["suite", path, *("--corpus", "lee", "--json", "--jobs", "2", "--max-chars", "20000")]
    command += ["--precision", "fp32", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-m", "textgen", *command],
        env=os.environ | {"TEXTGEN_TEST": str(out)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as first:
        deadline = time.monotonic() + 60
        while len(list(out.glob("jobs/*.json"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    kept = {file: file.stat().st_mtime_ns for file in out.glob("jobs/*.json")}
    assert 2 <= len(kept) < 8
    while num_processes(f"TEXTGEN_TEST={out}") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert num_processes(f"TEXTGEN_TEST={out}") == 0  # no process that measures is left behind
    second = run_textgen(*command, code=3)
    assert f"10 runs, of which {len(kept)} are done" in second.stderr
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    assert len(list(out.glob("jobs/*.json"))) == 8
    result = json.loads(second.stdout)
    assert [question["name"] for question in result["questions"]] == ["size", "text"]
    assert set(result["failures"]) == {"wild (seed 0)", "wild (seed 1)"}
