"""Bundled entries on a card that is pretended: tensors are there, numbers are right, and waits are few."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import textgen
from helpers.pretend_card import CARD, pretend_card
from helpers.waits import waits_of
from textgen.data.corpus import Corpus, load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment, continuation
from textgen.experiment.saved_run import SavedRun, load_run, write_run
from textgen.generation.bound_sampler import build_sampler
from textgen.runtime.device import CPU, DeviceConfig, choose_device
from textgen.training import train_options
from textgen.training.budget import parse_budget
from textgen.training.train_options import TrainOptions


@pytest.fixture(scope="module")
def text() -> Corpus:
    return load_corpus(["lee"], max_chars=6000)


TRAINING = "batch_size=4,num_validations=2"
NETWORK = f"num_layers=1,hidden_size=16,sequence_length=16,{TRAINING}"
NETWORKS = (
    *("char-lstm", "char-gru", "char-transformer", "bpe-lstm", "word-lstm", "word-lstm-word2vec"),
    *("char-lstm+ngram", "char-lstm+words", "char-lstm+match", "char-lstm+mix"),
)
ENTRIES = (
    *(f"{name}:{NETWORK}" for name in NETWORKS),
    f"original:{TRAINING}",
    f"char-hier:hidden_size=16,sequence_length=16,{TRAINING}",
    f"word-lstm:softmax=adaptive,{NETWORK}",
    "char-ngram",
    "random",
)
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
    [
        f"char-lstm:{NETWORK}",
        f"word-lstm+ngram:{NETWORK}",
        pytest.param("char-hier+words:hidden_size=16,batch_size=4", marks=pytest.mark.long),
    ],
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
        longer = continuation(loaded, "+4updates", config, text).run()
        assert longer.result.train.num_updates == run.result.train.num_updates + 4
    assert written(load_run(tmp_path / "run", CPU), DeviceConfig(CPU, "fp32")) == written(
        on_cpu, DeviceConfig(CPU, "fp32")
    )


def test_updates_are_larger_on_a_card(text: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_options, "GPU_UPDATES", ((3600.0, 8, 48), (0.1, 8, 24), (0.01, 8, 16)))
    monkeypatch.setattr(train_options, "UPDATES_PER_EPOCH", 2)
    entry = parse_entry("char-lstm:hidden_size=8,num_layers=1")
    with pretend_card():
        for budget, length in (("0.3s", 24), ("0.05s", 16)):
            experiment = Experiment(entry, text, parse_budget(budget), DeviceConfig(CARD, "fp32"), 0)
            assert rates_of(experiment).sequence_length == length
    experiment = Experiment(entry, text, parse_budget("0.3s"), DeviceConfig(CPU, "fp32"), 0)
    assert rates_of(experiment).sequence_length != 24


@pytest.mark.parametrize(
    ("given", "num_tokens", "size"),
    [
        ({}, 10**8, (256, 256)),
        ({}, 3 * 10**6, (128, 128)),
        ({}, 10**6, (None, None)),
        ({"batch_size": 32}, 10**8, (32, None)),
        ({"sequence_length": 64}, 10**8, (None, 64)),
    ],
)
def test_what_is_given_stays_and_a_short_text_has_small_updates(
    given: dict[str, Any], num_tokens: int, size: tuple[int | None, int | None]
) -> None:
    options = TrainOptions(**given)
    sized = options.on_device("cuda", parse_budget("2h"), num_tokens)
    assert (sized.batch_size, sized.sequence_length) == size
    assert options.on_device("cpu", parse_budget("2h"), num_tokens) is options
    assert options.on_device("cuda", parse_budget("9Gchars"), num_tokens) is options


def rates_of(experiment: Experiment) -> Any:
    return experiment.train().record.train.rates


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
