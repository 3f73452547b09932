"""What decided a prediction: the bits of each model that an entry is made of, and the places it recalled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.saved_run import Trained
from textgen.nn.language_model import LanguageModel

MAX_CHARS = 40
"""Characters of a recalled context, and of what followed it, that are shown."""


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """The longest context that a model found again before a token, and what followed it there."""

    by: str
    """The name of the model."""
    num_chars: int
    """Characters of the context."""
    context: str
    """Its last characters."""
    following: str


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """What decided the predictions of the tokens of a text."""

    bits: tuple[tuple[float, ...], ...]
    """Bits of each token, by each of the models that the entry is made of."""
    recalled: tuple[tuple[Recalled, ...], ...]
    """Places that were found before each token."""

    def part(self, indices: NDArray[np.int64]) -> Reasons:
        """Return the reasons for some of the tokens."""
        bits, recalled = (tuple(each[index] for index in indices) for each in (self.bits, self.recalled))
        return Reasons(bits=bits, recalled=recalled)


def names_of(model: LanguageModel) -> tuple[str, ...]:
    """Return the names of the models that a model is made of; none if it is one alone."""
    return tuple(each.label for each in model.parts)


def find_reasons(trained: Trained, stretches: Sequence[TokenIds], device: torch.device) -> Iterator[Reasons]:
    """Yield, for each stretch of tokens, what decided their predictions; nothing for a model alone."""
    model, start = trained.model, trained.tokenizer.encode(START)
    if not model.parts:
        return
    texts = [trained.tokenizer.decode(ids) for ids in stretches]
    scored = [score_stretches(each, texts, stretches, start, device=device) for each in model.parts]
    for index, ids in enumerate(stretches):
        read = np.concatenate((start, ids))[:-1]
        found: list[list[Recalled]] = [[] for _ in ids]
        for each in (*model.parts, model):
            places = each.longest_places(read)[len(start) - 1 :]
            for recalled, (context, following) in zip(found, places, strict=False):
                if len(context):
                    recalled.append(_recalled(trained.tokenizer, each.label, context, following))
        by_token = zip(*(each[index].bits.round(3).tolist() for each in scored), strict=True)
        yield Reasons(bits=tuple(by_token), recalled=tuple(map(tuple, found)))


def _recalled(tokenizer: BoundTokenizer, by: str, context: TokenIds, following: TokenIds) -> Recalled:
    text = tokenizer.decode(context)
    return Recalled(
        by=by,
        num_chars=len(text),
        context=text[-MAX_CHARS:],
        following=tokenizer.decode(following)[:MAX_CHARS],
    )
