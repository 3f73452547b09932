"""Word models with a speller of out-of-vocabulary words, and `WordBounds`, which keeps words apart."""

from __future__ import annotations

import math
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import State, TokenIds
from textgen.nn.kneser_ney import KneserNey, last_contexts
from textgen.nn.language_model import LanguageModel, Step
from textgen.nn.oov_words import AFTER_SPACE, CASES, OovWords
from textgen.nn.refined_model import WrappedModel
from textgen.nn.state import join, map_tensors, select_rows, take_rows
from textgen.nn.word_trie import END, MAX_LETTERS

NUM_FIRST = 2
"""Tokens of each spelling that a model itself predicts and reads: the space before a word, and a character.
One or three are worse on the validation part of wiki, by 0.01 and 0.004 bits per character."""
ORDER = 7
"""Length of the n-grams in characters, the end included."""
UNWRITTEN = "\uffff"
"""Replaces bytes and white space in OOV words, so that they match no word of a list."""
MAX_SYMBOLS = 2**23
"""Characters of spellings that are counted, the first ones of a large text."""
PENALTY = 10.0
"""Nats by which a token is less likely where a tokenizer hardly writes it; none is impossible."""
BLOCK = 2**22
"""Number of tokens that are searched for spellings at a time."""
POSITIONS = 2048
"""Positions whose predictions are held at a time."""
MAX_RESIDENT = 2**24
"""Maximum number of tokens in memory; of a longer text, those that a model reads are kept in a file."""

Numbers = NDArray[np.int64]


class Speller(nn.Module):
    """Predicts the rest of a spelling from its own tokens: a mixture of whole words and Kneser-Ney n-grams.

    A *spelling* is a run of fallback tokens, of which only the first may begin with white space. The whole
    words are `OovWords`. The n-grams count the spellings of the training text and, since OOV words are like
    rare ones, each word of the vocabulary once, spelled as if it were out of vocabulary. That a spelling ends
    as a word of the vocabulary, which a tokenizer would have written as one token, is made very unlikely.
    Methods take ids and the *depth* of each: the number of tokens that its spelling has so far, or 0 for a
    word.

    `fallback` and `continues` [vocab_size] tell which of the `tokens`, by falling frequency, spell, and which
    of these do not begin with white space; `words` are those of pretrained vectors, by falling frequency.
    """

    symbol_of: Tensor
    characters: Tensor
    continues: Tensor
    oov_odds: Tensor
    """[1], the odds of an OOV word on new text, as a multiple of those in the training text."""

    def __init__(
        self,
        fallback: NDArray[np.bool_],
        continues: NDArray[np.bool_],
        tokens: Sequence[str],
        words: Sequence[str] = (),
    ) -> None:
        super().__init__()
        spells = torch.from_numpy(np.array(fallback, bool))
        characters = spells.nonzero()[:, 0]
        self.register_buffer("symbol_of", torch.where(spells, spells.cumsum(0), END), persistent=False)
        self.register_buffer("characters", characters, persistent=False)
        self.register_buffer("continues", torch.from_numpy(np.array(continues, bool)), persistent=False)
        self.register_buffer("oov_odds", torch.ones(1))
        self.ngrams = KneserNey(1 + len(characters))
        surfaces = [tokens[token] for token in characters.tolist()]
        letters = {
            surface: symbol
            for symbol, surface in enumerate(surfaces, 1)
            if len(surface) == 1 and continues[characters[symbol - 1]]
        }
        self._symbol_of_character = {surface: symbol for symbol, surface in enumerate(surfaces, 1)}
        self._written = ["\n", *(each if each in {" ", *letters} else UNWRITTEN for each in surfaces)]
        self._known = [tokens[token] for token in (~spells).nonzero()[:, 0].tolist() if tokens[token]]
        self.words = OovWords(letters, self._known, words)
        self._symbols = np.array([END, *(letters[letter] for letter in self.words.letters)])
        self._codes = np.full(1 + len(characters), -1)
        self._codes[self._symbols] = np.arange(len(self._symbols))

    def count(self, ids: TokenIds) -> None:
        """Count the spelled words of a training text, plus every word of the vocabulary once."""
        symbols = [np.zeros(1, np.int32), *self._of_vocabulary()]
        num_known = sum(map(len, symbols))
        for spelled in self._of_text(ids):
            symbols.append(spelled)
            if sum(map(len, symbols)) > MAX_SYMBOLS:
                break
        counted = np.concatenate(symbols)[:MAX_SYMBOLS]
        self.ngrams.count(counted, ORDER)
        text = "".join(map(self._written.__getitem__, counted[num_known:].tolist()))
        words = Counter(word for word in text.split("\n") if word.strip())
        starts = range(0, len(ids), BLOCK)
        sizes = (np.bincount(ids[start : start + BLOCK], minlength=len(self.symbol_of)) for start in starts)
        of_tokens = sum(sizes, np.zeros(len(self.symbol_of), np.int64))[self.symbol_of.cpu().numpy() == END]
        # Words like the rarest known ones are OOV in other texts, where they occur once less (Good 1953).
        num_spelled, least = sum(words.values()), of_tokens[of_tokens > 0].min(initial=len(ids))
        self.oov_odds.fill_(1 + least * (of_tokens == least).sum() / num_spelled if num_spelled else 1)
        times = np.append(of_tokens, [*words.values()])
        self.words.count(words, int((times == 1).sum()), int((times == 2).sum()))

    def depths(self, ids: Tensor, before: Tensor) -> Tensor:
        """Return the depth of each of `ids` [batch, time]; `before` [batch] is that of the token before."""
        spells = self.symbol_of[ids] != END
        follows = torch.cat((before[:, None] > 0, spells[:, :-1]), dim=1)
        places = torch.arange(ids.shape[1], device=ids.device)
        first = torch.where(follows & self.continues[ids], -1, places).cummax(1).values
        depths = places - first + torch.where(first < 0, before[:, None], 1)
        return torch.where(spells, depths, 0)

    def blocks(self, ids: TokenIds) -> Iterator[tuple[TokenIds, Numbers]]:
        """Yield the ids in blocks, each with the depths of its tokens."""
        last = torch.zeros(1, dtype=torch.long)
        for start in range(0, len(ids), BLOCK):
            block = np.asarray(ids[start : start + BLOCK])
            row = torch.from_numpy(block.astype(np.int64))[None].to(self.symbol_of.device)
            depths = self.depths(row, last.to(row.device))
            last = depths[:, -1]
            yield block, depths[0].cpu().numpy()

    def first_tokens(self, ids: TokenIds) -> TokenIds:
        """Return the ids without those of spellings after the first `NUM_FIRST`."""
        read = (block[depths <= NUM_FIRST] for block, depths in self.blocks(ids))
        if len(ids) > MAX_RESIDENT:
            return _in_file(read, ids.dtype)
        return np.concatenate([ids[:0], *read])

    def initial_contexts(self, batch_size: int) -> Tensor:
        """Return the contexts before any token, and the places of no word, [batch, order - 1 + CASES]."""
        contexts = self.ngrams.no_contexts.expand(batch_size, -1)
        return torch.cat((contexts, contexts.new_full((batch_size, CASES), -1)), dim=1)

    def contexts(self, ids: Tensor, depths: Tensor, before: Tensor) -> list[Numbers]:
        """Return the contexts of each length after each token (see `KneserNey`), and last its places among
        whole words: numbers [batch, time]. `before` [batch, order - 1 + CASES] are those before the first.
        """
        numbers, depth_of = before.cpu().numpy(), depths.cpu().numpy()
        nothing = np.full((1, numbers.shape[1] - CASES), -1)
        start = [numbers[0, 0] for numbers in self.ngrams.contexts(np.full((1, 1), END), nothing)[1:]]
        symbols = self.symbol_of[ids].cpu().numpy()
        contexts = self.ngrams.contexts(symbols, numbers[:, :-CASES], depth_of == 1, start)
        return [*contexts, *self._places(symbols, depth_of, numbers[:, -CASES:])]

    def _places(self, symbols: Numbers, depths: Numbers, before: Numbers) -> Numbers:
        """Return the place among whole words after each symbol [batch, time], [CASES, batch, time]."""
        space = self._symbol_of_character.get(" ", -1)
        places = np.full((CASES, len(symbols), 1 + symbols.shape[1]), -1)
        places[:, :, 0] = before.T
        for depth in range(1, min(int(depths.max(initial=0)), MAX_LETTERS + 1) + 1):
            rows, columns = np.nonzero(depths == depth)
            here = symbols[rows, columns]
            last = places[:, rows, columns] if depth > 1 else np.zeros((CASES, len(rows)), np.int64)
            found = self.words.follow(last, self._codes[here])
            places[:, rows, columns + 1] = np.where((here == space) & (depth == 1), AFTER_SPACE, found)
        return places[:, :, 1:]

    def predict(self, contexts: Sequence[Numbers], depths: Numbers) -> Tensor:
        """Return the log-probabilities of the next character or the end, [count, 1 + characters].

        `contexts` are numbers [count] of each length, then the places; `depths` are [count].
        """
        numbers, places = contexts[:-CASES], np.stack(contexts[-CASES:])
        device = self.characters.device
        by_ngrams = torch.from_numpy(self.ngrams.probabilities(numbers)).to(device)
        is_known = torch.from_numpy(self.words.are_known(places)).to(device)
        by_ngrams[:, END].mul_(torch.where(is_known, math.exp(-PENALTY), 1.0))
        by_ngrams[:, 1:].masked_fill_(~self.continues[self.characters], 0)
        by_ngrams.div_(by_ngrams.sum(1, keepdim=True))
        by_words, trust = map(torch.from_numpy, self.words.predict(places, depths - NUM_FIRST))
        by_ngrams.mul_(1 - trust[:, None].to(by_ngrams))
        symbols = torch.from_numpy(self._symbols).to(device)
        return by_ngrams.index_add_(1, symbols, (trust[:, None] * by_words).to(by_ngrams)).log_()

    def expect(self, logits: Tensor, decides: Tensor, *, is_normalized: bool) -> None:
        """Multiply, in place, the odds of spellings by `oov_odds` where `decides` [count] is true."""
        spelled = logits[:, self.characters]
        logits[:, self.characters] = spelled + decides[:, None] * self.oov_odds.log()
        if is_normalized:
            more = spelled.exp().sum(1) * (self.oov_odds - 1)
            logits.sub_((decides * more).log1p()[:, None])

    def join(self, words: Tensor, spelled: Tensor) -> Tensor:
        """Return the log-probabilities of the next token within spellings, [count, vocab_size].

        `words` [count, vocab_size] are the logits of what follows after the end, `spelled` from `predict`.
        """
        after = words.float().masked_fill(self.continues, -torch.inf).log_softmax(-1)
        symbols = self.symbol_of.expand(len(words), -1)
        return torch.where(self.continues, spelled.gather(1, symbols), spelled[:, :1] + after)

    def rest_nats(self, ids: TokenIds) -> float:
        """Return the nats of a text that `predict` accounts for: the rests and ends of spellings."""
        if len(ids) < 2:
            return 0.0
        row = torch.from_numpy(ids.astype(np.int64))[None]
        depths = self.depths(row, torch.zeros(1, dtype=torch.long))
        within = (depths[:, :-1] >= NUM_FIRST).numpy()
        contexts, depth_of = (
            self.contexts(row, depths, self.initial_contexts(1)),
            depths[:, :-1].numpy()[within],
        )
        following = row[:, 1:][torch.from_numpy(within)]
        wanted = torch.where(self.continues[following], self.symbol_of[following], END)
        nats = 0.0
        for start in range(0, len(wanted), POSITIONS):
            part = slice(start, start + POSITIONS)
            predicted = self.predict([numbers[:, :-1][within][part] for numbers in contexts], depth_of[part])
            nats -= float(predicted.gather(1, wanted[part, None]).double().sum())
        return nats

    def _of_text(self, ids: TokenIds) -> Iterator[NDArray[np.int32]]:
        """Yield the symbols of all spellings, each after the end of the one before."""
        for block, depths in self.blocks(ids):
            symbols, is_first = self.symbol_of.numpy()[block[depths > 0]], depths[depths > 0] == 1
            yield np.insert(symbols, np.flatnonzero(is_first), END).astype(np.int32)

    def _of_vocabulary(self) -> Iterator[NDArray[np.int32]]:
        """Yield the symbols of each word that can be spelled by characters, and the end of it."""
        for word in self._known:
            if all(character in self._symbol_of_character for character in word):
                symbols = (self._symbol_of_character[character] for character in word)
                yield np.array([*symbols, END], np.int32)


def _in_file(blocks: Iterator[TokenIds], dtype: np.dtype[Any]) -> TokenIds:
    """Return the blocks as one array, mapped from a file that vanishes with it."""
    with tempfile.TemporaryFile() as file:
        for block in blocks:
            file.write(block.tobytes())
        file.flush()
        return np.asarray(np.memmap(file, dtype, "r"))


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

    def forward(self, logits: Tensor, before: Tensor, decides: Tensor, *, is_normalized: bool) -> None:
        """Change, in place, the logits [count, vocab_size] of what follows the tokens `before` [count].

        Only where `decides` [count] is true, a word may follow.
        """
        is_letter = self.ends_with_letter[before] & decides
        logits.addr_(is_letter.to(logits.dtype), self.is_apart.to(logits.dtype), alpha=-PENALTY)
        if is_normalized:
            logits[is_letter] = logits[is_letter].log_softmax(-1)


class SpellingState(NamedTuple):
    """State of a model with a speller, batch first."""

    before: State
    """State of the model before the last token that it read."""
    last: Tensor
    """[batch], that token; -1 before any. It is read again, for what it says about the end of a spelling."""
    depth: Tensor
    """[batch], the number of tokens of the spelling that the text ends with, or 0."""
    contexts: Tensor
    """[batch, order], the speller's."""


class StepState(NamedTuple):
    """State of its step of generation, batch first."""

    after: State
    """State of the model's own step after the last token that it read."""
    words: Tensor
    """[batch, vocab_size], its logits there."""
    depth: Tensor
    contexts: Tensor


class SpellingModel(WrappedModel):
    """A model that reads and predicts words and the first two tokens of spellings; a `Speller` does the rest.

    The `reader` is trained on a text without the rests of spellings, so that it has more words in view and in
    the same time reads more. Its prediction after the beginning of a spelling is what follows the end.

    Mielke and Eisner (2019, arXiv:1804.08205) spell by a character LSTM from the state of the word model;
    counting needs no training time, and is better on texts of a few megabytes.
    """

    def __init__(self, reader: LanguageModel, speller: Speller, tokens: Sequence[str]) -> None:
        self.speller, self._tokens, self.bounds = speller, tokens, WordBounds(tokens)
        parts = {"model": reader.module, "speller": speller, "bounds": self.bounds}
        super().__init__(reader, nn.ModuleDict(parts))

    @property
    def parts(self) -> Sequence[LanguageModel]:
        """The parts of the reader, each with the same speller."""
        made = [SpellingModel(part, self.speller, self._tokens) for part in self._base.parts]
        for part in made:
            part.bounds = self.bounds
        return made

    def tokens_read(self, ids: TokenIds) -> TokenIds:
        return self.speller.first_tokens(ids)

    def count_text(self, ids: TokenIds) -> None:
        """Let the speller count the training text, and find the tokens that follow letters in it."""
        self.speller.count(ids)
        self.bounds.count(self.speller.blocks(ids))

    def rest_nats(self, ids: TokenIds) -> float:
        return self.speller.rest_nats(ids)

    def initial_state(self, batch_size: int) -> SpellingState:
        nothing = self.speller.characters.new_full((batch_size,), -1)
        contexts = self.speller.initial_contexts(batch_size)
        return SpellingState(self._base.initial_state(batch_size), nothing, nothing + 1, contexts)

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, SpellingState]:
        """Return the logits [batch, time, vocab_size] for `ids` [batch, time], and the next state."""
        assert isinstance(state, SpellingState)
        depths = self.speller.depths(ids, state.depth)
        tokens = torch.cat((state.last[:, None], ids), dim=1)
        is_read = torch.cat((state.last[:, None] >= 0, depths <= NUM_FIRST), dim=1)
        logits, before = self._read(tokens, is_read, state.before)
        contexts = self.speller.contexts(ids, depths, state.contexts)
        self._finish(logits, ids, depths, contexts)
        places = torch.arange(tokens.shape[1], device=ids.device)
        rows = torch.arange(len(ids), device=ids.device)
        last = tokens[rows, torch.where(is_read, places, -1).amax(1)]
        return logits, SpellingState(before, last, depths[:, -1], last_contexts(contexts, state.contexts))

    def prepare_step(self, dtype: torch.dtype) -> Step:
        read, speller = self._base.prepare_step(dtype), self.speller

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

    def _finish(self, logits: Tensor, ids: Tensor, depths: Tensor, contexts: Sequence[Numbers]) -> None:
        """Make the reader's logits [batch, time, vocab_size] after `ids` [batch, time] those of the model."""
        decides = depths != 1  # where a word may follow; a spelling of one token mostly goes on
        flat = logits.view(-1, self.vocab_size)
        self.bounds(flat, ids.flatten(), decides.flatten(), is_normalized=self.is_normalized)
        self.speller.expect(flat, decides.flatten(), is_normalized=self.is_normalized)
        within = depths >= NUM_FIRST
        mask = within.cpu().numpy()
        if mask.any():
            spelled = self.speller.predict(
                [numbers[mask] for numbers in contexts], depths.cpu().numpy()[mask]
            )
            logits[within] = self.speller.join(logits[within], spelled).to(logits.dtype)

    def _read(self, tokens: Tensor, is_read: Tensor, state: State) -> tuple[Tensor, State]:
        """Let the reader read, in each row of `tokens` [batch, time], those that `is_read` names.

        Return its logits after each token but the first, [batch, time - 1, vocab_size], or where one is not
        read, after the last that is; and its state before the last one in each row. Rows are sorted by how
        many they have, and leave after their last.
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
            block, state = self._base.forward(packed[:num_rows, begin:end], state)
            if logits is None:
                logits = block.new_empty(*packed.shape, self.vocab_size)
            logits[:num_rows, begin:end] = block
        assert logits is not None
        back = order.argsort()
        logits = logits[back[:, None], is_read.cumsum(1)[:, 1:] - 1]
        return logits, map_tensors(lambda part: part[back], join(befores[::-1]))
