"""An LSTM over characters that is told about the words before (Hwang and Sung 2017, arXiv:1609.03777)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar

import torch
from annotated_types import Ge, Le, Lt, doc
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors, Search
from textgen.data.vocabulary import surface_bytes
from textgen.data.words import split_words
from textgen.nn.layers import (
    DropoutProbability,
    EmbeddingSize,
    FeatureModel,
    HiddenSize,
    Softmax,
    TieWeights,
    TokenEmbedding,
    output_layer,
)
from textgen_models.dropout import LockedDropout, RowDropout
from textgen_models.recurrent import OUTPUT_GAIN, LayerState, initialise

LowerSize = Annotated[
    int,
    Ge(1),
    Le(65_536),
    doc("Hidden size of the layer below the word level."),
    Search(64, 512, log=True, step=32),
]
WordSize = Annotated[
    int, Ge(1), Le(65_536), doc("Hidden size of the LSTM over words."), Search(64, 1024, log=True, step=64)
]
NumKeys = Annotated[
    int, Ge(1), Le(2**24), doc("Rows of the hashed word table."), Search(values=(4096, 16_384, 65_536))
]


KeyDropout = Annotated[
    Annotated[float, Ge(0), Lt(1)] | None,
    doc("Dropout probability of rows in the hashed word table; none: automatic."),
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

    recommended_training: ClassVar[dict[str, Any]] = {"largest_step": 2.0}

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


MULTIPLIER = 6364136223846793005
"""Multiplier of the hash, that of Knuth's linear congruential generator; products are modulo 2⁶⁴."""


class WordEdges(nn.Module):
    """Rules that say whether a word begins or ends in a token.

    Words are runs of alphanumeric characters: one ends where another character follows, so `,` and ` ` end
    the word before them, and the space of `, ` ends none. ` the`, a token of several characters, ends a word
    and begins one. A single byte of a longer character counts as a letter. A Chinese character, or another
    one that is a word by Unicode's boundaries, is a run of its own. All this depends on the token and on the
    character before it, so it is the same for every way to cut a text into chunks. Source of the rule:
    SpaceByte (Slagle 2024, arXiv:2404.14408).
    """

    first_kind: Tensor
    last_kind: Tensor
    contains_begin: Tensor
    contains_end: Tensor

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__()
        texts = [surface_bytes(token).decode("utf-8", errors="ignore") or "x" for token in tokens]
        kinds = [[_kind(character) for character in text] for text in texts]
        rules: dict[str, list[int] | list[bool]] = {
            "first_kind": [each[0] for each in kinds],
            "last_kind": [each[-1] for each in kinds],
            "contains_begin": [any(map(_begins, each, each[1:])) for each in kinds],
            "contains_end": [any(map(_ends, each, each[1:])) for each in kinds],
        }
        for name, values in rules.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, ids: Tensor, last_kind: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return whether a word begins and whether one ends in each token, both [batch, time].

        `last_kind` [batch] is the kind of the last character of the text before, 0 without one, and the third
        result the same of the text with these tokens.
        """
        first = self.first_kind[ids]
        last = torch.cat([last_kind[:, None], self.last_kind[ids]], dim=1)
        begins = self.contains_begin[ids] | _begins(last[:, :-1], first)
        ends = self.contains_end[ids] | _ends(last[:, :-1], first)
        return begins, ends, last[:, -1]


LETTER, ALONE = 1, 2
"""Kinds of characters: one of a run of letters, and one that is a word by itself; others are 0."""

Kinds = TypeVar("Kinds", int, Tensor)


def _begins(before: Kinds, kind: Kinds) -> Kinds:
    """Return whether a word begins at a character of this kind, after one of the kind `before`."""
    return (kind == ALONE) | ((kind == LETTER) & (before != LETTER))


def _ends(before: Kinds, kind: Kinds) -> Kinds:
    """Return whether a word ends between two characters of these kinds."""
    return (before == ALONE) | ((before == LETTER) & (kind != LETTER))


@cache
def _kind(character: str) -> int:
    if not character.isalnum():
        return 0
    return ALONE if len(split_words(2 * character)) == 2 else LETTER


def hash_words(ids: Tensor, begins: Tensor, last: Tensor) -> Tensor:
    """Return, for each position, a hash of the tokens since the latest word began, [batch, time] of int64.

    `begins` [batch, time] says where that is; `last` [batch] is the hash before the first position.
    """
    hashes = []
    for token, is_first in zip(ids.t(), begins.t(), strict=True):
        last = last.masked_fill(is_first, 0) * MULTIPLIER + (token + 1)
        hashes.append(last)
    return torch.stack(hashes, dim=1)


def rows_of(hashes: Tensor, num_rows: int) -> Tensor:
    """Return the row of a table for each hash; their high bits, which all tokens reach, choose it."""
    return ((hashes * MULTIPLIER) >> 33) % num_rows


SHUT = 40.0
"""An input to a gate that opens it completely, or with a minus sign shuts it, in every precision."""


class WordClock(nn.LSTM):
    """An LSTM whose steps are the ticks."""

    def forward(  # type: ignore[override]
        self, features: Tensor, is_tick: Tensor, state: LayerState
    ) -> tuple[Tensor, Tensor, LayerState]:
        """Advance by `features` [batch, time, input_size] at the ticks [batch, time].

        Returns a table of outputs, [batch · (1 + most ticks of a row), hidden_size], with those before the
        first tick; which of them is the latest at each position, [batch, time]; and the next state.
        """
        numbers = is_tick.cumsum(dim=1)  # of ticks so far
        counts = numbers[:, -1]
        rows, columns = is_tick.nonzero(as_tuple=True)
        inputs = features.new_zeros(len(features), int(counts.max()), features.shape[2])
        inputs = inputs.index_put((rows, numbers[rows, columns] - 1), features[rows, columns])
        outputs, following = ragged_lstm(self, inputs, counts, state)
        table = torch.cat((state[0][:, None].to(outputs.dtype), outputs), dim=1)
        starts = torch.arange(len(table), device=numbers.device) * table.shape[1]
        return table.flatten(0, 1), starts[:, None] + numbers, following


def ragged_lstm(
    layer: nn.LSTM, inputs: Tensor, lengths: Tensor, state: LayerState
) -> tuple[Tensor, LayerState]:
    """Return the outputs [batch, time, hidden_size] of an LSTM layer, and its state at each sequence's end.

    `inputs` are [batch, time, size], of which row i has `lengths[i]` (0 to time); outputs after a row's end
    mean nothing. The hidden and the cell state are [batch, hidden_size].

    Rows are sorted by length and computed in two blocks of time, the second without the rows that ended in
    the first. In the rest of the block in which a row ends, a further input shuts the input gate and opens
    the forget gate, which keeps the cell state. On a CPU this is faster than a `PackedSequence`, for which
    torch does not use oneDNN.
    """
    order = lengths.argsort(descending=True)
    ends = lengths[order].tolist()
    is_over = torch.arange(inputs.shape[1], device=lengths.device) >= lengths[order, None]
    inputs = torch.cat((inputs.index_select(0, order), is_over[..., None].to(inputs.dtype)), dim=-1)
    weight_ih, weight_hh, bias_ih, bias_hh = layer.parameters()
    hold = torch.tensor([-SHUT, SHUT, 0.0, 0.0], device=inputs.device).repeat_interleave(layer.hidden_size)
    weights = [torch.cat((weight_ih, hold[:, None]), dim=1), weight_hh, bias_ih, bias_hh]
    hidden, cell = (part[order] for part in state)
    first_hidden, outputs, cells = hidden, [], []
    bounds = sorted({0, ends[0], ends[len(ends) // 2]}) if ends else [0]  # up to the median, and after it
    for begin, end in pairwise(bounds):
        num_rows = sum(length > begin for length in ends)
        cells.append(cell[num_rows:])
        last = (hidden[None, :num_rows].contiguous(), cell[None, :num_rows].contiguous())
        part = inputs[:num_rows, begin:end].contiguous()
        block, last_hidden, last_cell = torch.lstm(
            part, last, weights, True, 1, 0.0, layer.training, False, True
        )
        outputs.append(F.pad(block, (0, 0, 0, 0, 0, len(ends) - num_rows)))
        hidden, cell = last_hidden[0], last_cell[0]
    back = order.argsort()
    if not outputs:
        return inputs.new_zeros(len(ends), inputs.shape[1], layer.hidden_size), state
    joined = torch.cat(outputs, dim=1)
    final = joined[torch.arange(len(ends)), (lengths[order] - 1).clamp(min=0)]
    final = torch.where(lengths[order, None] > 0, final, first_hidden.to(final.dtype))
    final_cell = torch.cat([cell, *reversed(cells)])
    return joined.index_select(0, back), (final[back], final_cell[back])
