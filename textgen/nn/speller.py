"""N-grams over the characters of words, which spell the words that a vocabulary lacks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import TokenIds
from textgen.nn.kneser_ney import KneserNey

NUM_FIRST = 2
"""Tokens of each spelling that a model itself predicts and reads: the space before a word, and a character.
One or three are worse on the validation part of wiki, by 0.01 and 0.004 bits per character."""
ORDER = 7
"""Length of the n-grams in characters, the end included."""
END = 0
"""The symbol after the last character of a spelling; the others are the fallback tokens."""
MAX_SYMBOLS = 2**23
"""Characters of spellings that are counted, the first ones of a large text."""
BLOCK = 2**22
"""Number of tokens that are searched for spellings at a time."""
POSITIONS = 2048
"""Positions whose predictions are held at a time."""
MAX_RESIDENT = 2**24
"""Maximum number of tokens in memory; of a longer text, those that a model reads are kept in a file."""

Numbers = NDArray[np.int64]


class Speller(nn.Module):
    """Kneser-Ney n-grams that predict the rest of a spelling from its own tokens alone.

    A *spelling* is a run of fallback tokens, of which only the first may begin with white space. What counts
    is each spelling in the training text, and each word of the vocabulary once, spelled as if it were not
    there: words that are spelled are like rare words. Methods take ids and the *depth* of each, the number of
    tokens that its spelling has so far, or 0 for a word.

    `fallback` and `continues` [vocab_size] tell which tokens spell, and which of these do not begin with
    white space.
    """

    symbol_of: Tensor
    characters: Tensor
    continues: Tensor

    def __init__(self, fallback: NDArray[np.bool_], continues: NDArray[np.bool_]) -> None:
        super().__init__()
        spells = torch.from_numpy(np.array(fallback, bool))
        characters = spells.nonzero()[:, 0]
        self.register_buffer("symbol_of", torch.where(spells, spells.cumsum(0), END), persistent=False)
        self.register_buffer("characters", characters, persistent=False)
        self.register_buffer("continues", torch.from_numpy(np.array(continues, bool)), persistent=False)
        self.ngrams = KneserNey(1 + len(characters))

    def count(self, ids: TokenIds, tokens: Sequence[str]) -> None:
        """Count the spellings of a training text, and each word of the vocabulary once."""
        symbols = [np.zeros(1, np.int32), *self._of_vocabulary(tokens)]
        for spelled in self._of_text(ids):
            symbols.append(spelled)
            if sum(map(len, symbols)) > MAX_SYMBOLS:
                break
        self.ngrams.count(np.concatenate(symbols)[:MAX_SYMBOLS], ORDER)

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
        """Return the contexts before any token, [batch, order - 1]."""
        return self.ngrams.no_contexts.expand(batch_size, -1)

    def contexts(self, ids: Tensor, depths: Tensor, before: Tensor) -> list[Numbers]:
        """Return the contexts of each length after each token, as numbers [batch, time] (see `KneserNey`)."""
        nothing = np.full((1, before.shape[1]), -1)
        start = [numbers[0, 0] for numbers in self.ngrams.contexts(np.full((1, 1), END), nothing)[1:]]
        symbols, is_first = self.symbol_of[ids].cpu().numpy(), (depths == 1).cpu().numpy()
        return self.ngrams.contexts(symbols, before.cpu().numpy(), is_first, start)

    def predict(self, contexts: Sequence[Numbers]) -> Tensor:
        """Return the log-probabilities of the next character or the end, [count, 1 + characters].

        `contexts` are numbers [count] of each length.
        """
        probabilities = (
            torch.from_numpy(self.ngrams.probabilities(contexts)).to(self.characters.device).log_()
        )
        probabilities[:, 1:].masked_fill_(~self.continues[self.characters], -torch.inf)
        return probabilities.log_softmax(-1)

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
        contexts = self.contexts(row, depths, self.initial_contexts(1))
        following = row[:, 1:][torch.from_numpy(within)]
        wanted = torch.where(self.continues[following], self.symbol_of[following], END)
        nats = 0.0
        for start in range(0, len(wanted), POSITIONS):
            part = slice(start, start + POSITIONS)
            predicted = self.predict([numbers[:, :-1][within][part] for numbers in contexts])
            nats -= float(predicted.gather(1, wanted[part, None]).double().sum())
        return nats

    def _of_text(self, ids: TokenIds) -> Iterator[NDArray[np.int32]]:
        """Yield the symbols of all spellings, each after the end of the one before."""
        for block, depths in self.blocks(ids):
            symbols, is_first = self.symbol_of.numpy()[block[depths > 0]], depths[depths > 0] == 1
            yield np.insert(symbols, np.flatnonzero(is_first), END).astype(np.int32)

    def _of_vocabulary(self, tokens: Sequence[str]) -> Iterator[NDArray[np.int32]]:
        """Yield the symbols of each word that can be spelled by characters, and the end of it."""
        symbols = self.symbol_of.tolist()
        of_character = {tokens[token]: symbols[token] for token in self.characters.tolist()}
        for token, symbol in zip(tokens, symbols, strict=True):
            if symbol == END and token and all(character in of_character for character in token):
                yield np.array([*(of_character[character] for character in token), END], np.int32)


def _in_file(blocks: Iterator[TokenIds], dtype: np.dtype[Any]) -> TokenIds:
    """Return the blocks as one array, mapped from a file that vanishes with it."""
    with tempfile.TemporaryFile() as file:
        for block in blocks:
            file.write(block.tobytes())
        file.flush()
        return np.asarray(np.memmap(file, dtype, "r"))
