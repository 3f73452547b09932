"""Models around another one, which is trained in their place."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from textgen.contracts import State, TokenIds
from textgen.nn.language_model import LanguageModel, Step


class WrappedModel(LanguageModel):
    """A model around its `base`, whose `reader` is trained, and which counts and is named as before."""

    def __init__(self, base: LanguageModel, module: nn.Module) -> None:
        self._base = base
        super().__init__(module, base.vocab_size)

    @property
    def label(self) -> str:
        return self._base.label

    @property
    def members(self) -> tuple[LanguageModel, ...]:
        return self._base.members

    @property
    def reader(self) -> LanguageModel:
        return self._base.reader

    @property
    def has_step(self) -> bool:
        return self._base.has_step

    @property
    def is_step_recordable(self) -> bool:
        """False, since what is around the base counts and searches on the CPU."""
        return False

    @property
    def is_normalized(self) -> bool:
        return self._base.is_normalized

    def tokens_read(self, ids: TokenIds) -> TokenIds:
        return self._base.tokens_read(ids)

    def rest_nats(self, ids: TokenIds) -> float:
        return self._base.rest_nats(ids)

    def loss(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """Refuse: what is trained is the `reader`, on `tokens_read`."""
        raise NotImplementedError("train the reader of this model")


class RefinedModel(WrappedModel):
    """A model on its base: the base is trained, `top` predicts by what that predicts.

    The base includes what spells out-of-vocabulary words, so that the top reads every token of a text.
    """

    def __init__(self, base: LanguageModel, top: nn.Module) -> None:
        self._top = LanguageModel(top, base.vocab_size)
        super().__init__(base, nn.ModuleDict({"base": base.module, "top": top}))

    @property
    def label(self) -> str:
        return self._top.label

    @property
    def parts(self) -> Sequence[LanguageModel]:
        """The base, after what it is made of itself."""
        return (*self._base.parts, self._base)

    @property
    def is_normalized(self) -> bool:
        return self._top.is_normalized

    def longest_places(self, ids: TokenIds) -> Sequence[tuple[TokenIds, TokenIds]]:
        return self._top.longest_places(ids)

    def count_text(self, ids: TokenIds) -> None:
        self._base.count_text(ids)
        if self._top.can_fit:
            self._top.fit(ids)

    def fit_held_out(self, stretches: Sequence[TokenIds]) -> None:
        """Fit the top to text that no model was trained on, after what is below it."""
        self._base.fit_held_out(stretches)
        self._top.fit_held_out(stretches)

    def initial_state(self, batch_size: int) -> State:
        return self._top.initial_state(batch_size)

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        return self._top.forward(ids, state)

    def prepare_step(self, dtype: torch.dtype) -> Step:
        return self._top.prepare_step(dtype)
