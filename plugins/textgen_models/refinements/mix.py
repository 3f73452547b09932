"""The models `match` and `mix`, which refine another by counts of what followed the same contexts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import numpy as np
import torch
from annotated_types import Ge, Le, doc
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import BaseModel, Search, TokenIds
from textgen.runtime.messages import require_extra
from textgen_models.refinements.base import Refinement

if TYPE_CHECKING:
    from textgen_models.refinements.context_mixing import Chains, Floats, Integers, Settings


NUM_SHOWN = 24
"""Tokens of a context that was found, and of what followed it, that are shown."""
FROZEN_RATE = 0.3
"""Learning rate of weights that do not learn on, relative to that of those that do."""


class Memory(NamedTuple):
    """What was read and learnt of each text, batch first."""

    tokens: Tensor
    """[batch, window], those that were read, then zeros."""
    num_read: Tensor
    """[batch]."""
    weights: Tensor
    """[batch, selectors, sets, inputs]."""
    prediction: Tensor
    """[batch, vocab_size], the log-probabilities of the base after the last token."""


class Mix(Refinement):
    """Counts what followed the same contexts in the training text and in the text that it reads, and mixes.

    See `context_mixing.py`. What is read counts at once, and the weights of all counts learn on from each
    token; they begin with what they had learnt from held-out text.
    """

    reads_on: ClassVar[bool] = True
    window: ClassVar[int] = 2**17
    """Tokens of a text that are remembered; then the older half is forgotten."""
    num_counted: ClassVar[int] = 2**21
    """Tokens of the training text that are counted, the last ones, so that its counts fit in memory."""
    text: Tensor
    """[tokens], the end of the training text."""
    weights: Tensor
    """[selectors, sets, inputs], with which each text begins."""

    def __init__(
        self,
        vocab_size: int,
        *,
        tokens: Sequence[str],
        base: BaseModel | None = None,
        places: Annotated[
            int,
            Ge(1),
            Le(4096),
            doc("Number of most recent occurrences of a context that are counted."),
            Search(16, 1024, log=True),
        ] = 256,
        rate: Annotated[
            float, Ge(0), Le(1), doc("Learning rate of the weights."), Search(0.001, 0.03, log=True)
        ] = 0.006,
    ) -> None:
        super().__init__(vocab_size, base)
        require_extra("numba", "mix", "the models match and mix need the package numba")
        compiled, rates = _compiled(), (rate, rate) if self.reads_on else (FROZEN_RATE * rate, 0.0)
        self._alphabet = compiled.alphabet(tokens)
        self._fitting = compiled.Settings(places, float(rates[0]), self.reads_on)
        self._reading = self._fitting._replace(rate=float(rates[1]))
        size = (compiled.NUM_SELECTORS, min(vocab_size, compiled.NUM_SETS), compiled.NUM_INPUTS)
        self.register_buffer("weights", torch.full(size, compiled.FIRST_WEIGHT))
        self.register_buffer("text", torch.zeros(0, dtype=torch.int32))
        self._trained: Chains | None = None
        self._kept: list[Chains] = []

    def fit(self, ids: TokenIds) -> None:
        """Keep the end of the training text."""
        self.text = torch.from_numpy(np.asarray(ids[max(0, len(ids) - self.num_counted) :], np.int32).copy())
        self._trained = None

    @torch.inference_mode()
    def fit_held_out(self, stretches: Sequence[TokenIds]) -> None:
        """Learn the weights from stretches of text, in turn from windows of each."""
        texts, chains = None, self._take_chains(0)
        weights = np.full_like(_array(self.weights), _compiled().FIRST_WEIGHT)
        for window, predictions in self.held_out(stretches):
            if texts is None:
                texts = _arrays(self.initial_memory(len(window.inputs)))
                chains = self._take_chains(len(window.inputs))
            for row, end in enumerate(window.is_text.sum(1)):
                ids, base = _array(window.inputs[row, :end].int()), _array(predictions[row, :end])
                self._read(chains[row], texts, row, weights, self._fitting, ids, base)
        if np.isfinite(weights).all():
            self.weights.copy_(torch.from_numpy(weights))

    def longest_places(self, ids: TokenIds) -> list[tuple[TokenIds, TokenIds]]:
        """Return, for each token of a text, the longest context that was found after it, and what followed.

        Both are empty where none was found. `NUM_SHOWN` tokens of each are returned at most.
        """
        chains, trained, found = _compiled().Chains(self._alphabet), self._training_text(), []
        chains.make_room(len(ids))
        for position, token in enumerate(ids):
            chains.read(np.array([token], np.int32))
            text, end = chains.longest(trained)
            shared, most = 0, min(NUM_SHOWN, position + 1, end)
            while shared < most and text[end - 1 - shared] == ids[position - shared]:
                shared += 1
            found.append((text[end - shared : end], text[end : end + NUM_SHOWN]))
        return found

    def initial_memory(self, batch_size: int) -> Memory:
        """Return that no token was read, and the weights that were fitted."""
        new = self.weights.new_zeros
        return Memory(
            tokens=new((batch_size, self.window), dtype=torch.int32),
            num_read=new(batch_size, dtype=torch.int64),
            weights=self.weights.expand(batch_size, -1, -1, -1),
            prediction=new((batch_size, self.vocab_size)),
        )

    def refine(self, predictions: Tensor, ids: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Return the refined log-probabilities [batch, time, vocab_size], and the memory after `ids`."""
        texts, refined, tokens = _arrays(memory), _array(predictions), _array(ids.int())
        chains = self._take_chains(len(ids))

        def read(row: int) -> None:
            self._read(chains[row], texts, row, texts.weights[row], self._reading, tokens[row], refined[row])

        self._training_text()  # made once, before several threads need it
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            run = pool.map if ids.shape[1] > 1 else map  # a step is over before a thread has begun
            list(run(read, range(len(ids))))
        self._kept = chains
        return torch.from_numpy(refined).to(ids.device), Memory(
            *(torch.from_numpy(part).to(ids.device) for part in texts)
        )

    def _take_chains(self, num_texts: int) -> list[Chains]:
        """Return chains for texts: of those that were kept, which another call then lacks, and new ones."""
        kept, self._kept = self._kept, []
        return kept + [_compiled().Chains(self._alphabet) for _ in range(num_texts - len(kept))]

    def _read(
        self,
        chains: Chains,
        memory: Any,
        row: int,
        weights: Floats,
        settings: Settings,
        ids: Integers,
        predictions: Floats,
    ) -> None:
        """Read tokens [time] of a text, and refine `predictions` [time, vocab_size]; all change in place."""
        tokens, last, trained = memory.tokens[row], memory.prediction[row], self._training_text().places
        num_read, begin = int(memory.num_read[row]), 0
        while begin < len(ids):
            if num_read == self.window:
                num_read -= self.window // 2
                tokens[:num_read], tokens[num_read:] = tokens[-num_read:].copy(), 0
            end = min(len(ids), begin + self.window - num_read)
            part, base = ids[begin:end], predictions[begin:end]
            chains.follow(tokens[:num_read])
            chains.make_room(len(part))
            likeliest, next_last = base.argmax(1), base[-1].copy()
            num_used = _compiled().mix(
                chains.places,
                num_read,
                trained,
                self._alphabet,
                settings,
                weights,
                (last, int(last.argmax())),
                part,
                base,
                likeliest,
            )
            chains.has_read(len(part), num_used)
            tokens[num_read : num_read + len(part)], last[:] = part, next_last
            num_read, begin = num_read + len(part), end
        memory.num_read[row] = num_read

    def _training_text(self) -> Chains:
        """Return the chains of the training text, which are made where they are first needed."""
        if self._trained is None:
            self._trained = _compiled().Chains(self._alphabet)
            self._trained.follow(self.text.cpu().numpy())
        return self._trained

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Load the training text, whose length a new model does not know."""
        if (text := state_dict.get(f"{prefix}text")) is not None:
            if len(text) and not 0 <= int(text.min()) <= int(text.max()) < self.vocab_size:
                raise ValueError("the training text has tokens that the vocabulary lacks")
            self.text, self._trained = text.to(self.text), None
        super()._load_from_state_dict(state_dict, prefix, *rest)


class Match(Mix):
    """Counts what followed the same contexts in the training text alone, and mixes; see `Mix`."""

    reads_on: ClassVar[bool] = False


def _compiled() -> ModuleType:
    """Return the module that needs numba, which a class that is only looked at does not."""
    from textgen_models.refinements import context_mixing

    return context_mixing


def _array(tensor: Tensor) -> NDArray[Any]:
    """Return a copy of a tensor as a contiguous array."""
    return tensor.cpu().numpy().copy(order="C")


def _arrays(memory: Memory) -> Any:
    return Memory(*map(_array, memory))  # type: ignore[arg-type]
