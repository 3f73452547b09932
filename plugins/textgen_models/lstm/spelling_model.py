"""Base class of word models that spell what their vocabulary lacks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from textgen.api import State
from textgen.nn.feature_model import FeatureModel
from textgen_models.lstm.layers import OUTPUT_GAIN, ragged_lstm
from textgen_models.lstm.speller import AFTER_SPELLING, INSIDE, Speller
from textgen_models.lstm.window import Window

LSTMState = tuple[Tensor, Tensor]
"""Hidden and cell states, each [batch, num_layers, hidden_size]."""


class SpellingState(NamedTuple):
    """State of a model that spells, batch first."""

    before: LSTMState
    """State of the word model before an unfinished spelling; if there is none, the same as `after`."""
    after: LSTMState
    """State of the word model as if the last token ended a word or spelling."""
    prefix: tuple[Tensor, Tensor]
    """Hidden and cell state [batch, width] of the encoder after the characters of an unfinished spelling."""
    is_spelling: Tensor
    """[batch], whether a spelling is unfinished: the last token is one of its characters."""


class SpellingModel(FeatureModel):
    """A feature model over words that spells the others, if it has a `speller`.

    The word model reads a spelling as one word, so that the state before it says what to spell, and the text
    goes on as after any word. A subclass defines the word model: `words_before`, `features`, and the two
    methods that read vectors.
    """

    speller: Speller | None

    def words_before(self, batch_size: int) -> LSTMState:
        """Return the word model's state before any token."""
        raise NotImplementedError

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input vectors [..., size] of tokens."""
        raise NotImplementedError

    def read(self, vectors: Tensor, state: LSTMState) -> LSTMState:
        """Return the state after one more vector per row, [batch, size], read without dropout."""
        raise NotImplementedError

    def read_all(self, vectors: Tensor, lengths: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Read the first `lengths[i]` vectors of row i of [batch, time, size].

        Return the features [batch, time, hidden_size], and the state after each row's last vector.
        """
        raise NotImplementedError

    def features_of(self, state: LSTMState) -> Tensor:
        """Return the features [batch, hidden_size] of the last step before a state."""
        raise NotImplementedError

    @property
    def is_normalized(self) -> bool:
        """Whether the logits are log-probabilities, as those of a model that spells are."""
        return self.speller is not None

    def initial_state(self, batch_size: int) -> State:
        """Return the state before any token."""
        words = self.words_before(batch_size)
        if self.speller is None:
            return words
        zeros = words[0].new_zeros(batch_size, self.speller.width)
        return SpellingState(words, words, (zeros, zeros), self.speller.spells.new_zeros(batch_size))

    def set_token_counts(self, counts: Tensor) -> None:
        """Let the output layers start from the frequencies of the tokens, `counts` [vocab_size]."""
        super().set_token_counts(counts if self.speller is None else self.speller.start_from(counts))

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits [batch, time, vocab_size] and the state after the last token.

        A model that spells reads token by token, without dropout: inside a spelling, the word model tries
        out after each character how the text would go on if it were the last.
        """
        if self.speller is None:
            return super().forward(ids, state)
        steps = []
        for column in ids.T:
            state = self._advance(self.speller, column, state)
            features = self.features_of(state.before), self.features_of(state.after)
            steps.append((*features, state.prefix[0], state.is_spelling))
        before, after, prefixes, is_spelling = (
            torch.stack(parts, dim=1) for parts in zip(*steps, strict=True)
        )
        prefixes = OUTPUT_GAIN * prefixes
        words = self.output(after).float()
        words = words if self.output.is_normalized else words.log_softmax(-1)
        start = self.speller.logits(torch.zeros_like(prefixes), after, AFTER_SPELLING * is_spelling.long())
        inside = self.speller.logits(prefixes, before, torch.full_like(ids, INSIDE))
        return self.speller.join(words, start, inside, is_spelling), state

    def _advance(self, speller: Speller, ids: Tensor, state: SpellingState) -> SpellingState:
        """Return the state after one more token per row, ids [batch]."""
        spells = speller.spells[ids]
        continues = state.is_spelling & speller.continues[ids]
        vectors = self.embed(ids)
        last = [torch.where(continues[:, None], part, 0.0) for part in state.prefix]
        hidden, cell = torch.lstm_cell(vectors, last, *speller.encoder.parameters())
        vectors = torch.where(spells[:, None], speller.vector(OUTPUT_GAIN * hidden), vectors)
        before = select(continues, state.before, state.after)
        after = self.read(vectors, before)
        prefix = (torch.where(spells[:, None], hidden, 0.0), torch.where(spells[:, None], cell, 0.0))
        return SpellingState(select(spells, before, after), after, prefix, spells)

    def loss(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the mean loss in nats per token and the next state.

        A model that spells reads all spellings first, and then only words, of which each spelling is one.
        """
        speller = self.speller
        if speller is None:
            return super().loss(ids, targets, state)
        window = Window.of(speller, ids, targets, state.is_spelling)
        vectors = self.embed(ids)
        prefixes, unfinished = self._encode(speller, vectors, window, state.prefix)
        at = (window.rows, window.columns)
        vectors = vectors.index_put(at, speller.vector(prefixes).to(vectors.dtype))
        table, before, after, words = self._read_words(vectors, window, state)
        decides, ends = window.decides, window.ends[at]
        deciding, following = table.index_select(0, after[decides]), targets[decides]
        begins = speller.spells[following]
        logits = speller.logits(
            torch.cat((prefixes.new_zeros(int(begins.sum()), speller.width), prefixes)),
            torch.cat((deciding[begins], table.index_select(0, before[at]))),
            torch.cat(
                (AFTER_SPELLING * window.spells[decides][begins].long(), torch.full_like(at[0], INSIDE))
            ),
        )
        inside = torch.where(ends, speller.end, speller.character_of[targets[at]])
        wanted = torch.cat((speller.character_of[following[begins]], inside))
        nats = F.cross_entropy(logits, wanted, reduction="sum")
        if len(following):
            nats = nats + len(following) * self.output.loss(deciding, speller.class_of[following])
        return nats / ids.numel(), SpellingState(*words, unfinished, window.spells[:, -1])

    def _encode(
        self, speller: Speller, vectors: Tensor, window: Window, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Read the spellings; return the encoder's outputs [characters, width], and its state [batch, width].

        The state is that after an unfinished spelling, and zero where there is none.
        """
        rows, columns = window.rows, window.columns
        lengths = window.num_characters()
        longest = int(lengths.max()) if len(lengths) else 0
        padded = vectors.new_zeros(len(lengths), longest, vectors.shape[2])
        padded = padded.index_put((window.unit, window.place), vectors[rows, columns])
        goes_on = window.goes_on[rows[window.first]] & (columns[window.first] == 0)
        hidden, cell = (torch.where(goes_on[:, None], part[rows[window.first]], 0.0) for part in state)
        outputs, last = ragged_lstm(speller.encoder, padded, lengths, (hidden, cell))
        is_last = columns == vectors.shape[1] - 1
        hidden, cell = (
            part.new_zeros(len(vectors), speller.width).index_put(
                (rows[is_last],), part[window.unit[is_last]]
            )
            for part in last
        )
        return OUTPUT_GAIN * outputs[window.unit, window.place], (hidden, cell)

    def _read_words(
        self, vectors: Tensor, window: Window, state: SpellingState
    ) -> tuple[Tensor, Tensor, Tensor, tuple[LSTMState, LSTMState]]:
        """Read the words and spellings of a window.

        Return a table of features [count, size]; the indices in it [batch, time] of those before the word or
        spelling of each token, and of those after it; and the states `before` and `after`.
        """
        ticks = window.ticks
        count = ticks.cumsum(1)
        rows, columns = ticks.nonzero(as_tuple=True)
        packed = vectors.new_zeros(len(vectors), int(count[:, -1].max()), vectors.shape[2])
        packed = packed.index_put((rows, count[rows, columns] - 1), vectors[rows, columns])
        start = select(window.goes_on, state.before, state.after)
        outputs, before = self.read_all(packed, count[:, -1], start)
        # What the last spelling means if it ends with the window is computed apart, since it may go on.
        unfinished = window.spells[:, -1].nonzero()[:, 0]
        partly = (before[0][unfinished], before[1][unfinished])
        last, tried = self.read_all(vectors[unfinished, -1:], torch.ones_like(unfinished), partly)
        hidden, cell = (
            old.index_put((unfinished,), new.to(old.dtype)) for old, new in zip(before, tried, strict=True)
        )
        trial = outputs.new_zeros(len(vectors), 1, outputs.shape[2])
        trial = trial.index_put((unfinished,), last.to(outputs.dtype))
        table = torch.cat((self.features_of(start)[:, None].to(outputs.dtype), outputs, trial), dim=1)
        after = count + table.shape[1] * torch.arange(len(table), device=count.device)[:, None]
        earlier = after - ticks.long()
        after[unfinished, -1] = table.shape[1] * (unfinished + 1) - 1
        return table.flatten(0, 1), earlier, after, (before, (hidden, cell))


def select(condition: Tensor, chosen: LSTMState, others: LSTMState) -> LSTMState:
    """Return a state with the rows of `chosen` where `condition` [batch] is true, else of `others`."""
    hidden, cell = (
        torch.where(condition[:, None, None], one, other) for one, other in zip(chosen, others, strict=True)
    )
    return hidden, cell
