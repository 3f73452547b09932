"""Components that change what belongs to the whole process, and the check that finds it."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textgen_kit import run_checks
from textgen_kit.checking import SETTINGS
from textgen_models.counting import Uniform
from textgen_tokenizers.char import CharTokenizer

CHANGES: dict[str, Callable[[], object]] = {
    "torch's default dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch's default device": lambda: torch.set_default_device("meta"),
    "torch's grad mode": lambda: torch.set_grad_enabled(False),
    "torch's number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "torch's use of deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "the working directory": lambda: os.chdir(os.sep),
    "os.environ": lambda: os.environ.update(TEXTGEN_TEST="1"),
    "the filters of warnings": lambda: warnings.simplefilter("ignore"),
    "the global random state of Python": random.random,
    "the global random state of numpy": np.random.random,
    "the global random state of torch": lambda: torch.rand(1),
}

OTHER_THREADS = torch.get_num_threads() % 2 + 1


class Numbered(nn.Module):
    """Logits that it has learnt."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(vocab_size))

    def initial_state(self, batch_size: int) -> Any:
        return ()

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.logits.expand(*ids.shape, -1), state


def cleaner(when_built: Callable[[], object], when_used: Callable[[], object]) -> type:
    class Cleaner:
        """Leaves the text unchanged."""

        def __init__(self) -> None:
            when_built()

        def clean(self, text: str) -> str:
            when_used()
            return text

    return Cleaner


def nothing() -> None:
    pass


def values() -> list[Any]:
    return [setting.get() for setting in SETTINGS]


def failures(kind: str, component: type) -> dict[str, str]:
    """Return what a component fails, once it is sure that the checks leave everything unchanged."""
    before = values()
    results = run_checks(kind, component)
    assert values() == before
    return {result.check: result.reason for result in results if result.status == "failed"}


def test_every_setting_is_tried() -> None:
    assert sorted(CHANGES) == sorted(setting.name for setting in SETTINGS)


def test_a_cleaner_that_changes_nothing_passes() -> None:
    assert failures("cleaner", cleaner(nothing, nothing)) == {}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("is_built", [True, False], ids=["built", "used"])
def test_a_change_is_found_and_undone(name: str, is_built: bool) -> None:
    actions = (CHANGES[name], nothing) if is_built else (nothing, CHANGES[name])
    assert name in failures("cleaner", cleaner(*actions))["cleaner-no-global-state"]


def test_what_a_component_sets_back_is_no_change() -> None:
    def quietly() -> None:
        with warnings.catch_warnings(), torch.random.fork_rng(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.rand(1)

    assert failures("cleaner", cleaner(quietly, quietly)) == {}


class DoublePrecision(Numbered):
    """Wants all models to be as precise."""

    def __init__(self, vocab_size: int) -> None:
        torch.set_default_dtype(torch.float64)
        super().__init__(vocab_size)


class ThreadsOfItsOwn(Numbered):
    """Wants all models to have as many."""

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        torch.set_num_threads(OTHER_THREADS)
        return super().forward(ids, state)


class NoGradients(Numbered):
    """Predicts without gradients, and leaves it at that."""

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits = super().forward(ids, state)[0]
        torch.set_grad_enabled(False)
        return logits, state


class SetsAVariable(CharTokenizer):
    """Characters, and a variable of the environment."""

    def fit(self, text: str) -> None:
        super().fit(text)
        os.environ["TOKENIZERS_PARALLELISM"] = "false"


class ShufflesWithPython(Uniform):
    """Draws when it is fitted."""

    def fit(self, ids: Any) -> None:
        random.random()
        super().fit(ids)


@pytest.mark.parametrize(
    ("kind", "component", "name"),
    [
        ("model", DoublePrecision, "torch's default dtype"),
        ("model", ThreadsOfItsOwn, "torch's number of threads"),
        ("model", NoGradients, "torch's grad mode"),
        ("model", ShufflesWithPython, "the global random state of Python"),
        ("tokenizer", SetsAVariable, "os.environ"),
    ],
)
def test_models_and_tokenizers_are_watched_too(kind: str, component: type, name: str) -> None:
    assert name in failures(kind, component)[f"{kind}-no-global-state"]


@pytest.mark.parametrize(("kind", "component"), [("model", Numbered), ("tokenizer", CharTokenizer)])
def test_without_its_fault_it_passes(kind: str, component: type) -> None:
    assert failures(kind, component) == {}
