"""A sampler as the core uses it: with a memory or without, and its choices are checked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from textgen.contracts import State, TextgenError, Vocabulary
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.generation.bound_sampler import BoundSampler, EntropyRecorder, build_sampler, suited_to
from textgen.generation.generator import Generator
from textgen.generation.sampling import sample_categorical
from textgen.nn.language_model import LanguageModel
from textgen.registry.registry import PluginError
from textgen.runtime.device import DeviceConfig
from textgen_tokenizers.char import CharTokenizer


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([1, 2, 3], r"returned list instead of ids \[3\]$"),
        (torch.zeros(3), r"returned torch.float32 \[3\] instead of ids \[3\]$"),
        (torch.zeros(2, dtype=torch.long), r"returned torch.int64 \[2\] instead of ids \[3\]$"),
        (torch.tensor([0, 1, 4]), "returned a token id outside 0…3$"),
        (torch.tensor([0, -1, 3]), "returned a token id outside 0…3$"),
    ],
)
def test_what_is_not_an_id_for_each_row_is_an_error_before_training(chosen: Any, message: str) -> None:
    def wrong(logits: Tensor, uniforms: Tensor) -> Any:  # noqa: ARG001
        return chosen

    with pytest.raises(PluginError, match=message):
        BoundSampler(wrong).try_out()


BELOW_ONE = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0))
"""The largest that `torch.rand` gives, and a little more."""


@given(seed=st.integers(0, 10_000), size=st.integers(1, 5000))
def test_sampling_is_safe_at_the_edges_whatever_the_rounding(seed: int, size: int) -> None:
    logits = 5 * torch.randn(1, size, generator=torch.Generator().manual_seed(seed))
    logits = nn.functional.pad(logits, (2, 2), value=-math.inf)
    first, last = (int(sample_categorical(logits, torch.tensor([edge]))) for edge in (0.0, float(BELOW_ONE)))
    largest = int(sample_categorical(logits, torch.tensor([math.nextafter(1.0, 0.0)], dtype=torch.float64)))
    assert first == 2
    assert first <= last <= largest <= size + 1


LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, 0.5])


class Unigrams(nn.Module):
    """Predicts the same distribution everywhere, sharpened by a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(LOGITS * factor)

    def initial_state(self, batch_size: int) -> State:
        return (torch.zeros(batch_size, 1),)

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        return self.logits.expand(*ids.shape, -1), state


def generator_of(factor: float) -> Generator:
    tokenizer = CharTokenizer(fallback_bytes=False)
    tokenizer.fit("abcd")
    assert len(tokenizer.tokens) == len(LOGITS)
    model = LanguageModel(Unigrams(factor).eval(), len(LOGITS))
    return Generator(model, BoundTokenizer(tokenizer), DeviceConfig(torch.device("cpu"), "fp32"))


def entropy_at(temperature: float, factor: float) -> float:
    """The entropy of the model's choices in bits."""
    entropy = torch.distributions.Categorical(logits=LOGITS * factor / temperature).entropy()
    return float(entropy) / math.log(2)


@pytest.mark.parametrize(
    ("sampler", "bits"), [("temperature", 0.6), ("temperature", 2.2), ("top-p:p=1", 1.8)]
)
def test_a_sharper_model_gets_a_higher_temperature_so_that_both_choose_as_freely(
    sampler: str, bits: float
) -> None:
    spec = f"{sampler}{',' if ':' in sampler else ':'}entropy={bits}"
    found = []
    for factor in (1.0, 1.7):
        chosen = generator_of(factor).resolved(build_sampler(spec))
        assert chosen.temperature is not None
        colder, hotter = (entropy_at(chosen.temperature + by, factor) for by in (-0.012, 0.012))
        assert colder < bits < hotter
        found.append(chosen.temperature)
    assert found[1] == pytest.approx(1.7 * found[0], abs=0.03)


def test_what_is_written_at_an_entropy_is_what_its_temperature_writes() -> None:
    generator = generator_of(1.0)
    sampler = build_sampler("temperature:entropy=1.8")
    temperature = generator.resolved(sampler).temperature
    written = generator.generate(["a", ""], 50, sampler, [3, 4])
    fixed = build_sampler(f"temperature:temperature={temperature}")
    assert written == generator.generate(["a", ""], 50, fixed, [3, 4])
    assert "".join(generator.stream("a", 50, sampler, 3)) == written[0]


def test_a_model_that_no_temperature_changes_writes_at_1() -> None:
    assert generator_of(0.0).resolved(build_sampler("temperature:entropy=1.1")).temperature == 1.0


def test_what_a_row_writes_beyond_its_end_does_not_count() -> None:
    known = Vocabulary(["a", "bcd", "<0xE2>"], np.zeros(3, bool))
    recorder = EntropyRecorder(build_sampler("temperature:temperature=1"), [np.zeros(0, int)] * 2, known, 4)
    certain, open_ = torch.tensor([9e9, 0, 0]), torch.zeros(3)
    for rows, ids in ((open_, [1, 2]), (open_, [1, 1]), (certain, [0, 0]), (open_, [0, 0])):
        recorder.record(rows.expand(2, -1), torch.tensor(ids))
    # Row 1: a token, and a third of the next one. Row 2: a byte, a token, "a"; the rest is beyond.
    assert recorder.bits_per_char == pytest.approx(math.log2(3) * (1 + 1 / 3 + 1 + 1) / 8)


def test_auto_is_a_quarter_of_the_entropy_of_characters() -> None:
    assert suited_to("top-p:p=0.9,entropy=auto", "abcdefgh" * 50) == "top-p:p=0.9,entropy=0.75"
    assert suited_to("temperature:entropy=auto", "aaaa") == "temperature:entropy=0.10"
    assert suited_to("temperature:entropy=1.2", "abcd") == "temperature:entropy=1.2"
    with pytest.raises(TextgenError, match="entropy=auto needs a text"):
        build_sampler("temperature:entropy=auto")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("temperature:entropy=1.5,temperature=0.8", "give temperature or entropy, not both"),
        ("greedy:entropy=1.5", "sampler 'greedy' has no temperature"),
        ("temperature:entropy=much", "sampler 'temperature' option entropy=much"),
        ("temperature:entropy=-1", "option entropy=-1: input should be greater than 0"),
        ("top-q:entropy=1", "unknown sampler 'top-q'"),
    ],
)
def test_an_entropy_that_cannot_be_is_refused_in_one_line(spec: str, says: str) -> None:
    with pytest.raises(TextgenError, match=says):
        build_sampler(spec)
