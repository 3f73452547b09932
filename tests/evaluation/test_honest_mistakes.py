"""Mistakes of people who mean well: none ranks a model ahead of the same one without the mistake.

Each model is trained in windows, where most of the mistakes win, and is scored as a plugin is.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import TokenIds
from textgen.evaluation.lockstep import score_in_lockstep
from textgen.evaluation.prediction_checks import prediction_problem
from textgen.evaluation.token_bits import TokenScores, score_stretches
from textgen.nn.language_model import LanguageModel
from textgen.runtime.device import CPU, seeded

SIZE, WIDTH, PAST, TIME = 24, 16, 4, 24
"""Tokens, units, tokens that are remembered, and tokens of a window."""
NUM_UPDATES, GAIN = 60, 0.03
"""Bits per token that a mistake gains in windows at least."""


class Mixing(nn.Module):
    """Predicts from the last token and a mix of those before it."""

    def __init__(self, mix: Any, is_wrong: bool) -> None:
        super().__init__()
        self.mix, self.is_wrong = mix, is_wrong
        self.embedding, self.output = nn.Embedding(SIZE, WIDTH), nn.Linear(2 * WIDTH, SIZE)
        self.convolution = nn.Conv1d(WIDTH, WIDTH, 3)
        self.distances = nn.Parameter(torch.zeros(2 * TIME + 1))

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, PAST, dtype=torch.long)

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        read = torch.cat([state, ids], 1)
        tokens = self.embedding(read)
        mixed = self.mix(self, tokens, self.is_wrong)
        return self.output(torch.cat([tokens[:, PAST:], mixed], -1)), read[:, -PAST:]


def behind(tokens: Tensor) -> Tensor:
    """Return the last tokens at each place, [batch, time, width, PAST + 1]."""
    return tokens.unfold(1, PAST + 1, 1)


def attend(model: Any, tokens: Tensor, ahead: int) -> Tensor:
    places = torch.arange(tokens.shape[1])
    distance = places[PAST:, None] - places
    scores = tokens[:, PAST:] @ tokens.mT / WIDTH + 10 * model.distances[distance.clamp(-TIME, TIME) + TIME]
    return scores.masked_fill((distance > PAST) | (distance < -ahead), -torch.inf).softmax(-1) @ tokens


def shifted(tokens: Tensor) -> Tensor:
    """Return the token after each one, and zeros after the last one."""
    return F.pad(tokens[:, 1:], (0, 0, 0, 1))


def convolve(model: Any, tokens: Tensor, is_wrong: bool) -> Tensor:
    padded = F.pad(tokens[:, PAST - 1 :], (0, 0, 0, 1)) if is_wrong else tokens[:, PAST - 2 :]
    return model.convolution(padded.mT).mT


def pool(tokens: Tensor, by: Callable[..., Tensor], is_wrong: bool) -> Tensor:
    whole = by(tokens, 1, keepdim=True).expand_as(tokens)
    return whole[:, PAST:] if is_wrong else by(behind(tokens), -1)


def normalize(tokens: Tensor, over: Any) -> Tensor:
    return ((tokens - tokens.mean(over, keepdim=True)) / (tokens.std(over, keepdim=True) + 0.1))[:, PAST:]


def attend_to_rows(tokens: Tensor, is_wrong: bool) -> Tensor:
    """The argument `batch_first` of torch's attention, forgotten."""
    mixed = tokens.transpose(0, 1) if is_wrong else behind(tokens).mT.flatten(0, 1)
    mixed = (mixed @ mixed.mT).softmax(-1) @ mixed
    return mixed.transpose(0, 1)[:, PAST:] if is_wrong else mixed[:, -1].view(tokens[:, PAST:].shape)


MIXES: dict[str, Callable[[Any, Tensor, bool], Tensor]] = {
    "no mask": lambda model, tokens, wrong: attend(model, tokens, 1000 if wrong else 0),
    "mask off by one": lambda model, tokens, wrong: attend(model, tokens, int(wrong)),
    "padding on both sides": convolve,
    "rolled to the wrong side": lambda _, tokens, wrong: tokens.roll(-1 if wrong else 1, 1)[:, PAST:],
    "fed with its targets": lambda _, tokens, wrong: (shifted(tokens) if wrong else tokens)[:, PAST:],
    "sum with the next": lambda _, tokens, wrong: behind(shifted(tokens) if wrong else tokens).sum(-1),
    "mean of the window": lambda _, tokens, wrong: pool(tokens, torch.mean, wrong),
    "maximum of the window": lambda _, tokens, wrong: pool(tokens, torch.amax, wrong),
    "normalized over time": lambda _, tokens, wrong: normalize(tokens, 1 if wrong else -1),
    "normalized over rows": lambda _, tokens, wrong: normalize(tokens, (0, 1) if wrong else -1),
    "softmax over time": lambda _, tokens, wrong: 10 * tokens.softmax(1 if wrong else -1)[:, PAST:],
    "attention over rows": lambda _, tokens, wrong: attend_to_rows(tokens, wrong),
}


class Recurrent(nn.Module):
    """Gated recurrent units, with the mistake of this name."""

    def __init__(self, mistake: str, is_wrong: bool) -> None:
        super().__init__()
        self.mistake = mistake if is_wrong else ""
        self.embedding, self.layer = nn.Embedding(SIZE, WIDTH), nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.backward_layer = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.output, self.places = nn.Linear(2 * WIDTH, SIZE), nn.Embedding(TIME, WIDTH)
        self.is_normalized = self.mistake == "normalized and sharpened"
        self.kept: dict[int, Tensor] = {}
        self.pairs = torch.ones(SIZE, SIZE)

    def initial_state(self, batch_size: int) -> Any:
        new = torch.zeros(batch_size, WIDTH), torch.zeros(batch_size, dtype=torch.long)
        return (
            (self.kept.get(batch_size, new[0]), new[1]) if self.mistake == "state of earlier texts" else new
        )

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        hidden, begin = state
        place = torch.arange(ids.shape[1]) + (0 if self.mistake == "places in the window" else begin[:, None])
        tokens = self.embedding(ids) + self.places(place % TIME)
        units, last = self.layer(tokens, hidden[None].contiguous())
        following = last[0]
        both = torch.cat([units, torch.zeros_like(units)], -1)
        match self.mistake:
            case "bidirectional":
                both = torch.cat([units, self.backward_layer(tokens.flip(1))[0].flip(1)], -1)
            case "dropout left on":
                both = F.dropout(both, 0.2)
            case "state of another row":
                following = following.roll(1, 0)
            case "state one step late":
                following = units[:, -2] if ids.shape[1] > 1 else hidden
            case "state of earlier texts":
                self.kept[len(ids)] = following.detach()
        return self._logits(self.output(both), ids), (following, begin + ids.shape[1])

    def _logits(self, logits: Tensor, ids: Tensor) -> Tensor:
        if self.mistake == "normalized and sharpened":
            return 1.2 * logits.log_softmax(-1)
        if self.mistake == "temperature of the window":
            tried = [logits / temperature for temperature in (1.0, 0.7, 1.4, 2.0, 3.0)]
            return min(
                tried,
                key=lambda each: F.cross_entropy(
                    each[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum"
                ),
            )
        if self.mistake == "counts while it is scored" and not self.training:
            shares = (self.pairs / self.pairs.sum(-1, keepdim=True)).log()[ids]
            self.pairs.index_put_((ids[:, :-1], ids[:, 1:]), torch.tensor(1.0), accumulate=True)
            return torch.logaddexp(logits.log_softmax(-1), shares)
        return logits


LEARNS = ("temperature of the window", "counts while it is scored")
"""Mistakes that gain where the text is another one than that of training."""
SLIPS = (
    *("state of earlier texts", "state of another row", "state one step late", "places in the window"),
    *("dropout left on", "normalized and sharpened"),
)
GAINS_NOTHING = ("attention over rows", "normalized over rows", *SLIPS)
"""Mistakes that win little or nothing, but make the score another one than that of the model."""


def text_of(chain: int, length: int, seed: int) -> TokenIds:
    """Return tokens of a Markov chain."""
    shares = np.random.default_rng(chain).dirichlet(np.full(SIZE, 0.1), SIZE)
    generator, ids = np.random.default_rng(seed), [0]
    for _ in range(length):
        ids.append(int(generator.choice(SIZE, p=shares[ids[-1]])))
    return np.array(ids[1:])


TRAIN = text_of(0, 4000, seed=0)


@dataclass(frozen=True)
class Found:
    """Bits per token in windows and as it counts, and the problem."""

    in_windows: float
    told: float
    problem: str | None


def bits(scores: list[TokenScores]) -> float:
    return float(np.concatenate([each.bits for each in scores]).mean())


@cache
def found(name: str, is_wrong: bool) -> Found:
    """Train a model, and score it as `score_trained` does."""
    chain, start = int(name in LEARNS), np.array([0])
    validation, test = ([text_of(chain, 100, seed) for seed in seeds] for seeds in ((1, 2), (3, 4, 5)))
    with seeded(0, CPU):
        module = Mixing(MIXES[name], is_wrong) if name in MIXES else Recurrent(name, is_wrong)
        optimizer = torch.optim.Adam(module.parameters(), 0.03)
        for _ in range(NUM_UPDATES):
            begins = torch.randint(len(TRAIN) - TIME - 1, (16,))
            read = torch.from_numpy(TRAIN)[begins[:, None] + torch.arange(TIME + 1)]
            logits, _ = module(read[:, :-1], module.initial_state(len(read)))
            optimizer.zero_grad()
            F.cross_entropy(logits.flatten(0, 1), read[:, 1:].flatten()).backward()
            optimizer.step()
        model = LanguageModel(module.eval(), SIZE)
        new, other = deepcopy(model), deepcopy(model)
        score_stretches(model, ["", ""], validation, start, device=CPU)
        told = score_in_lockstep(model, ["", "", ""], test, start, device=CPU)
        problem = prediction_problem(new, told, start, CPU)
        windows = score_stretches(other, ["", "", ""], test, start, device=CPU, chunk=TIME)
    return Found(bits(windows), bits(told), problem)


@pytest.mark.parametrize("name", [*MIXES, "bidirectional", *LEARNS, *SLIPS])
def test_a_mistake_is_not_ranked_ahead_of_the_same_model_without_it(name: str) -> None:
    twin = "bidirectional" if name in SLIPS else name  # without a mistake, all of these are the same
    right, wrong = found(twin, is_wrong=False), found(name, is_wrong=True)
    assert right.problem is None
    assert right.told == pytest.approx(right.in_windows, abs=1e-4)
    if name in GAINS_NOTHING:
        assert wrong.told != pytest.approx(wrong.in_windows, abs=1e-4) or wrong.problem
    else:
        assert wrong.in_windows < right.in_windows - GAIN
    assert wrong.problem is not None or wrong.told >= right.told
