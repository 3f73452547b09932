"""Bundled entries on a card that is pretended: tensors are there, numbers are right, and waits are few."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import textgen
from textgen.data.corpus import Corpus, load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment, continuation
from textgen.experiment.saved_run import SavedRun, load_run, write_run
from textgen.generation.bound_sampler import build_sampler
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.memory import CPU
from textgen.training.budget import parse_budget
from textgen_benchmarks.waits import ENTRIES, NETWORK, waits_of
from textgen_kit.pretend_card import CARD, pretend_card


@pytest.fixture(scope="module")
def text() -> Corpus:
    return load_corpus(["lee"], max_chars=6000)


PLAIN = ("char-lstm", "char-gru", "char-transformer", "bpe-lstm", "original")
"""Networks of which no part waits."""


@pytest.mark.parametrize("spec", ENTRIES, ids=lambda spec: spec.partition(":")[0])
def test_an_entry_is_on_the_card_as_a_whole(spec: str, text: Corpus) -> None:
    waits = waits_of(spec, text, "bf16")
    name = spec.partition(":")[0]
    if name != "char-hier" and "adaptive" not in spec:  # whose words, or clusters, are found in each update
        assert {line.partition(":")[0] for line in waits.per_update} <= {"training/trainer.py"}  # losses
    if name in PLAIN:
        assert waits.per_window == {next(iter(waits.per_window)): 1}  # the bits, together
        assert sum(waits.per_token.values()) < 0.1


@pytest.mark.parametrize(
    "spec",
    [f"char-lstm:{NETWORK}", f"word-lstm+ngram:{NETWORK}", "char-hier+words:hidden_size=16,batch_size=4"],
    ids=lambda spec: spec.partition(":")[0],
)
def test_a_run_is_as_on_the_cpu_is_saved_and_goes_on(spec: str, text: Corpus, tmp_path: Path) -> None:
    entry, budget = parse_entry(spec), parse_budget("6updates")
    on_cpu = Experiment(entry, text, budget, DeviceConfig(CPU, "fp32"), 0, chooses_copies=False).run()
    with pretend_card():
        config = DeviceConfig(CARD, "fp32")
        run = Experiment(entry, text, budget, config, 0, chooses_copies=False).run()
        assert run.settings.device == "cuda"
        assert run.result.test is not None
        bits = [each.units.bits for each in (run.result.test, score_of(on_cpu)) if each.units]
        assert bits[0] == bits[1]
        write_run(tmp_path / "run", run.files)
        loaded = load_run(tmp_path / "run", CARD)
        assert {value.device for value in loaded.model.module.state_dict().values()} == {CARD}
        assert written(loaded, config) == written(run, config)
        longer = continuation(loaded, "+4updates", config, text, 1).run()
        assert longer.result.train.num_updates == run.result.train.num_updates + 4
    assert written(load_run(tmp_path / "run", CPU), DeviceConfig(CPU, "fp32")) == written(
        on_cpu, DeviceConfig(CPU, "fp32")
    )


def score_of(run: SavedRun) -> Any:
    assert run.result.test is not None
    return run.result.test


def written(run: SavedRun, config: DeviceConfig) -> list[str]:
    sampler = build_sampler("temperature:temperature=0.5")
    return run.generator(config).generate(["The ", "A"], 30, sampler, [1, 2])


def test_the_card_is_chosen_where_it_is_there() -> None:
    with pretend_card():
        assert choose_device("auto", "auto") == DeviceConfig(torch.device("cuda"), "bf16")
    with pytest.raises(textgen.TextgenError):
        choose_device("cuda:7", "auto")
