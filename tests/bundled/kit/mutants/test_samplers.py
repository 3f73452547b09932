"""Samplers with one fault each, those that remember included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from annotated_types import Gt
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import Search, Vocabulary
from textgen.generation.sampling import sample_categorical
from textgen_kit import run_checks


class Plain:
    """Draws from the model's distribution."""

    def __init__(self, temperature: float = 1.0) -> None:
        self.temperature = temperature

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return sample_categorical(logits / self.temperature, uniforms)


class Forgetful:
    """Makes tokens that were in the prompt or drawn before less likely."""

    def __init__(self, penalty: float = 1.0) -> None:
        self.penalty = penalty

    def start(self, prompts: Sequence[NDArray[Any]], vocabulary: Vocabulary) -> Any:
        counts = torch.zeros(len(prompts), len(vocabulary))
        for row, prompt in zip(counts, prompts, strict=True):
            row.index_add_(0, torch.from_numpy(prompt.astype(np.int64)), torch.ones(len(prompt)))

        def step(logits: Tensor, uniforms: Tensor) -> Tensor:
            ids = sample_categorical(logits - self.penalty * counts, uniforms)
            counts.scatter_add_(1, ids[:, None], torch.ones(len(ids), 1))
            return ids

        return step


class DrawsImpossibleTokens(Plain):
    found_by = "sampler-impossible-token"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return torch.searchsorted(logits.softmax(-1).cumsum(-1), uniforms[:, None])[:, 0].clamp(
            max=logits.shape[1] - 1
        )


class CountsFromOne(Plain):
    found_by = "sampler-ids"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return super().__call__(logits, uniforms) + 1


class OwnRandomness(Plain):
    found_by = "sampler-deterministic"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return torch.multinomial((logits / self.temperature).softmax(-1), 1)[:, 0]


class DividesInPlace(Plain):
    found_by = "sampler-pure"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return sample_categorical(logits.div_(self.temperature), uniforms)


class DoublesWhatIsPositive(Plain):
    found_by = "sampler-shift"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return super().__call__(torch.where(logits > 0, 2 * logits, logits), uniforms)


class SometimesAnyToken(Plain):
    found_by = "sampler-certain-token"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return sample_categorical(
            torch.where(uniforms[:, None] < 0.2, torch.zeros_like(logits), logits), uniforms
        )


class IgnoresItsTemperature(Plain):
    found_by = "sampler-low-temperature"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return sample_categorical(logits, uniforms)


class RemembersEarlierBatches(Forgetful):
    found_by = "sampler-start"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[NDArray[Any]] = []

    def start(self, prompts: Sequence[NDArray[Any]], vocabulary: Vocabulary) -> Any:
        self.seen.extend(prompts)
        before = np.concatenate(self.seen)
        return super().start([np.append(prompt, before) for prompt in prompts], vocabulary)


class OneMemoryForAllRows(Forgetful):
    found_by = "sampler-batch"

    def start(self, prompts: Sequence[NDArray[Any]], vocabulary: Vocabulary) -> Any:
        return super().start([np.concatenate(prompts)] * len(prompts), vocabulary)


class PrefersTheSecond(Plain):
    """Draws the second likeliest token, unless one is certain."""

    found_by = "sampler-likelier-token"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        first, second = logits.topk(2).values.unbind(1)
        is_sure = (first > second + 10)[:, None]
        others = torch.where(logits == first[:, None], second[:, None] - 5, logits)
        return super().__call__(torch.where(is_sure, logits, others), uniforms)


class ChoosesByTheLogitsAlone(Plain):
    """Neither greedy nor random: what it draws follows from the digits of the logits."""

    found_by = "sampler-uniforms"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return super().__call__(logits, (logits.masked_fill(logits < -100, 0.0).sum(1) * 7.3) % 1)


class NeedsAPrompt(Forgetful):
    found_by = "sampler-batch"

    def start(self, prompts: Sequence[NDArray[Any]], vocabulary: Vocabulary) -> Any:
        assert all(vocabulary.tokens[prompt[-1]] for prompt in prompts)
        return super().start(prompts, vocabulary)


class GroupsOf32Rows(Plain):
    """Gives all rows of a group the number of its first."""

    found_by = "sampler-batch"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return super().__call__(logits, torch.cat([uniforms[:32], uniforms[:1].expand(len(uniforms[32:]))]))


class KnowsFortyTokens(Plain):
    """Its table has one row for each token of the first vocabulary it saw."""

    found_by = "sampler-batch"

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        self.weights = getattr(self, "weights", torch.ones(logits.shape[1]))
        return super().__call__(logits * self.weights, uniforms)


class SearchesWhatItForbids(Plain):
    """`textgen tune` would try a temperature that no user may write."""

    found_by = "sampler-search"

    def __init__(self, temperature: Annotated[float, Gt(0), Search(0, 2, step=0.1)] = 1.0) -> None:
        super().__init__(temperature)


class SearchesAnInvalidValue(Plain):
    """One of the values is not a number."""

    found_by = "sampler-search"

    def __init__(self, temperature: Annotated[float, Search(values=(0.5, "hot"))] = 1.0) -> None:
        super().__init__(temperature)


class SearchesBackwards(Plain):
    """From high to low there is nothing."""

    found_by = "sampler-search"

    def __init__(self, temperature: Annotated[float, Gt(0), Search(1.5, 0.5)] = 1.0) -> None:
        super().__init__(temperature)


class Likeliest:
    """Always the likeliest token."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        return logits.argmax(-1)


@pytest.mark.parametrize("component", [Plain, Forgetful, Likeliest])
def test_without_its_fault_it_passes(component: type) -> None:
    assert [result for result in run_checks("sampler", component) if result.status == "failed"] == []


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert mutant.found_by in failures
    assert failures[mutant.found_by]
    assert "\n" not in failures[mutant.found_by]
