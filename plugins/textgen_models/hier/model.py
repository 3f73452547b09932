"""An LSTM over characters that is told about the words before (Hwang and Sung 2017, arXiv:1609.03777)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge, doc
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.api import PretrainedVectors, Search
from textgen.nn.dropout import LockedDropout
from textgen.nn.embedding import TokenEmbedding
from textgen.nn.feature_model import FeatureModel
from textgen.nn.options import Dropout, EmbeddingSize, HiddenSize, Softmax, TieWeights
from textgen.nn.softmax import output_layer
from textgen_models.hier.ticks import WordEnds
from textgen_models.hier.word_clock import WordClock

OUTPUT_GAIN = 3.0
"""Factor of the outputs of an LSTM, which are well below 1 in a new layer, as in the model `lstm`."""

LayerState = tuple[Tensor, Tensor]
"""Hidden and cell state of an LSTM, each [batch, hidden_size]."""

WordSize = Annotated[
    int, Ge(1), doc("Hidden size of the GRU over words."), Search(64, 1024, log=True, step=64)
]


class HierState(NamedTuple):
    """What is carried from one token to the next, for each row of a batch."""

    lower: LayerState
    upper: LayerState
    word: Tensor
    """Output of the word clock, [batch, word_size]."""
    is_inside: Tensor
    """Whether the text so far ends inside a word, [batch], bool."""


class Hier(FeatureModel):
    """Two LSTM layers over tokens, and between them a GRU over words, which takes one step per word.

    The lower layer reads the tokens. Where a word ends (`WordEnds`), its output advances the GRU. The upper
    layer reads the sum of the lower one's output and of a projection of the GRU's latest output, and predicts
    the next token. Since most characters end no word, the GRU can be wide and reach far back for little time.
    Layers and scales are those of the models `lstm` and `gru`; the projection begins with zeros.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        tokens: Sequence[str],
        hidden_size: HiddenSize = 224,
        word_size: WordSize = 320,
        embedding_size: EmbeddingSize = 0,
        dropout: Dropout = None,
        tie_weights: TieWeights = True,
        softmax: Softmax = "auto",
        vectors: PretrainedVectors | None = None,
    ) -> None:
        super().__init__()
        self.hidden_size, self.word_size = hidden_size, word_size
        self.dropout = LockedDropout(dropout)
        self.input = TokenEmbedding(vocab_size, embedding_size or hidden_size, vectors)
        self.lower = nn.LSTM(self.input.size, hidden_size, batch_first=True)
        self.word_ends = WordEnds(tokens)
        self.words = WordClock(hidden_size, word_size)
        self.projection = nn.Linear(word_size, hidden_size, bias=False)
        self.upper = nn.LSTM(hidden_size, hidden_size, batch_first=True)
        self.output = output_layer(hidden_size, vocab_size, softmax, self.input if tie_weights else None)
        nn.init.zeros_(self.projection.weight)
        _initialise(self.lower, hidden_size)
        _initialise(self.words, word_size)
        _initialise(self.upper, hidden_size)

    def initial_state(self, batch_size: int) -> HierState:
        """Return zeros, and that no word has begun."""
        zeros = self.input.weight.new_zeros(batch_size, self.hidden_size)
        word = self.input.weight.new_zeros(batch_size, self.word_size)
        is_inside = torch.zeros(batch_size, dtype=torch.bool, device=word.device)
        return HierState((zeros, zeros), (zeros, zeros), word, is_inside)

    def features(self, ids: Tensor, state: HierState) -> tuple[Tensor, HierState]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        embedded = self.input(ids) * math.sqrt(self.input.size)
        features, lower = _run(self.lower, self.dropout(embedded), state.lower)
        is_end, is_inside = self.word_ends(ids, state.is_inside)
        outputs, latest, word = self.words(features, is_end, state.word)
        features = features + F.embedding(latest, self.projection(outputs))
        features, upper = _run(self.upper, self.dropout(features), state.upper)
        return self.dropout(features), HierState(lower, upper, word, is_inside)


def _run(layer: nn.LSTM, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
    """Return the scaled outputs of a layer, [batch, time, hidden_size], and its next state."""
    outputs, (hidden, cell) = layer(inputs, (state[0][None], state[1][None]))
    return OUTPUT_GAIN * outputs, (hidden[0], cell[0])


def _initialise(layer: nn.Module, hidden_size: int) -> None:
    for name, parameter in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):  # the second gate forgets in an LSTM, and updates in a GRU
                nn.init.ones_(parameter[hidden_size : 2 * hidden_size])
        elif name.startswith("weight_hh"):
            for gate in parameter.chunk(len(parameter) // hidden_size):
                nn.init.orthogonal_(gate)
        else:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
