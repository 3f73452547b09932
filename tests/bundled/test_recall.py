"""What was read, or trained on, refines predictions as the formula says, and remains a distribution."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.models import Small
from helpers.scoring import CPU, letters, told_ids
from textgen.contracts import TokenIds
from textgen.evaluation.token_bits import score_stretches
from textgen.nn.language_model import LanguageModel
from textgen.nn.refined_model import RefinedModel
from textgen.registry.registry import load
from textgen.runtime.device import seeded
from textgen_models.refinements.cache_and_match import Cache
from textgen_models.refinements.recall import START, features_of, hashes

SIZE = 4
TEXT = np.random.default_rng(0).choice(SIZE, 400, p=[0.5, 0.2, 0.2, 0.1])


def refined(*names: str, size: int = SIZE, **options: Any) -> LanguageModel:
    """A small model refined by these, as in an entry, whose coefficients differ from the default."""
    with seeded(0, CPU):
        model = LanguageModel(Small(size).eval(), size)
        for name in names:
            top = load("model", name)(size, base=model, **options)
            top.fit(TEXT % size)
            top.recall.coefficients += 0.3 * torch.randn_like(top.recall.coefficients)
            model = RefinedModel(model, top.eval())
    return model


def log_probabilities(model: LanguageModel, ids: TokenIds) -> Tensor:
    """The predictions after each of some ids, in one pass."""
    with torch.inference_mode():
        logits, _ = model.forward(torch.from_numpy(ids)[None], model.initial_state(1))
    return logits[0].log_softmax(-1)


@pytest.mark.parametrize("names", [("cache",), ("match",), ("match", "cache"), ("cache", "match")])
def test_all_strings_of_a_length_have_a_probability_of_1_in_sum(names: tuple[str, ...]) -> None:
    model, total = refined(*names, longest=3), 0.0
    for string in product(range(SIZE), repeat=4):
        ids = np.array([0, 1, 0, 1, *string])
        predicted = log_probabilities(model, ids)
        total += float(predicted[3:-1].gather(1, torch.from_numpy(ids[4:, None])).sum().exp())
    assert total == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_contexts_that_differ_in_any_token_have_different_hashes(length: int) -> None:
    contexts = np.array([*product(range(8), repeat=length)])
    assert len(np.unique(hashes(contexts, length)[:, -1])) == 8**length
    assert not hashes(contexts, length)[:, : length - 1].any()


def test_a_cache_follows_the_formula() -> None:
    model = refined("cache", longest=3, window=50, half_life=20.0)
    (cache,) = (each for each in model.module.modules() if isinstance(each, Cache))
    shortest, coefficients = int(cache.recall.shortest), cache.recall.coefficients.double()
    ids = TEXT[:60]
    base = log_probabilities(refined(), ids).double()
    for here in range(len(ids)):
        expected = base[here].exp()
        for length in range(shortest, 4):
            counts = torch.zeros(SIZE, dtype=torch.float64)
            for there in range(max(length - 1, here - 50), here):
                if (
                    here + 1 >= length
                    and (ids[there - length + 1 : there + 1] == ids[here - length + 1 : here + 1]).all()
                ):
                    counts[ids[there + 1]] += 2 ** -((here - there) / 20)
            number = counts.sum()
            known = torch.tensor([1.0, number.log1p(), (counts > 0).sum().log1p()])
            features = torch.cat([known, features_of(base[here][None])[0]])
            alpha = (coefficients[length - 1] @ features.double()).exp()
            expected = (counts + alpha * expected) / (number + alpha)
        found = log_probabilities(model, ids[: here + 1])[-1].double().exp()
        assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_a_match_of_the_training_text_makes_what_follows_there_likely() -> None:
    text = np.random.default_rng(1).integers(0, 30, 2000)
    model = refined("match", size=30)
    top = model.module["top"]  # type: ignore[index]
    top.fit(text)
    top.recall.coefficients.copy_(torch.tensor([START] * len(top.recall.coefficients)))
    rest = log_probabilities(model, text[500:560]).exp()
    following = torch.from_numpy(text[501:561])
    found = rest.gather(1, following[:, None])[10:, 0]
    before = log_probabilities(refined(size=30), text[500:560]).exp().gather(1, following[:, None])[10:, 0]
    assert found.mean() > 2 * before.mean()


@pytest.mark.parametrize("name", ["cache", "match"])
def test_what_is_fitted_to_held_out_text_is_better_there_and_on_other_text(name: str) -> None:
    generator = np.random.default_rng(2)
    words = [generator.integers(0, 30, 6) for _ in range(40)]
    texts = [np.concatenate([words[index] for index in generator.integers(0, 40, 60)]) for _ in range(4)]
    model = refined(name, size=30)
    top = model.module["top"]  # type: ignore[index]
    top.fit(texts[0])
    top.recall.coefficients.copy_(torch.tensor([START] * len(top.recall.coefficients)))
    bits = [bits_per_token(each, texts[3]) for each in (refined(size=30), model)]
    model.fit_held_out(texts[1:3])
    assert bits_per_token(model, texts[3]) < min(bits)


def test_the_state_begins_afresh_whatever_was_read_beside_or_before() -> None:
    model = refined("match", "cache")
    texts = [TEXT[:100], TEXT[100:170], TEXT[170:300]]
    start = np.zeros(1, np.int64)
    together, backwards = (
        [each.bits for each in score_stretches(model, ["a"] * 3, order, start, device=CPU, chunk=chunk)]
        for order, chunk in ((texts, 7), (texts[::-1], 100))
    )
    for one, other in zip(together, backwards[::-1], strict=True):
        assert one == pytest.approx(other, abs=1e-4)


class SeesItsTarget(Cache):
    """It has read a token before it predicts it."""

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        predictions, state = super().forward(ids, state)
        return torch.logaddexp(predictions, torch.nn.functional.one_hot(ids.roll(-1, 1), SIZE).log()), state


class RemembersStretches(Cache):
    """It keeps what it read in other stretches, in a second pass too."""

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        state = state._replace(memory=getattr(self, "kept", state.memory))
        predictions, following = super().forward(ids, state)
        self.kept = following.memory[:1].expand(1, -1)
        return predictions, following


@pytest.mark.parametrize("cheat", [SeesItsTarget, RemembersStretches])
def test_a_cache_that_cheats_is_found_out(cheat: type[Cache]) -> None:
    found = []
    for kind in (Cache, cheat):
        model = LanguageModel(kind(SIZE).eval(), SIZE)
        found.append(told_ids(model, letters(SIZE), ["a"], [TEXT[:300]])[1])
    assert found[0] is None
    assert found[1] is not None


def bits_per_token(model: LanguageModel, ids: TokenIds) -> float:
    predicted = log_probabilities(model, ids)[:-1].gather(1, torch.from_numpy(ids[1:, None]))
    return float(-predicted.mean()) / np.log(2)
