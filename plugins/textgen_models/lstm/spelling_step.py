"""Generation step of an LSTM that spells."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from textgen.nn.quantized_linear import pack_linear
from textgen_models.lstm.layers import OUTPUT_GAIN
from textgen_models.lstm.speller import AFTER_SPELLING, INSIDE, Speller
from textgen_models.lstm.spelling_model import SpellingState
from textgen_models.lstm.step import LayerStates, LSTMStep, for_sigmoid


class SpellingStepState(NamedTuple):
    """The parts of a `SpellingState` in the form of `LSTMStep`, and two products of the features."""

    before: LayerStates
    after: LayerStates
    prefix: LayerStates
    begun: Tensor
    """[batch, width], what the features before an unfinished spelling add to the prediction."""
    beginning: Tensor
    """[batch, width], what those after the last token would add, if a spelling begins."""
    is_spelling: Tensor


class SpellingStep:
    """Ids [batch] and a state to log-probabilities [batch, vocab_size] and the next state.

    `words` is the step of the word model, whose outputs are classes (see `Speller`), `input_weight` the
    weight of its first layer's inputs, and `table` [vocab_size, size] the vectors of all tokens.
    `is_normalized` tells whether the outputs are log-probabilities.
    """

    def __init__(
        self,
        speller: Speller,
        words: LSTMStep,
        input_weight: Tensor,
        table: Tensor,
        dtype: torch.dtype,
        *,
        is_normalized: bool,
    ) -> None:
        self._speller, self._words, self._is_normalized = speller, words, is_normalized
        self._encoder = LSTMStep(
            table[speller.characters], [speller.encoder], lambda features: features, OUTPUT_GAIN, dtype
        )
        # The vector of a spelling and what it adds to the first layer's gates are one matmul.
        into_gates = for_sigmoid(input_weight.detach())
        vector = speller.vector
        self._spelled = pack_linear(into_gates @ vector.weight, into_gates @ vector.bias, dtype, OUTPUT_GAIN)
        words_in, prefix_in = speller.from_words.weight, speller.from_prefix
        self._from_words = pack_linear(words_in, words_in.new_zeros(len(words_in)), dtype, OUTPUT_GAIN)
        self._from_prefix = pack_linear(prefix_in.weight, prefix_in.bias, dtype, OUTPUT_GAIN)
        self._bias = prefix_in.bias.detach()
        self._output = speller.output.for_generation(dtype, bound=1.0)

    def __call__(
        self, ids: Tensor, state: SpellingStepState | SpellingState
    ) -> tuple[Tensor, SpellingStepState]:
        """Advance by one token. The first state may be the model's, later ones are the step's own."""
        speller = self._speller
        last = self._convert(state) if isinstance(state, SpellingState) else state
        spells = speller.spells[ids]
        continues = last.is_spelling & speller.continues[ids]
        characters = speller.character_of[ids].clamp(min=0)
        prefix = _select(continues, last.prefix, self._encoder.by_layer(self._no_prefix(ids)))
        prefixes, prefix = self._encoder.read(self._encoder.inputs(characters), prefix)
        spelled = self._spelled(self._spelled.prepare_input(prefixes))
        inputs = torch.where(spells[:, None], spelled, self._words.inputs(ids))
        before = _select(continues, last.before, last.after)
        begun = torch.where(continues[:, None], last.begun, last.beginning)
        features, after = self._words.read(inputs, before)
        beginning = self._from_words(self._from_words.prepare_input(features))
        start = self._logits(beginning + self._bias, AFTER_SPELLING * spells.long())
        inside = self._logits(
            self._from_prefix(self._from_prefix.prepare_input(prefixes)) + begun, torch.full_like(ids, INSIDE)
        )
        words = self._words.output(features).float()
        words = words if self._is_normalized else words.log_softmax(-1)
        following = SpellingStepState(before, after, prefix, begun, beginning, spells)
        return speller.join(words, start, inside, spells), following

    def _logits(self, mixed: Tensor, place: Tensor) -> Tensor:
        return self._speller.mask(self._output(torch.tanh(mixed)).float(), place)

    def _no_prefix(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        zeros = self._bias.new_zeros(len(ids), 1, self._speller.width)
        return zeros, zeros

    def _convert(self, state: SpellingState) -> SpellingStepState:
        begun, beginning = (
            self._from_words(self._from_words.prepare_input(OUTPUT_GAIN * hidden[:, -1]))
            for hidden, _ in (state.before, state.after)
        )
        hidden, cell = (part[:, None] for part in state.prefix)
        return SpellingStepState(
            self._words.by_layer(state.before),
            self._words.by_layer(state.after),
            self._encoder.by_layer((hidden, cell)),
            begun,
            beginning,
            state.is_spelling,
        )


def _select(condition: Tensor, chosen: LayerStates, others: LayerStates) -> LayerStates:
    """Return the state with the rows of `chosen` where `condition` [batch] is true, else of `others`."""
    return [
        (
            torch.where(condition[:, None], hidden, other_hidden),
            torch.where(condition[:, None], cell, other_cell),
        )
        for (hidden, cell), (other_hidden, other_cell) in zip(chosen, others, strict=True)
    ]
