"""A stack of LSTM layers (Hochreiter and Schmidhuber 1997), as in the original text generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import doc
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.api import PretrainedVectors, Search
from textgen.nn.dropout import LockedDropout
from textgen.nn.embedding import TokenEmbedding
from textgen.nn.options import Dropout, EmbeddingSize, HiddenSize, NumLayers, Softmax, TieWeights
from textgen.nn.softmax import output_layer
from textgen_models.lstm.layers import OUTPUT_GAIN, initialise, ragged_lstm
from textgen_models.lstm.speller import Speller, can_spell
from textgen_models.lstm.spelling_model import LSTMState, SpellingModel
from textgen_models.lstm.spelling_step import SpellingStep
from textgen_models.lstm.step import LSTMStep

Spelling = Annotated[
    Literal["layers", "apart"],
    doc("OOV words of a word tokenizer: spelled by these layers, or apart, by an LSTM over characters."),
    Search(),
]


class LSTM(SpellingModel):
    """Token embedding, `num_layers` LSTM layers with dropout around them, and a linear output layer.

    The output weights are those of the embedding (Press and Wolf 2017) if `tie_weights` is set and both
    have the same size. Embedded tokens are scaled by the root of their size (Vaswani et al. 2017, section
    3.4). The forget gates start open, with bias 1 (Jozefowicz et al. 2015).

    Out-of-vocabulary words, which the tokenizer `word` spells, go through these layers like other tokens.
    With `spelling="apart"` the layers read and predict whole words alone, and one more LSTM spells the others
    from their state (see `Speller`): better for the same text, and slower.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        num_layers: NumLayers = 3,
        hidden_size: HiddenSize = 256,
        embedding_size: EmbeddingSize = 0,
        dropout: Dropout = None,
        tie_weights: TieWeights = True,
        softmax: Softmax = "auto",
        spelling: Spelling = "layers",
        vectors: PretrainedVectors | None = None,
        tokens: Sequence[str] | None = None,
        fallback: NDArray[np.bool_] | None = None,
    ) -> None:
        super().__init__()
        self.num_layers, self.hidden_size = num_layers, hidden_size
        self.dropout = LockedDropout(dropout)
        self.input = TokenEmbedding(vocab_size, embedding_size or hidden_size, vectors)
        sizes = [self.input.size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(size, hidden_size, batch_first=True) for size in sizes)
        self.speller, rows = None, None
        if (
            spelling == "apart"
            and tokens is not None
            and fallback is not None
            and can_spell(tokens, fallback)
        ):
            self.speller = Speller(tokens, fallback, self.input.size, hidden_size, hidden_size)
            rows = self.speller.classes
        num_classes = vocab_size if rows is None else len(rows)
        tied = self.input if tie_weights else None
        self.output = output_layer(hidden_size, num_classes, softmax, tied, rows)
        for layer in self.layers:
            assert isinstance(layer, nn.LSTM)
            initialise(layer)

    def words_before(self, batch_size: int) -> LSTMState:
        """Return zero hidden and cell states, each [batch, num_layers, hidden_size]."""
        zeros = self.input.weight.new_zeros(batch_size, self.num_layers, self.hidden_size)
        return zeros, zeros

    def embed(self, ids: Tensor) -> Tensor:
        """Return the inputs of the first layer, [..., size]."""
        vectors: Tensor = self.input(ids)
        return vectors * math.sqrt(self.input.size)

    def features_of(self, state: LSTMState) -> Tensor:
        """Return the input of the output layer, [batch, hidden_size], without dropout."""
        return OUTPUT_GAIN * state[0][:, -1]

    def features(self, ids: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        features = self.embed(ids)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state)
        last_hidden, last_cell = [], []
        for index, layer in enumerate(self.layers):
            outputs, (h, c) = layer(self.dropout(features), (hidden[index, None], cell[index, None]))
            features = OUTPUT_GAIN * outputs
            last_hidden.append(h[0])
            last_cell.append(c[0])
        return self.dropout(features), (torch.stack(last_hidden, 1), torch.stack(last_cell, 1))

    def read(self, vectors: Tensor, state: LSTMState) -> LSTMState:
        """Return the state after one more vector per row, [batch, size]."""
        hidden, cell = [], []
        for index, layer in enumerate(self.layers):
            h, c = torch.lstm_cell(vectors, [part[:, index] for part in state], *layer.parameters())
            vectors = OUTPUT_GAIN * h
            hidden.append(h)
            cell.append(c)
        return torch.stack(hidden, 1), torch.stack(cell, 1)

    def read_all(self, vectors: Tensor, lengths: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Return the features [batch, time, hidden_size] of rows of different lengths, and the next state."""
        hidden, cell = [], []
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, nn.LSTM)
            last = (state[0][:, index], state[1][:, index])
            outputs, (h, c) = ragged_lstm(layer, self.dropout(vectors), lengths, last)
            vectors = OUTPUT_GAIN * outputs
            hidden.append(h)
            cell.append(c)
        return self.dropout(vectors), (torch.stack(hidden, 1), torch.stack(cell, 1))

    def prepare_step(self, dtype: torch.dtype) -> LSTMStep | SpellingStep:
        """Return the function for generating token by token, made from the current weights."""
        table = self.input.table().detach() * math.sqrt(self.input.size)
        layers = [layer for layer in self.layers if isinstance(layer, nn.LSTM)]
        output = self.output.for_generation(dtype, bound=OUTPUT_GAIN)
        words = LSTMStep(table, layers, output, OUTPUT_GAIN, dtype)
        if self.speller is None:
            return words
        weight, is_normalized = next(layers[0].parameters()), self.output.is_normalized
        return SpellingStep(self.speller, words, weight, table, dtype, is_normalized=is_normalized)
