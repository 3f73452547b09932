"""States that models may have, and such as they may not, each with the check that finds it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from textgen_kit import run_checks

pytestmark = pytest.mark.slow

SIZE = 8


class Fading(nn.Module):
    """The next token depends on a fading sum of all before."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.table, self.output = nn.Embedding(vocab_size, SIZE), nn.Linear(SIZE, vocab_size)

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, SIZE, device=self.output.weight.device)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        sums = []
        for vectors in self.table(ids).unbind(1):
            state = 0.5 * state + vectors
            sums.append(state)
        return self.output(torch.stack(sums, 1)), state


def holding(pack_linear: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]) -> type[Fading]:
    """Return the same model with its state in another form."""

    class Packed(Fading):
        """The same in another form."""

        def initial_state(self, batch_size: int) -> Any:
            return pack_linear(super().initial_state(batch_size))

        def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, following = super().forward(ids, unpack(state))
            return logits, pack_linear(following)

    return Packed


class Sums(NamedTuple):
    sums: Tensor
    more: dict[str, list[Tensor]]


@dataclass
class Box:
    sums: Tensor


class Bigram(nn.Module):
    """The next token depends on the last one."""

    nothing: Any = None

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)

    def initial_state(self, batch_size: int) -> Any:
        return self.nothing

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        assert state == self.nothing
        return self.table(ids), self.nothing


class BigramOfATuple(Bigram):
    """Its state is an empty tuple."""

    nothing = ()


class FullAfterOneToken(Fading):
    """Its state is empty before the first token."""

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, 0)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return super().forward(ids, state if state.shape[1] else super().initial_state(len(ids)))


class LearntFirstState(Fading):
    """Its sum begins with what it has learnt."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__(vocab_size)
        self.first = nn.Parameter(torch.zeros(SIZE))

    def initial_state(self, batch_size: int) -> Any:
        return self.first.expand(batch_size, -1)


class DetachedFirstState(LearntFirstState):
    found_by = "model-gradients"

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size).detach()


class GrowingCache(Fading):
    """Keeps the vectors of all tokens."""

    found_by = "model-joined-states"

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, 0, SIZE, device=self.output.weight.device)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        vectors = torch.cat([state, self.table(ids)], 1)
        return self.output(vectors.cumsum(1)[:, state.shape[1] :]), vectors


class OneListForEachToken(GrowingCache):
    """Keeps them in a list that grows."""

    found_by = "model-state"

    def initial_state(self, batch_size: int) -> Any:
        return []

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        before = torch.stack(state, 1) if state else torch.zeros(len(ids), 0, SIZE)
        logits, vectors = super().forward(ids, before)
        return logits, list(vectors.unbind(1))


class NewKeyForEachChunk(holding(lambda sums: {"sums": sums}, lambda state: state["sums"])):  # type: ignore[misc]
    found_by = "model-state"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return logits, following | {f"chunk {len(state)}": ids}


class OneDimensionMore(holding(lambda sums: sums, lambda state: state.flatten(1))):  # type: ignore[misc]
    found_by = "model-state"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return logits, following[:, None]


class ArrayOfNumpy(holding(lambda sums: sums.detach().numpy(), torch.from_numpy)):  # type: ignore[misc]
    found_by = "model-state"


class ObjectOfItsOwn(holding(Box, lambda state: state.sums)):  # type: ignore[misc]
    found_by = "model-state"


class SumOfAllRows(holding(lambda sums: sums.mean(), lambda state: state)):  # type: ignore[misc]
    found_by = "model-state"


class StateOfTheLastRow(Fading):
    found_by = "model-state"

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, following = super().forward(ids, state)
        return logits, following[-1:]


class NoStateAfterwards(Fading):
    found_by = "model-state"

    def forward(self, ids: Tensor, state: Any) -> Any:
        return super().forward(ids, state)[0]


RIGHT = {
    "tensor": Fading,
    "None": Bigram,
    "empty tuple": BigramOfATuple,
    "empty at first": FullAfterOneToken,
    "learnt": LearntFirstState,
    "named tuple": holding(
        lambda sums: Sums(sums, {"list": [sums, ()]}), lambda state: state.more["list"][0]
    ),
}


@pytest.mark.parametrize("component", RIGHT.values(), ids=RIGHT)
def test_states_of_many_forms_pass(component: type) -> None:
    assert [result for result in run_checks("model", component) if result.status == "failed"] == []


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    reason = failures[mutant.found_by]
    assert "\n" not in reason
    assert re.match("expected ", reason), "a reason for people, not what the kit or torch raised on the way"
