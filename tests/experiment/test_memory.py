"""Memory of an entry: what training would need is refused before it is taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from textgen.contracts import TextgenError
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.memory import (
    AllocationLimit,
    build_checked,
    build_for_training,
    build_to_predict,
    num_bytes,
)
from textgen.nn.language_model import LanguageModel, placeholder_vocabulary
from textgen.runtime.device import choose_device

VOCABULARY = placeholder_vocabulary(100)


def built(entry: str, num_tokens: int = 10**6) -> LanguageModel:
    device = choose_device("cpu", "fp32")
    return build_for_training(parse_entry(entry), VOCABULARY, None, num_tokens, device, seed=0)


@pytest.mark.parametrize(
    ("entry", "what", "advice"),
    [
        ("char-lstm:num_layers=1000,hidden_size=65536", "the model", "num_layers or hidden_size"),
        ("char-gru:hidden_size=65536,num_layers=900", "the model", "hidden_size or num_layers"),
        ("char-lstm+ngram:num_layers=1000,hidden_size=65536", "the model", "num_layers or hidden_size"),
        ("char-lstm:batch_size=65536,sequence_length=65536", "training", "batch_size or sequence_length"),
    ],
)
def test_what_no_machine_has_is_one_line_that_names_the_options(entry: str, what: str, advice: str) -> None:
    with pytest.raises(TextgenError) as caught:
        built(entry, num_tokens=10**12)
    pattern = rf"entry '{re.escape(entry)}': {what} needs about .+ TB .+; make {advice} smaller"
    assert re.fullmatch(pattern, str(caught.value))


def test_a_large_batch_of_a_short_text_is_no_reason() -> None:
    assert built("char-lstm:batch_size=65536,sequence_length=65536,hidden_size=8", num_tokens=1000)


def test_a_model_that_is_loaded_is_refused_too() -> None:
    entry = parse_entry("char-lstm:num_layers=1000,hidden_size=65536")
    with pytest.raises(TextgenError, match="the model needs about"):
        build_to_predict(entry, VOCABULARY)


# --- the memory of new tensors is bounded before it is allocated


LIMIT = 2**24
VOCAB_SIZE = 10


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.LSTM(10**6, 10**6),
        lambda: nn.Embedding(10**9, 10**9),
        lambda: [nn.Linear(1, 1) for _ in range(10**9)],
        lambda: torch.arange(10**12),
        lambda: torch.eye(10**6),
        lambda: torch.zeros(3).new_zeros(10**12),
        lambda: torch.full((10**6, 10**6), 1.0),
        lambda: torch.Tensor(10**6, 10**6),
        lambda: torch.randn(10**6, 10**6, generator=torch.Generator().manual_seed(0)),
    ],
)
def test_terabytes_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="it needs more than 16 MiB of memory"), AllocationLimit(LIMIT):
        make()


def test_what_fits_is_made_as_without_a_limit() -> None:
    made = []
    for limit in (LIMIT, 2 * LIMIT):
        torch.manual_seed(0)
        with AllocationLimit(limit):
            layers = nn.LSTM(8, 8), nn.Linear(8, 8), torch.randn(3), torch.randperm(5)
            nn.init.orthogonal_(layers[1].weight)
        made.append([*layers[0].parameters(), *layers[1].parameters(), *layers[2:]])
    torch.manual_seed(0)
    layers = nn.LSTM(8, 8), nn.Linear(8, 8), torch.randn(3), torch.randperm(5)
    nn.init.orthogonal_(layers[1].weight)
    made.append([*layers[0].parameters(), *layers[1].parameters(), *layers[2:]])
    for tensors in zip(*made, strict=True):
        assert torch.equal(tensors[0], tensors[1])
        assert torch.equal(tensors[0], tensors[2])


def test_what_torch_cannot_plan_is_made_too(tmp_path: Path) -> None:
    (tmp_path / "numbers").write_bytes(bytes(16))
    with AllocationLimit(LIMIT):
        assert torch.from_file(str(tmp_path / "numbers"), size=4).tolist() == [0.0] * 4
        with pytest.raises(RuntimeError, match="negative"):
            torch.zeros(-1)


def test_torch_takes_the_limit_unchanged_without_importing_its_compiler() -> None:
    assert not hasattr(AllocationLimit.__torch_dispatch__, "__wrapped__")


class Net(nn.Module):
    """A model with random weights, which some initialisations of torch have scaled."""

    built = 0

    def __init__(self, size: int) -> None:
        super().__init__()
        type(self).built += 1
        self.embedding = nn.Embedding(VOCAB_SIZE, size)
        self.layer = nn.LSTM(size, size)
        self.table = nn.Parameter(torch.randn(size, size) * 0.1)
        nn.init.orthogonal_(self.layer.weight_hh_l0)
        self.register_buffer("counts", torch.zeros(size, dtype=torch.int64))


class Measuring(Net):
    """A model that looks at its weights when it is built, which only those with values allow."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.norm = float(self.table.norm())


def build(kind: type[Net], size: int, seed: int = 0) -> LanguageModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LanguageModel(kind(size), VOCAB_SIZE)


def built_checked(kind: type[Net], size: int, max_bytes: int) -> tuple[LanguageModel, list[int]]:
    """Return a model, and the bytes of the models that were checked."""
    checked: list[int] = []
    make = partial(build, kind, size)
    model = build_checked(make, make, lambda model: checked.append(num_bytes(model.module)), max_bytes)
    return model, checked


def weights(model: LanguageModel) -> list[Tensor]:
    return list(model.module.state_dict().values())


def test_a_model_of_petabytes_is_refused_without_memory() -> None:
    def refuse(model: LanguageModel) -> None:
        assert num_bytes(model.module) > 1e15
        raise TextgenError("too large")

    make = partial(build, Net, 10**8)
    with pytest.raises(TextgenError, match="too large"):
        build_checked(make, make, refuse)


@pytest.mark.parametrize("max_bytes", [0, 400, 10**6])
def test_the_model_is_the_same_however_it_was_checked(max_bytes: int) -> None:
    random_state = torch.get_rng_state()
    plain = build(Net, 8)
    model, checked = built_checked(Net, 8, max_bytes)
    assert checked == [num_bytes(plain.module)]
    assert all(map(torch.equal, weights(model), weights(plain)))
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.zeros(1).device.type == "cpu"


def test_a_small_model_is_built_once() -> None:
    before = Net.built
    built_checked(Net, 8, 10**6)
    assert Net.built == before + 1


def test_a_model_that_needs_values_is_not_checked() -> None:
    model, checked = built_checked(Measuring, 8, 0)
    assert not checked
    assert isinstance(model.module, Measuring)
