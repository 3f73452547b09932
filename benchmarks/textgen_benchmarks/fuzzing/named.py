"""Names that users write: entries, samplers, budgets, splits, searches, and suites."""

from __future__ import annotations

import torch

from textgen.data.corpus import Corpus, load_corpus
from textgen.data.split import parse_split
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entries
from textgen.experiment.experiment import Experiment
from textgen.generation.bound_sampler import build_sampler
from textgen.registry.options import declared_options
from textgen.requests import TextOptions
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.training.budget import parse_budget
from textgen.training.train_options import TrainOptions
from textgen_benchmarks.fuzzing import words
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.mutations import damaged, damaged_lines
from textgen_benchmarks.fuzzing.saved import SUITE
from textgen_suites.planner import JobPlanner, SuiteOptions
from textgen_suites.request import SuiteRequest
from textgen_suites.schema import load_suite
from textgen_tuning.search_space import Candidate, dimensions

CPU = DeviceConfig(torch.device("cpu"), "fp32")
MAX_WORK = 300_000
"""Weights, and tokens of an update, of an entry that is also trained for a moment."""
ODD_VALUES = (
    "[]", "{}", '""', "1979-05-27", "[" * 1000, "[" * 1000 + "]" * 1000, "true", '"\\ud800"', "nan", "inf",
    "1e308", "-1", "'''", "[{}]",
)  # fmt: skip
"""Values of TOML, some of them malformed."""


def entry(case: Case) -> str | None:
    """Read an entry; build what it means; train it for a moment if it is small."""
    entries, _ = parse_entries([words.entry(case.chance)])
    corpus = load_corpus(["lee"], max_chars=3000)
    for each in entries:
        train(each, corpus)
    return None


def train(entry: Entry, corpus: Corpus) -> None:
    """Build an entry as `train` does, and make a few updates if that takes but a moment."""
    tokenizer = entry.build_tokenizer()
    tokenizer.fit(corpus.split.train.text)
    if "embedding" not in entry.parts:
        model = entry.build_model(tokenizer.vocabulary)
        num_weights = sum(weight.numel() for weight in model.reader.module.parameters())
        options = entry.train_options() if entry.is_trainable else TrainOptions(batch_size=1)
        if num_weights > MAX_WORK or options.most_streams * options.longest_sequence > MAX_WORK // 50:
            return
    Experiment(entry, corpus, parse_budget("300chars"), CPU, 0).run()


def sampler(case: Case) -> str | None:
    """Build a sampler and let it choose."""
    build_sampler(words.sampler(case.chance)).try_out()
    return None


def value(case: Case) -> str | None:
    """Read a budget, a split, a search or a device."""
    kind = case.chance.randrange(4)
    if kind == 0:
        budget = parse_budget(words.budget(case.chance))
        return None if 0 < budget.amount < float("inf") else f"unnoticed: budget of {budget.amount}"
    if kind == 1:
        parse_split(words.split(case.chance))
    elif kind == 2:
        declared = declared_options(TrainOptions)
        candidates = [Candidate(name, "training", each, each.default) for name, each in declared.items()]
        dimensions(candidates, words.search(case.chance), "char-lstm")
    else:
        choose_device(words.spoilt(case.chance.choice(("cpu", "cuda", "auto")), case.chance), "fp32")
    return None


def suite(case: Case) -> str | None:
    """Read a suite and plan its jobs."""
    path = case.place / "suite.toml"
    values = (f'"{words.entry(case.chance)}"', f'"{words.budget(case.chance)}"', words.number(case.chance))
    text = damaged_lines(SUITE, case.chance, (*values, *ODD_VALUES)).encode("utf-8", "surrogatepass")
    path.write_bytes(damaged(text, case.chance) if case.chance.random() < 0.2 else text)
    read = load_suite(str(path))
    options = SuiteOptions(
        request=SuiteRequest(name=str(path), text=TextOptions("lee", max_chars=3000)), device_config=CPU
    )
    planner = JobPlanner(read, options, case.place)
    list(planner.runs())
    return None


KINDS = (
    Kind("entries", entry, 2500),
    Kind("samplers", sampler, 1000),
    Kind("values", value, 1000),
    Kind("suites", suite, 1500),
)
