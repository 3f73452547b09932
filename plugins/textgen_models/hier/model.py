"""An LSTM over characters that is told about the words before (Hwang and Sung 2017, arXiv:1609.03777)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge, Le, Lt, doc
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors, Search
from textgen.nn.layers import (
    DropoutProbability,
    EmbeddingSize,
    FeatureModel,
    HiddenSize,
    LockedDropout,
    RowDropout,
    Softmax,
    TieWeights,
    TokenEmbedding,
    output_layer,
)
from textgen_models.hier.word_clock import WordClock
from textgen_models.hier.words import WordEdges, hash_words, rows_of
from textgen_models.recurrent import OUTPUT_GAIN, LayerState, initialise

LowerSize = Annotated[
    int,
    Ge(1),
    Le(65_536),
    doc("Hidden size of the layer below the words."),
    Search(64, 512, log=True, step=32),
]
WordSize = Annotated[
    int, Ge(1), Le(65_536), doc("Hidden size of the LSTM over words."), Search(64, 1024, log=True, step=64)
]
NumKeys = Annotated[
    int, Ge(1), Le(2**24), doc("Rows of the table of hashed words."), Search(values=(4096, 16_384, 65_536))
]


KeyDropout = Annotated[
    Annotated[float, Ge(0), Lt(1)] | None,
    doc("Dropout probability of the rows of the table of hashed words; none: automatic."),
    Search(values=(None, 0.0, 0.15, 0.3, 0.5)),
]


class HierState(NamedTuple):
    """State after a token, for each row of a batch."""

    lower: LayerState
    upper: LayerState
    words: LayerState
    last_kind: Tensor
    """The kind of the last character of the text so far (see `WordEdges`), [batch], int64."""
    hashed: Tensor
    """Hash of the tokens since the latest word began, [batch], int64."""


class Hier(FeatureModel):
    """Two LSTM layers over tokens, and between them an LSTM over words, which takes one step per word.

    The lower layer reads the tokens. To its output is added a vector from a table, whose row is a hash of
    the word so far and of what follows it, up to the next word, so frequent words and their beginnings are
    known at once (hashed n-grams: BLT, arXiv:2412.09871). Where a word ends, this sum advances the LSTM over
    words. The upper layer reads the sum and a projection of the latest output for words. Its own output, the
    vector from the table and that latest output, projected to one size, are the features from which the next
    token is predicted.

    Layers and scales are those of the models `lstm` and `gru`; table and projections begin with zeros.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        tokens: Sequence[str],
        hidden_size: HiddenSize = 256,
        lower_size: LowerSize = 128,
        word_size: WordSize = 128,
        num_keys: NumKeys = 16_384,
        embedding_size: EmbeddingSize = 0,
        dropout: DropoutProbability = None,
        key_dropout: KeyDropout = None,
        tie_weights: TieWeights = True,
        softmax: Softmax = "auto",
        vectors: PretrainedVectors | None = None,
    ) -> None:
        super().__init__()
        self.hidden_size, self.lower_size, self.word_size = hidden_size, lower_size, word_size
        self.dropout, self.key_dropout = LockedDropout(dropout), RowDropout(key_dropout)
        self.input = TokenEmbedding(vocab_size, embedding_size or hidden_size, vectors)
        self.lower = nn.LSTM(self.input.size, lower_size, batch_first=True)
        self.edges = WordEdges(tokens)
        self.keys = nn.Embedding(num_keys, lower_size)
        self.words = WordClock(lower_size, word_size)
        self.words_to_upper = nn.Linear(word_size, lower_size, bias=False)
        self.upper = nn.LSTM(lower_size, hidden_size, batch_first=True)
        self.words_to_output = nn.Linear(word_size, hidden_size, bias=False)
        self.keys_to_output = nn.Linear(lower_size, hidden_size, bias=False)
        self.output = output_layer(hidden_size, vocab_size, softmax, self.input if tie_weights else None)
        for zero in (self.keys, self.keys_to_output, self.words_to_upper, self.words_to_output):
            nn.init.zeros_(zero.weight)
        initialise(self.lower)
        initialise(self.words)
        initialise(self.upper)

    def initial_state(self, batch_size: int) -> HierState:
        """Return zeros, and that no word has begun."""
        new = self.input.weight.new_zeros
        sizes = (self.lower_size, self.upper.hidden_size, self.word_size)
        lower, upper, word = (new(batch_size, size) for size in sizes)
        last_kind, hashed = (new(batch_size, dtype=torch.int64) for _ in range(2))
        return HierState((lower, lower), (upper, upper), (word, word), last_kind, hashed)

    def features(self, ids: Tensor, state: HierState) -> tuple[Tensor, HierState]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        embedded = self.input(ids) * math.sqrt(self.input.size)
        features, lower = _run(self.lower, self.dropout(embedded), state.lower)
        begins, ends, last_kind = self.edges(ids, state.last_kind)
        hashes = hash_words(ids, begins, state.hashed)
        rows = rows_of(hashes, self.keys.num_embeddings)
        keys = self.key_dropout(self.keys(rows), rows, self.keys.num_embeddings)
        features = features + keys
        words, latest, word_state = self.words(features, ends, state.words)
        words = OUTPUT_GAIN * words
        features = features + F.embedding(latest, self.words_to_upper(words))
        features, upper = _run(self.upper, self.dropout(features), state.upper)
        features = features + self.keys_to_output(keys) + F.embedding(latest, self.words_to_output(words))
        return self.dropout(features), HierState(lower, upper, word_state, last_kind, hashes[:, -1])


def _run(layer: nn.LSTM, inputs: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
    """Return the scaled outputs of a layer, [batch, time, hidden_size], and its next state."""
    outputs, (hidden, cell) = layer(inputs, (state[0][None], state[1][None]))
    return OUTPUT_GAIN * outputs, (hidden[0], cell[0])
