"""Word models whose out-of-vocabulary words are spelled by n-grams, and kept apart by `WordBounds`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from textgen.contracts import State, TokenIds
from textgen.nn.kneser_ney import last_contexts
from textgen.nn.language_model import LanguageModel, Step
from textgen.nn.speller import NUM_FIRST, Numbers, Speller
from textgen.nn.state import join, map_tensors, select_rows, take_rows

PENALTY = 10.0
"""Nats by which a token is less likely where a tokenizer hardly writes it; none is impossible."""


class WordBounds(nn.Module):
    """A penalty on words that are glued to the word before.

    A tokenizer makes one word of adjacent letters, so that a word token without a space does not follow a
    letter, except for endings such as `n't`. Models learn it slowly, since every word token has to. Only
    letters that have a case count: their scripts have spaces between words, others may not, as Chinese.
    """

    is_apart: Tensor
    """[vocab_size], whether a token of the training text begins with a letter and never follows one."""
    ends_with_letter: Tensor

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__()
        cased = ("Lu", "Ll", "Lt")
        begins, ends = (
            [token != "" and unicodedata.category(token[place]) in cased for token in tokens]
            for place in (0, -1)
        )
        self.register_buffer("begins_with_letter", torch.tensor(begins), persistent=False)
        self.register_buffer("ends_with_letter", torch.tensor(ends), persistent=False)
        self.register_buffer("is_apart", torch.zeros(len(tokens), dtype=torch.bool))

    def count(self, blocks: Iterable[tuple[TokenIds, Numbers]]) -> None:
        """Find the tokens of a training text that never follow a letter in it (its `Speller.blocks`)."""
        ends = self.ends_with_letter.cpu().numpy()
        occurs, follows = np.zeros(len(ends), bool), np.zeros(len(ends), bool)
        for ids, depths in blocks:
            occurs[ids] = True
            follows[ids[1:][ends[ids[:-1]] & (depths[1:] <= 1)]] = True
        never_follows = torch.from_numpy(occurs & ~follows).to(self.is_apart.device)
        self.is_apart = never_follows & self.get_buffer("begins_with_letter")

    def forward(self, logits: Tensor, before: Tensor, *, is_normalized: bool) -> Tensor:
        """Change, in place, the logits [count, vocab_size] of what follows the tokens `before` [count]."""
        is_letter = self.ends_with_letter[before]
        logits.addr_(is_letter.to(logits.dtype), self.is_apart.to(logits.dtype), alpha=-PENALTY)
        if is_normalized:
            logits[is_letter] = logits[is_letter].log_softmax(-1)
        return logits


class SpellingState(NamedTuple):
    """State of a model with a speller, batch first."""

    before: State
    """State of the model before the last token that it read."""
    last: Tensor
    """[batch], that token; -1 before any. It is read again, for what it says about the end of a spelling."""
    depth: Tensor
    """[batch], the number of tokens of the spelling that the text ends with, or 0."""
    contexts: Tensor
    """[batch, order - 1], the speller's."""


class StepState(NamedTuple):
    """State of its step of generation, batch first."""

    after: State
    """State of the model's own step after the last token that it read."""
    words: Tensor
    """[batch, vocab_size], its logits there."""
    depth: Tensor
    contexts: Tensor


class SpellingModel(LanguageModel):
    """A model that reads and predicts words and the first two tokens of spellings; a `Speller` does the rest.

    The `reader` is trained on a text without the rests of spellings, so that it has more words in view and in
    the same time reads more. Its prediction after the beginning of a spelling is what follows the end.

    Mielke and Eisner (2019, arXiv:1804.08205) spell by a character LSTM from the state of the word model;
    counting needs no training time, and is better on texts of a few megabytes.
    """

    def __init__(self, reader: LanguageModel, speller: Speller, tokens: Sequence[str]) -> None:
        self._reader, self.speller, self._tokens = reader, speller, tokens
        self.bounds = WordBounds(tokens)
        parts = {"model": reader.module, "speller": speller, "bounds": self.bounds}
        super().__init__(nn.ModuleDict(parts), reader.vocab_size)

    @property
    def reader(self) -> LanguageModel:
        """The model that is trained."""
        return self._reader

    @property
    def label(self) -> str:
        """That of the reader."""
        return self._reader.label

    @property
    def parts(self) -> Sequence[LanguageModel]:
        """The parts of the reader, each with the same speller."""
        return tuple(self._with_reader(part) for part in self._reader.parts)

    @property
    def members(self) -> tuple[LanguageModel, ...]:
        """The models that are trained one by one."""
        return self._reader.members

    @property
    def has_step(self) -> bool:
        """True if the reader has its own step."""
        return self._reader.has_step

    @property
    def is_step_recordable(self) -> bool:
        """False, since n-grams are computed on the CPU."""
        return False

    @property
    def is_normalized(self) -> bool:
        """True if the reader's logits are log-probabilities, as the speller's are."""
        return self._reader.is_normalized

    def tokens_read(self, ids: TokenIds) -> TokenIds:
        """Return the ids of a text that the reader reads."""
        return self.speller.first_tokens(ids)

    def count_text(self, ids: TokenIds) -> None:
        """Let the speller count the training text, and find the tokens that follow letters in it."""
        self.speller.count(ids, self._tokens)
        self.bounds.count(self.speller.blocks(ids))

    def rest_nats(self, ids: TokenIds) -> float:
        """Return the nats of a text that the speller accounts for."""
        return self.speller.rest_nats(ids)

    def loss(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """Refuse: what is trained is the `reader`, on `tokens_read`."""
        raise NotImplementedError("train the reader of a model with a speller")

    def initial_state(self, batch_size: int) -> SpellingState:
        """Return the state before any token."""
        nothing = self.speller.characters.new_full((batch_size,), -1)
        contexts = self.speller.initial_contexts(batch_size)
        return SpellingState(self._reader.initial_state(batch_size), nothing, nothing + 1, contexts)

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, SpellingState]:
        """Return the logits [batch, time, vocab_size] for `ids` [batch, time], and the next state."""
        assert isinstance(state, SpellingState)
        depths = self.speller.depths(ids, state.depth)
        tokens = torch.cat((state.last[:, None], ids), dim=1)
        is_read = torch.cat((state.last[:, None] >= 0, depths <= NUM_FIRST), dim=1)
        logits, before = self._read(tokens, is_read, state.before)
        rows = torch.arange(len(ids), device=ids.device)
        logits = logits[rows[:, None], is_read.cumsum(1)[:, 1:] - 1]
        contexts = self.speller.contexts(ids, depths, state.contexts)
        self._finish(logits, ids, depths, contexts)
        places = torch.arange(tokens.shape[1], device=ids.device)
        last = tokens[rows, torch.where(is_read, places, -1).amax(1)]
        return logits, SpellingState(before, last, depths[:, -1], last_contexts(contexts, state.contexts))

    def prepare_step(self, dtype: torch.dtype) -> Step:
        """Return a step of generation made of the reader's."""
        read, speller = self._reader.prepare_step(dtype), self.speller

        def step(ids: Tensor, state: State) -> tuple[Tensor, StepState]:
            if isinstance(state, SpellingState):
                words, after = read(state.last, state.before)
                state = StepState(after, words.float(), state.depth, state.contexts)
            assert isinstance(state, StepState)
            after, words = state.after, state.words
            depth = speller.depths(ids[:, None], state.depth)
            is_read = depth[:, 0] <= NUM_FIRST
            if is_read.any():
                words, after = read(ids, state.after)
                words = words.float()
            if not is_read.all():
                words, after = select_rows(is_read, (words, after), (state.words, state.after))
            contexts = speller.contexts(ids[:, None], depth, state.contexts)
            logits = words[:, None].clone()
            self._finish(logits, ids[:, None], depth, contexts)
            following = StepState(after, words, depth[:, 0], last_contexts(contexts, state.contexts))
            return logits[:, 0], following

        return step

    def _with_reader(self, reader: LanguageModel) -> SpellingModel:
        made = SpellingModel(reader, self.speller, self._tokens)
        made.bounds = self.bounds
        return made

    def _finish(self, logits: Tensor, ids: Tensor, depths: Tensor, contexts: Sequence[Numbers]) -> None:
        """Make the reader's logits [batch, time, vocab_size] after `ids` [batch, time] those of the model."""
        decides = depths != 1  # where a word may follow; a spelling of one token mostly goes on
        logits[decides] = self.bounds(logits[decides], ids[decides], is_normalized=self.is_normalized)
        within = depths >= NUM_FIRST
        mask = within.cpu().numpy()
        if mask.any():
            spelled = self.speller.predict([numbers[mask] for numbers in contexts])
            logits[within] = self.speller.join(logits[within], spelled).to(logits.dtype)

    def _read(self, tokens: Tensor, is_read: Tensor, state: State) -> tuple[Tensor, State]:
        """Let the reader read, in each row of `tokens` [batch, time], those that `is_read` names.

        Return its logits after each, [batch, most tokens read, vocab_size], and its state before the last
        one in each row. Rows are sorted by how many they have, and leave after their last.
        """
        counts, order = is_read.sum(1).sort(descending=True)
        rows, columns = is_read[order].nonzero(as_tuple=True)
        packed = tokens.new_zeros(len(tokens), int(counts[0]))
        packed[rows, is_read[order].cumsum(1)[rows, columns] - 1] = tokens[order][rows, columns]
        numbers = counts.tolist()
        logits: Tensor | None = None
        befores: list[State] = []
        state = map_tensors(lambda part: part[order], state)
        for begin, end in pairwise(sorted({0, *numbers, *(number - 1 for number in numbers)})):
            num_rows = sum(number > begin for number in numbers)
            num_longer = sum(number > begin + 1 for number in numbers)
            state = take_rows(state, 0, num_rows)
            if num_longer < num_rows:
                befores.append(map_tensors(lambda part, skip=num_longer: part[skip:], state))
            block, state = self._reader.forward(packed[:num_rows, begin:end], state)
            if logits is None:
                logits = block.new_zeros(*packed.shape, self.vocab_size)
            logits[:num_rows, begin:end] = block
        assert logits is not None
        back = order.argsort()
        return logits[back], map_tensors(lambda part: part[back], join(befores[::-1]))
