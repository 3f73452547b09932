"""Suites: read from TOML, measured once, resumed where they stopped, effects with honest intervals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.commands import run_textgen
from textgen.api import TextgenError
from textgen.data.corpus import load_corpus
from textgen.evaluation.estimates import RatioSample, difference, estimate
from textgen.experiment.entry import parse_entry
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.entropy import EntropyRecorder
from textgen.registry.options import build
from textgen.registry.registry import names
from textgen.runtime.device import DeviceConfig
from textgen.runtime.records import read_record
from textgen.suite.job import Job
from textgen.suite.planner import SuiteOptions
from textgen.suite.report import to_markdown
from textgen.suite.results import SuiteResult
from textgen.suite.run import run_suite
from textgen.suite.schema import Case, Question, Suite, load_suite
from textgen.training.budget import parse_budget

CPU = DeviceConfig(torch.device("cpu"), "fp32")
TINY = "char-lstm:num_layers=1,hidden_size=16,batch_size=4,num_validations=2"
TEXT = ["lee"]
TOML = f"""
title = "A tiny suite"
budget = "3000chars"
seeds = 2
[[questions]]
name = "size"
text = "Which size?"
cases = [
    {{ label = "small", entry = "{TINY}" }},
    {{ label = "chance", entry = "random" }},
    {{ label = "wild", entry = "{TINY},learning_rate=1e30" }},
]
[[questions]]
name = "text"
text = "Which text?"
cumulative = true
cases = [
    {{ label = "all", entry = "{TINY}" }},
    {{ label = "a third", entry = "{TINY}", train_share = 30 }},
    {{ label = "letters", entry = "{TINY}", clean = "letters", samplers = ["greedy", "temperature"] }},
]
"""


def written(folder: Path, text: str = TOML) -> str:
    path = folder / "tiny.toml"
    path.write_text(text)
    return str(path)


def num_processes(variable: str) -> int:
    """Return how many processes have this in their environment, where the system tells it."""
    number = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            number += variable.encode() in path.read_bytes()
    return number


# --- what is declared


@pytest.mark.parametrize("name", names("suite"))
def test_the_bundled_suites_can_run_and_compare_each_case(name: str) -> None:
    suite = load_suite(name)
    assert suite.seeds >= 3
    for case in suite.cases():
        parse_entry(case.entry)
        build("cleaner", case.clean)
        for spec in case.samplers:
            build("sampler", spec)
    for question in suite.questions:
        assert len(list(question.comparisons())) == len(question.cases) - 1


def test_cases_are_compared_with_the_first_or_with_the_one_before() -> None:
    cases = tuple(Case(label=label, entry="random") for label in "abc")

    def pairs(cumulative: bool) -> list[tuple[str, str]]:
        question = Question(name="x", text="?", cases=cases, cumulative=cumulative)
        return [(case.label, reference.label) for case, reference in question.comparisons()]

    assert pairs(False) == [("b", "a"), ("c", "a")]
    assert pairs(True) == [("b", "a"), ("c", "b")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("budget", "bugdet"), "budget: field required"),
        (
            lambda text: text.replace("train_share = 30", "train_share = 300"),
            "train_share: input should be less",
        ),
        (
            lambda text: text.replace('"chance"', '"small"'),
            "'size' has two cases with the same label",
        ),
        (lambda text: text.replace("cases = [", "cases = ["[:-1], 1), "cannot read the suite"),
        (lambda text: text.replace("seeds = 2", "seeds = 0"), "seeds: input should be greater"),
    ],
)
def test_a_suite_that_is_written_wrong_is_one_line(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    with pytest.raises(TextgenError) as caught:
        load_suite(written(tmp_path, change(TOML)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_suite_gets_the_nearest_match() -> None:
    with pytest.raises(TextgenError, match=r"unknown suite 'improvement'; did you mean 'improvements'\?"):
        load_suite("improvement")


# --- effects


def sample(rows: np.ndarray, units: str = "text") -> RatioSample:
    return RatioSample(rows, np.full(rows.shape, 100.0), units)


def test_a_difference_of_the_same_passages_is_surer_than_one_of_others() -> None:
    generator = np.random.default_rng(0)
    hard = generator.normal(200, 40, 60)  # how hard each passage is, for both
    old = hard + generator.normal(0, 1, (3, 60))
    new = hard - 5 + generator.normal(0, 1, (3, 60))
    paired, unpaired = difference(sample(new), sample(old)), difference(sample(new), sample(old, "other"))
    assert paired.value == pytest.approx(-0.05, abs=0.005)
    assert unpaired.value == pytest.approx(paired.value)
    assert paired.interval[0] < -0.05 < paired.interval[1] < 0
    assert paired.is_clear
    assert not unpaired.is_clear


@pytest.mark.slow
def test_intervals_hold_the_truth_in_about_95_of_100_cases() -> None:
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        seeds = generator.normal(0, 3, (3, 1))  # what a seed adds to every passage
        effect = estimate(sample(200 + seeds + generator.normal(0, 20, (1, 80)) + np.zeros((3, 80))))
        held += effect.interval[0] <= 2.0 <= effect.interval[1]
    assert 180 <= held <= 199


def test_seeds_that_differ_make_an_interval_wider_and_one_seed_tells_nothing_of_them() -> None:
    generator = np.random.default_rng(2)
    blocks = generator.normal(200, 5, 80)
    calm = estimate(sample(np.stack([blocks, blocks + 0.1, blocks - 0.1])))
    wild = estimate(sample(np.stack([blocks, blocks + 10, blocks - 10])))
    one = estimate(sample(blocks[None]))
    widths = [each.interval[1] - each.interval[0] for each in (wild, calm, one)]
    assert widths[0] > 5 * widths[1]
    assert widths[2] == pytest.approx(widths[1], rel=0.1)


# --- measuring


def test_a_measurement_is_known_by_all_that_decides_it() -> None:
    corpus = load_corpus(TEXT, max_chars=20_000)
    case = Case(label="a", entry=TINY)

    def key(case: Case = case, corpus: Any = corpus, budget: str = "3000chars", seed: int = 0) -> str:
        return Job(case, parse_entry(case.entry), corpus, parse_budget(budget), CPU, seed).key()

    assert key() == key(case.model_copy(update={"label": "another name"}))
    others = [
        key(seed=1),
        key(budget="4000chars"),
        key(corpus=corpus.with_training(50)),
        key(Case(label="a", entry=f"{TINY},dropout=0.5")),
        key(Case(label="a", entry=TINY, samplers=("greedy",))),
    ]
    assert len({key(), *others}) == 6


def test_less_training_text_leaves_what_is_scored_as_it_is() -> None:
    corpus = load_corpus(TEXT, max_chars=60_000)
    less = corpus.with_training(30)
    assert corpus.split.train.startswith(less.split.train)
    assert 0.26 < len(less.split.train) / len(corpus.split.train) <= 0.3
    assert less.split.train.endswith("\n")
    assert (less.split.validation, less.split.test) == (corpus.split.validation, corpus.split.test)


def test_the_recorder_tells_the_entropy_of_what_a_sampler_chooses() -> None:
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0)).expand(4000, -1)
    uniforms = torch.rand(4000, generator=torch.Generator().manual_seed(1))
    recorder = EntropyRecorder(build_sampler("temperature:temperature=0.5"))
    recorder.start([], np.full(50, 2))(logits, uniforms)
    entropy = torch.distributions.Categorical(logits=logits[0] / 0.5).entropy() / np.log(2)
    assert recorder.bits_per_char == pytest.approx(float(entropy) / 2, rel=0.02)


@pytest.mark.slow
def test_a_suite_measures_each_thing_once_and_names_what_failed(tmp_path: Path) -> None:
    suite = Suite.model_validate(load_suite(written(tmp_path)))
    options = SuiteOptions(sources=TEXT, device_config=CPU, max_chars=20_000)
    said: list[str] = []
    result = run_suite(suite, options, tmp_path / "out", say=said.append)
    assert said[0].startswith("A tiny suite: 10 runs, of which 0 are done; about ")
    size, text = result.questions
    assert [case.label for case in size.cases] == ["small", "chance"]
    assert [(effect.case, effect.reference) for effect in text.effects] == [
        ("a third", "all"), ("letters", "a third")
    ]  # fmt: skip
    chance = size.cases[1].bits_per_char
    assert chance is not None
    alphabet = set(load_corpus(TEXT, max_chars=20_000).split.train)
    assert chance.value == pytest.approx(np.log2(len(alphabet)), abs=0.001)
    assert [effect.paired for effect in text.effects] == [True, False]
    assert set(text.cases[2].writing) == {"greedy", "temperature"}
    assert set(result.failures) == {"wild (seed 0)", "wild (seed 1)"}
    assert "diverged" in result.failures["wild (seed 0)"]
    assert read_record(SuiteResult, tmp_path / "out" / "suite.json") == result
    files = sorted((tmp_path / "out" / "jobs").iterdir())
    assert len(files) == 8
    before = [file.stat().st_mtime_ns for file in files]
    again = run_suite(suite, options, tmp_path / "out", say=said.append)
    assert said[1].startswith("A tiny suite: 10 runs, of which 8 are done")
    assert again.questions == result.questions
    assert [file.stat().st_mtime_ns for file in files] == before
    page = to_markdown(result)
    assert "## Which text?" in page
    assert "| chance |" in page
    assert "- wild (seed 1): training diverged" in page
    assert "| temperature |" in page
    rate = result.held_out.sample_metrics.real_word_rate
    assert rate is not None
    assert rate > 0.9
    assert f"author's own words, {100 * rate:.1f} % are real" in page
    assert f"| *the author* | - | {rate:.3f} |" in page


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_killed_suite_goes_on_without_repeating_anything(tmp_path: Path, jobs: str) -> None:
    path, out = written(tmp_path), tmp_path / "out"
    command = ["suite", path, *("--corpus", "lee", "--json", "--jobs", jobs, "--max-chars", "20000")]
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
    second = run_textgen(*command)
    assert f"10 runs, of which {len(kept)} are done" in second.stderr
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    assert len(list(out.glob("jobs/*.json"))) == 8
    result = json.loads(second.stdout)
    assert [question["name"] for question in result["questions"]] == ["size", "text"]
    assert set(result["failures"]) == {"wild (seed 0)", "wild (seed 1)"}
