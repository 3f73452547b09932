"""Counts that go on refine predictions as the formula says, and remain a distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from helpers.models import Small
from helpers.scoring import CPU
from textgen.contracts import TokenIds
from textgen.nn.language_model import LanguageModel
from textgen.nn.refined_model import RefinedModel
from textgen.runtime.device import seeded
from textgen_models.refinements.context_mixing import (
    FADE,
    FIRST_WEIGHT,
    LEAST,
    LENGTHS,
    NUM_CONTEXTS,
    NUM_SETS,
)
from textgen_models.refinements.mix import FROZEN_RATE, Match, Mix

TOKENS = ["a", "B", "b", " ", "\n", " Ba", "1", ", a"]
SIZE = len(TOKENS)
RANDOM = np.random.default_rng(0)
TEXT = np.concatenate([np.tile(RANDOM.integers(0, SIZE, 23), 4), RANDOM.integers(0, SIZE, 150)])
HELD_OUT = [TEXT[40:160][::-1].copy(), TEXT[:90]]


class Sure(Small):
    """A small model that is often sure of itself, and wrong."""

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = super().forward(ids, state)
        return 60 * logits, state


def mixing(
    kind: type[Mix] = Mix, of: type[Small] = Small, **options: Any
) -> tuple[LanguageModel, Mix, LanguageModel]:
    """A small model, and a fitted one that refines it, alone and as in an entry."""
    with seeded(0, CPU):
        base = LanguageModel(of(SIZE).eval(), SIZE)
    top = kind(SIZE, tokens=TOKENS, base=base, **options)
    model = RefinedModel(base, top.eval())
    model.count_text(TEXT[::-1])
    model.fit_held_out(HELD_OUT)
    return base, top, model


def log_probabilities(model: LanguageModel, ids: TokenIds) -> Tensor:
    """The predictions after each of some ids, in one pass."""
    with torch.inference_mode():
        logits, _ = model.forward(torch.from_numpy(ids.copy())[None], model.initial_state(1))
    return logits[0].log_softmax(-1)


def contexts(ids: TokenIds) -> list[list[object]]:
    """The contexts after each token, as tuples instead of hashes."""
    nothing: tuple[str, ...] = ()
    found, word, before, earlier = [], nothing, nothing, nothing
    for end, token in enumerate(ids, start=1):
        text = TOKENS[token].lower()
        stem = "".join(each for each in text if each.isalpha())
        if word and not text.isalpha():
            word, before, earlier = nothing, word, before
        word += (stem,) if stem else ()
        current = word or int(token)
        row: list[object] = [tuple(ids[end - each : end]) if end >= each else None for each in LENGTHS]
        row += [(current,), (current, before), (current, before, earlier)]
        row += [tuple(ids[end - 3 : end - 1]) if end >= 3 else None, ()]
        found.append(row)
    return found


class Plainly:
    """The same with lists and dense vectors, for one text."""

    def __init__(self, top: Mix, trained: TokenIds, rate: float, weights: Tensor) -> None:
        self.trained, self.of_trained, self.rate = trained, contexts(trained), rate
        self.weights = weights.double().numpy().copy()
        self.settings, self.reads_on = top._reading, top.reads_on

    def inputs(self, ids: TokenIds, of_ids: list[list[object]], base: NDArray[Any]) -> NDArray[np.float64]:
        """The inputs [4 · contexts, vocab_size] after the last of some ids."""
        inputs = np.zeros((NUM_CONTEXTS, 4, SIZE))
        for index, context in enumerate(of_ids[-1]):
            if context is None:
                continue
            read = [ids[at + 1] for at in range(len(ids) - 1) if of_ids[at][index] == context]
            trained = [
                self.trained[at + 1]
                for at in range(len(self.trained) - 1)
                if self.of_trained[at][index] == context
            ]
            recent = read[::-1][: self.settings.num_places] if self.reads_on else []
            both = [*recent, *trained[::-1]][: self.settings.num_places]
            faded = np.bincount(recent, FADE ** np.arange(len(recent)), SIZE)
            for kind, counts in ((0, faded), (2, np.bincount(both, minlength=SIZE))):
                different = len(set(recent if kind == 0 else both))
                probabilities = np.maximum(np.exp(base), LEAST)
                values = np.log1p(counts / ((0.5 * different + 0.2) * probabilities))
                inputs[index, kind] = values
                inputs[index, kind + 1] = values * (different == 1)
        return inputs.reshape(-1, SIZE)

    def read(self, ids: TokenIds, base: NDArray[Any]) -> NDArray[np.float64]:
        """Refine the predictions after each token, and learn from each by the next."""
        of_ids, refined = contexts(ids), np.zeros((len(ids), SIZE))
        for time in range(len(ids)):
            inputs = self.inputs(ids[: time + 1], of_ids[: time + 1], base[time])
            known = (ids[time], ids[max(0, time - 1)], base[time].argmax())
            sets = [min(each, NUM_SETS - 1) for each in known]
            scores = np.array([self.weights[index, chosen] @ inputs for index, chosen in enumerate(sets)])
            refined[time] = np.log(softmax(base[time] + scores.mean(0)))
            if time + 1 < len(ids):
                hit = np.eye(SIZE)[ids[time + 1]]
                for index, chosen in enumerate(sets):
                    wrong = hit - softmax(base[time] + scores[index])
                    self.weights[index, chosen] += self.rate * inputs @ wrong
        return refined


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers: NDArray[np.float64] = np.exp(logits - logits.max())
    return powers / powers.sum()


@pytest.mark.parametrize("kind", [Mix, Match])
@pytest.mark.parametrize(("of", "places", "rate"), [(Small, 3, 0.05), (Small, 256, 0.05), (Sure, 256, 1e-3)])
def test_it_follows_the_formula(kind: type[Mix], of: type[Small], places: int, rate: float) -> None:
    base, top, model = mixing(kind, of, places=places, rate=rate)
    first = torch.full_like(top.weights, FIRST_WEIGHT)
    fitted = Plainly(top, TEXT[::-1], rate if kind is Mix else rate * FROZEN_RATE, first)
    for ids in sorted(HELD_OUT, key=len, reverse=True):  # in turn by windows, which are longer than these
        fitted.read(ids[:-1], log_probabilities(base, ids[:-1]).numpy())
    assert top.weights.numpy() == pytest.approx(fitted.weights, abs=1e-5)
    plain = Plainly(top, TEXT[::-1], rate if kind is Mix else 0.0, top.weights)
    expected = plain.read(TEXT, log_probabilities(base, TEXT).numpy())
    assert log_probabilities(model, TEXT).numpy() == pytest.approx(expected, abs=1e-5, rel=1e-6)


def test_the_longest_context_is_found_in_what_was_read_or_trained_on() -> None:
    _, top, _ = mixing()
    text = RANDOM.integers(0, SIZE, 200)
    top.fit(text)
    read = np.concatenate((text[20:40], text[100:110], text[20:30]))
    context, following = top.longest_places(read)[24]
    assert (context.tolist(), following.tolist()) == (text[100:105].tolist(), text[105:129].tolist())
    context, following = top.longest_places(read)[39]
    assert (context.tolist(), following[:5].tolist()) == (read[30:40].tolist(), read[10:15].tolist())
    assert not len(top.longest_places(read)[0][0])
