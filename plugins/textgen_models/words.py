"""A model of characters that counts n-grams of words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import torch
from annotated_types import Ge, Le, doc
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import Search, TokenIds
from textgen.nn.kneser_ney import Integers, KneserNey, last_contexts, smallest
from textgen.nn.oov_words import OovWords
from textgen.nn.word_trie import END, Numbers, Trie
from textgen_models.hier import MULTIPLIER

CHARACTER_ORDER = 6
"""Length of the n-grams of characters, which predict what is between words, and words that are new."""
TRUST, DOUBT = 0.8, 0.8
"""The weight of the n-grams of characters is 1 - TRUST · share of known words at first, and is multiplied by
DOUBT for each letter of a known word after the first, as in the speller of OOV words."""
MAX_TOKENS = 2**25
"""Maximum number of characters of a text that are counted."""
LEAST = 1e-12
"""Least probability that is divided by."""

Floats = NDArray[np.float64]


class WordCounts(NamedTuple):
    """How often words followed contexts of one length."""

    contexts: Integers
    """[number of contexts], their hashes, sorted."""
    num_next: Integers
    """[number of contexts], the number of distinct words after each."""
    rows: Integers
    """[number of pairs], the words after each context, sorted."""
    counts: Integers
    """[number of pairs], at least one."""


class Followers:
    """The words that followed contexts of one length, with absolute discounting.

    The share of a word is (count - D) / total, where D = n₁ / (n₁ + 2 n₂) is made of the numbers of counts of
    1 and 2 (Ney, Essen and Kneser 1994). What remains is the weight of the shorter context.
    """

    def __init__(self, found: WordCounts, num_rows: int) -> None:
        contexts, num_next, rows, counts = found
        self._contexts, self._num_rows = contexts.astype(np.int64), num_rows
        self._keys = np.repeat(np.arange(len(contexts)) * num_rows, num_next) + rows
        once, twice = (int((counts == number).sum()) for number in (1, 2))
        discount = once / max(1, once + 2 * twice)
        self._sums = np.append(0, np.cumsum(counts - discount))
        counts_before = np.append(0, np.cumsum(counts, dtype=np.int64))
        totals = np.diff(counts_before[np.cumsum(num_next, dtype=np.int64)], prepend=0)
        # The last entry, that of context -1, has no words.
        self._totals, self._rest = np.append(totals, 1), np.append(discount * num_next / totals, 1.0)

    @property
    def share_of_known(self) -> float:
        """The share of words that are expected to be among those counted."""
        return 1 - float(self._rest[0])

    def find(self, hashes: Numbers) -> Numbers:
        """Return the number of each context, -1 for one that never occurred."""
        if not len(self._contexts):
            return np.full(hashes.shape, -1)
        places = np.minimum(np.searchsorted(self._contexts, hashes), len(self._contexts) - 1)
        return np.where(self._contexts[places] == hashes, places, -1)

    def share(self, contexts: Numbers, begins: Numbers, ends: Numbers, shorter: Floats) -> Floats:
        """Return the share of the words in rows from `begins` to `ends`, given that in a shorter context."""
        first = contexts * self._num_rows
        places = (np.searchsorted(self._keys, first + rows) for rows in (ends, begins))
        upper, lower = (self._sums[place] for place in places)
        shares: Floats = (upper - lower) / self._totals[contexts] + self._rest[contexts] * shorter
        return shares


class WordsState(NamedTuple):
    """State after a token, batch first."""

    words: Tensor
    """[batch, 2 · order]: the node of the word so far, its length, the hashes of its contexts, and those of
    the text since the beginnings of the last words, the contexts of the next."""
    characters: Tensor
    """[batch, CHARACTER_ORDER - 1], contexts of the n-grams of characters."""


class Words(nn.Module):
    """Counts which words followed the last ones in the training text, and predicts letter by letter.

    A word is a run of letters or digits; its contexts are the texts since the beginnings of the last
    `order` - 1 words. The probability of a letter is the share of the words that begin with it among those
    that begin with the letters before. Likely new words count as well (see `OovWords`): known ones in other
    cases, and those that have a pretrained vector. n-grams of characters predict what is between words, and
    other new words. Context mixers have such inputs (PAQ8, Mahoney 2005). It is of most use in a mixture:
    `char-lstm+words`.
    """

    is_normalized: ClassVar[bool] = True

    def __init__(
        self,
        vocab_size: int,
        *,
        tokens: Sequence[str],
        order: Annotated[int, Ge(1), Le(5), doc("Length of the n-grams in words."), Search(1, 4)] = 3,
        word_list: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.order, self.vocab_size, self._tokens = order, vocab_size, tokens
        self._is_letter = np.array([len(token) == 1 and token.isalnum() for token in tokens], bool)
        # Letters as `OovWords` has them.
        letters = sorted(np.flatnonzero(self._is_letter).tolist(), key=tokens.__getitem__)
        self._letters = np.array(letters, np.int64)
        self.ngrams = KneserNey(vocab_size)
        nothing = np.zeros(0, np.int64)
        listed = np.frombuffer("\n".join(word_list).encode(errors="replace"), np.uint8)
        self._use_words(nothing, nothing, 0, torch.from_numpy(listed.copy()))
        self._followers = [Followers(WordCounts(*[nothing] * 4), 0)] * order
        for length in range(order):
            self._use_followers(length, WordCounts(*[nothing] * 4))

    words: Tensor
    """The letters of all words, one after the other, by falling frequency."""
    lengths: Tensor
    """[number of words], the number of letters of each."""
    num_frequent: Tensor
    """[1], the number of words that occur more than once."""
    listed: Tensor
    """[bytes], the words that have a pretrained vector, one in each line."""

    def fit(self, ids: TokenIds) -> None:
        if not len(ids):
            return
        text: Numbers = np.asarray(ids[:MAX_TOKENS], np.int64)
        self.ngrams.count(text, CHARACTER_ORDER)
        begins, ends = words_of(self._is_letter[text])
        hashes = Hashes(text)
        _, first, numbers, times = np.unique(
            hashes.between(begins, ends), return_index=True, return_inverse=True, return_counts=True
        )
        order = np.lexsort((first, -times))
        letters = [
            text[begin:end] for begin, end in zip(begins[first[order]], ends[first[order]], strict=True)
        ]
        lengths, num_frequent = (ends - begins)[first[order]], int((times > 1).sum())
        self._use_words(np.concatenate([text[:0], *letters]), lengths, num_frequent, self.listed)
        rows = self._trie.row_of[order.argsort()[numbers]]
        for length, _ in enumerate(self._followers):
            is_counted = np.flatnonzero(rows[length:] >= 0) + length
            found = hashes.between(begins[is_counted - length], begins[is_counted])
            self._use_followers(length, counted(found, rows[is_counted], self._num_rows))

    def initial_state(self, batch_size: int) -> WordsState:
        contexts = self.ngrams.no_contexts.expand(batch_size, -1)
        return WordsState(contexts.new_zeros(batch_size, 2 * self.order), contexts)

    def forward(self, ids: Tensor, state: WordsState) -> tuple[Tensor, WordsState]:
        """Return the log-probabilities [batch, time, vocab_size] and the state after the last token."""
        tokens = ids.cpu().numpy()
        contexts = self.ngrams.contexts(tokens, state.characters.cpu().numpy())
        by_characters = self.ngrams.probabilities([numbers.ravel() for numbers in contexts])
        read = self._read(tokens, state.words.cpu().numpy())
        probabilities = self._predict(read.reshape(-1, read.shape[-1]), by_characters.astype(np.float64))
        logits = torch.from_numpy(probabilities).float().log_().to(ids.device)
        words = torch.from_numpy(read[:, -1]).to(ids.device)
        return logits.view(*ids.shape, -1), WordsState(words, last_contexts(contexts, state.characters))

    def _read(self, tokens: Numbers, last: Numbers) -> Numbers:
        """Return the state after each of `tokens` [batch, time], [batch, time, 2 · order]."""
        states = np.zeros((*tokens.shape, last.shape[1]), np.int64)
        for place, token in enumerate(tokens.T):
            node, num_letters, since = last[:, 0], last[:, 1], last[:, 1 + self.order :]
            is_letter = self._is_letter[token]
            is_first = is_letter & (num_letters == 0)
            after = states[:, place]
            after[:, 0] = np.where(is_letter, self._trie.child(node, token + 1), 0)
            after[:, 1] = np.where(is_letter, num_letters + 1, 0)
            after[:, 2 : 1 + self.order] = np.where(is_first[:, None], since, last[:, 2 : 1 + self.order])
            shifted = np.concatenate((np.zeros_like(since[:, :1]), since[:, :-1]), axis=1)
            since = np.where(is_first[:, None], shifted, since)
            after[:, 1 + self.order :] = since * MULTIPLIER + token[:, None] + 1
            last = after
        return states

    def _predict(self, states: Numbers, by_characters: Floats) -> Floats:
        """Return the distributions [count, vocab_size], given those of the n-grams of characters."""
        nodes, num_letters = states[:, 0], states[:, 1]
        hashes = np.where(
            num_letters[:, None] > 0, states[:, 2 : 1 + self.order], states[:, 1 + self.order :]
        )
        hashes = np.concatenate((np.zeros_like(states[:, :1]), hashes), axis=1)
        where = np.flatnonzero(nodes >= 0)
        children, codes, of = self._trie.children(nodes[where])
        begins, ends = self._trie.begins[children], self._trie.ends[children]
        shares = self._likely[ends] - self._likely[begins]
        for followers, context in zip(self._followers, hashes[where].T, strict=True):
            numbers = followers.find(context)[of]
            shares = followers.share(numbers, begins, ends, shares)
        by_words = np.zeros((len(states), self.vocab_size + 1))
        by_words[where[of], codes] = shares
        total = by_words.sum(axis=1, keepdims=True)
        by_words /= np.where(total > 0, total, 1)

        is_inside = num_letters[:, None] > 0
        letters = by_characters[:, self._is_letter].sum(axis=1, keepdims=True)
        others = by_characters[:, ~self._is_letter].sum(axis=1, keepdims=True)
        share = 1 - (1 - self._followers[0].share_of_known) * (1 - self._likely[-1])
        trust = 1 - (1 - TRUST * share) * DOUBT ** np.maximum(num_letters - 1, 0)[:, None]
        trust = np.where(total > 0, trust, 0)
        after_word = 1 - trust + trust * by_words[:, [END]] / np.maximum(others, LEAST)
        result: Floats = by_characters * np.where(
            self._is_letter, 1 - trust, np.where(is_inside, after_word, 1)
        )
        result += trust * np.where(is_inside, 1, letters) * by_words[:, 1:]
        result /= result.sum(axis=1, keepdims=True)
        return result

    @property
    def _num_rows(self) -> int:
        return len(self._trie.codes)

    def _use_words(self, letters: Integers, lengths: Integers, num_frequent: int, listed: Tensor) -> None:
        """Take the words, one after the other, the `num_frequent` first of which occur more than once."""
        self.register_buffer("words", torch.from_numpy(letters.astype(np.int32)))
        self.register_buffer("lengths", torch.from_numpy(lengths.astype(np.int64)))
        self.register_buffer("num_frequent", torch.full((1,), num_frequent))
        self.register_buffer("listed", listed)
        # Without a text nothing is expected, and the list need not be sorted.
        new, weights = self._new_words(listed if len(lengths) else listed[:0]).written()
        codes = np.concatenate((letters.astype(np.int64), self._letters[new[new > 0] - 1]))
        all_lengths = np.concatenate((lengths.astype(np.int64), (new > 0).sum(axis=1)))
        self._trie = Trie(codes + 1, all_lengths, self.vocab_size + 1)
        old_rows, new_rows = np.split(self._trie.row_of, [len(self.lengths)])
        weight_of = np.bincount(new_rows, weights, minlength=self._num_rows)
        weight_of[old_rows[old_rows >= 0]] = 0
        self._likely = np.append(0, np.cumsum(weight_of))

    def _new_words(self, listed: Tensor) -> OovWords:
        """Return likely new words, which are expected to be like the words that occur once."""
        characters = [self._tokens[letter] for letter in self.words.tolist()]
        ends = self.lengths.cumsum(0).tolist()
        words = ["".join(characters[begin:end]) for begin, end in pairwise([0, *ends])]
        frequent, rare = words[: int(self.num_frequent)], words[int(self.num_frequent) :]
        of_list = listed.cpu().numpy().tobytes().decode().split("\n")
        found = OovWords([self._tokens[letter] for letter in self._letters.tolist()], frequent, of_list)
        found.count(dict.fromkeys(rare, 1), 1, 0)  # a discount of 1: rare words are counted as known
        return found

    def _use_followers(self, length: int, found: WordCounts) -> None:
        self._followers[length] = Followers(found, self._num_rows)
        for name, values in found._asdict().items():
            self.register_buffer(f"{name}_{length}", torch.from_numpy(values))

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Load the counts, whose number depends on the text."""
        if f"{prefix}words" in state_dict:
            words, lengths = (state_dict[f"{prefix}{name}"].cpu().numpy() for name in ("words", "lengths"))
            num_frequent, listed = (
                state_dict[f"{prefix}{name}"].cpu() for name in ("num_frequent", "listed")
            )
            self._use_words(words, lengths, int(num_frequent), listed)
            for length, _ in enumerate(self._followers):
                names = [f"{prefix}{name}_{length}" for name in WordCounts._fields]
                self._use_followers(length, WordCounts(*(state_dict[name].cpu().numpy() for name in names)))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def words_of(is_letter: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Return where the words of a text begin and end."""
    changes = np.flatnonzero(np.diff(is_letter.astype(np.int8), prepend=0, append=0))
    return changes[::2], changes[1::2]


class Hashes:
    """Hashes of parts of a text: Σ (token + 1) · MULTIPLIER^(distance from the end), as `hash_words` has."""

    def __init__(self, ids: Numbers) -> None:
        self._powers, inverse = (
            np.full(len(ids) + 1, factor, np.uint64) for factor in (MULTIPLIER, pow(MULTIPLIER, -1, 2**64))
        )
        self._powers[0] = inverse[0] = 1
        self._powers, inverse = self._powers.cumprod(), inverse.cumprod()
        self._sums = np.append(np.uint64(0), ((ids + 1).astype(np.uint64) * inverse[:-1]).cumsum())

    def between(self, begins: Numbers, ends: Numbers) -> Numbers:
        """Return the hash of each part, which has at least one token; 0 for none."""
        sums = self._sums[ends] - self._sums[begins]
        hashes: Numbers = (sums * self._powers[np.maximum(ends - 1, 0)]).astype(np.int64)
        return hashes


def counted(contexts: Numbers, rows: Numbers, num_rows: int) -> WordCounts:
    """Return the counts of words in `rows`, each after a context with a hash."""
    distinct, numbers = np.unique(contexts, return_inverse=True)
    keys, counts = np.unique(numbers * num_rows + rows, return_counts=True)
    num_next = np.bincount(keys // max(num_rows, 1), minlength=len(distinct))
    rows = keys % max(num_rows, 1)
    return WordCounts(
        distinct, *(smallest(values) if len(values) else values for values in (num_next, rows, counts))
    )
