"""Predictions from what followed the same contexts elsewhere, mixed in logarithms; compiled by numba.

A context is a number: a hash of what it is made of. A table has the last place with it, and each place the
one before with the same context, so that what was counted can be taken back in reverse.

Each context gives two inputs for each token v that followed it: x(v) = log(1 + c(v) / (a p(v))) with
a = 0.5 d + 0.2, where p is the prediction that is refined, c(v) counts the places that v followed, and d is
the number of tokens that did. So tokens that did not follow, and contexts that are new, have no say. One
input counts places of the text that is read, the later the more; the other the last places of that text and
of the training text. Each comes once more where a single token followed.

The mixture is softmax(log p + mean over s of Σ_i w_si x_i), with weights of its own for each of a few things
s that are known. After each token comes a step against the gradient of the loss that each set of weights has
alone: the logistic mixing of PAQ (Mahoney 2005; Mattern 2013, arXiv:1302.2820), over tokens instead of bits.

All of it is in one file, by whose time numba knows that what it compiled before is out of date.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from textgen.data.vocabulary import surface_bytes

LENGTHS = (1, 2, 3, 4, 5, 6, 8, 12, 20)
"""Contexts of the last tokens."""
NUM_CONTEXTS = len(LENGTHS) + 5
"""And what the current word begins with, alone, with the last word and with the last two; the second and
third last token without the last; and none, which counts the last places of all."""
NONE = -1
"""No place."""
MAX_LOAD = 0.6
"""Share of a table that is used, at most."""
FIRST_SLOTS, FIRST_PLACES = 2**12, 2**8
FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
NUM_INPUTS = 4 * NUM_CONTEXTS
NUM_SELECTORS, NUM_SETS = 3, 64
"""Weights are chosen by the last token, the one before it and the likeliest next one: a set for each of the
first tokens of the vocabulary, and the last one for all others."""
FIRST_WEIGHT = 0.1
FADE = 0.8
"""Weight of a place in the text that is read, relative to the one after it."""
LEAST = 1e-7
"""Probabilities below are not told apart by the inputs."""

Integers = NDArray[np.integer]
Floats = NDArray[np.floating]


class Alphabet(NamedTuple):
    """What the contexts need to know of each token."""

    stems: NDArray[np.uint64]
    """[vocab_size], a number for the letters that it ends with, in lower case; 0 if there are none."""
    is_inside: NDArray[np.bool_]
    """[vocab_size], true if it has letters only, and so goes on with a word."""


class Places(NamedTuple):
    """A text and the chains of its places."""

    tokens: Integers
    """[places]."""
    words: NDArray[np.uint64]
    """[places, 3], hashes of the current word so far (0 between words), of the last and of the one before."""
    earlier: NDArray[np.int32]
    """[places, contexts], the place before with the same context, or `NONE`."""
    hashes: NDArray[np.uint64]
    """[slots], the contexts in the table; 0 in those that are free."""
    last: NDArray[np.int32]
    """[slots], the last place of each."""


def alphabet(tokens: Sequence[str]) -> Alphabet:
    """Return what the contexts need to know of the tokens of a vocabulary."""
    texts = [surface_bytes(token).decode("utf-8", errors="ignore") for token in tokens]
    endings = [_letters(text) for text in texts]
    numbers = {ending: number for number, ending in enumerate(dict.fromkeys(["", *endings]))}
    stems = np.array([numbers[ending] for ending in endings], np.uint64)
    return Alphabet(stems, np.array([text.isalpha() for text in texts], bool))


def _letters(text: str) -> str:
    """Return the letters that a text ends with, in lower case."""
    begin = len(text)
    while begin and text[begin - 1].isalpha():
        begin -= 1
    return text[begin:].lower()


class Chains:
    """The places of one text, which follow what is read of it."""

    def __init__(self, known: Alphabet) -> None:
        self._alphabet, self.num_read, self._num_used = known, 0, 0
        self.places = _empty(FIRST_PLACES, FIRST_SLOTS)

    @property
    def text(self) -> Integers:
        """The tokens that were read."""
        return self.places.tokens[: self.num_read]

    def follow(self, tokens: Integers) -> None:
        """Go back to where the text differs from `tokens`, and read the rest of these."""
        shared = min(self.num_read, len(tokens))
        is_same = self.places.tokens[:shared] == tokens[:shared]
        shared = shared if is_same.all() else int(is_same.argmin())
        _take_back(self.places, self.num_read, shared)
        self.num_read = shared
        self.make_room(len(tokens) - shared)
        self.read(tokens[shared:])

    def read(self, tokens: Integers) -> None:
        """Append tokens, for which there is room."""
        self._num_used += _append_all(self.places, self._alphabet, self.num_read, tokens)
        self.num_read += len(tokens)

    def longest(self, trained: Chains) -> tuple[Integers, int]:
        """Return the text in which the longest context was last, and the number of tokens up to its end.

        It is this one or `trained`; empty, and the number 0, if the last two tokens are new.
        """
        contexts = np.zeros(NUM_CONTEXTS, np.uint64)
        contexts_at(self.places, self.num_read - 1, contexts)
        for context in contexts[len(LENGTHS) - 1 : 0 : -1]:
            for chains in (self, trained) if context else ():
                places, slot = chains.places, slot_of(chains.places, context)
                if places.hashes[slot] == context and places.last[slot] != NONE:
                    return chains.text, int(places.last[slot]) + 1
        return self.text[:0], 0

    def has_read(self, num_tokens: int, num_used: int) -> None:
        """Take note that compiled code appended tokens, and used slots of the table for them."""
        self.num_read += num_tokens
        self._num_used += num_used

    def make_room(self, num_tokens: int) -> None:
        """Make room for more tokens; if the tables have to grow, the text is read again."""
        num_places, num_slots = len(self.places.tokens), len(self.places.last)
        while num_places < self.num_read + num_tokens:
            num_places *= 2
        while MAX_LOAD * num_slots < self._num_used + NUM_CONTEXTS * num_tokens:
            num_slots *= 2
        if (num_places, num_slots) != (len(self.places.tokens), len(self.places.last)):
            tokens = self.text.copy()
            self.places, self.num_read, self._num_used = _empty(num_places, num_slots), 0, 0
            self.read(tokens)


def _empty(num_places: int, num_slots: int) -> Places:
    return Places(
        tokens=np.zeros(num_places, np.int32),
        words=np.zeros((num_places, 3), np.uint64),
        earlier=np.full((num_places, NUM_CONTEXTS), NONE, np.int32),
        hashes=np.zeros(num_slots, np.uint64),
        last=np.full(num_slots, NONE, np.int32),
    )


@njit(cache=True, nogil=True)
def joined(number: np.uint64, other: np.uint64) -> np.uint64:
    """Return a hash of two numbers."""
    mixed = (number + FACTORS[0]) * FACTORS[1] + other  # so that small numbers do not collide
    return (mixed ^ (mixed >> np.uint64(29))) * FACTORS[0]


@njit(cache=True, nogil=True)
def contexts_at(places: Places, place: int, found: NDArray[np.uint64]) -> None:
    """Write the contexts after the token at a place to `found` [contexts]; 0 where the text is too short."""
    tokens, index, number = places.tokens, 0, np.uint64(0)
    found[:-1], found[-1] = 0, 1
    for back in range(min(LENGTHS[-1], place + 1)):
        number = joined(number, np.uint64(tokens[place - back] + 1))
        if back + 1 == LENGTHS[index]:
            found[index] = joined(number, np.uint64(index + 1))
            index += 1
    index, number = len(LENGTHS), places.words[place, 0]
    if number == 0:  # between words, what separates them tells more
        number = joined(np.uint64(1), np.uint64(tokens[place] + 1))
    for word in range(3):
        if word:
            number = joined(number, places.words[place, word])
        found[index + word] = joined(number, np.uint64(index + word + 1))
    if place >= 2:
        number = joined(np.uint64(tokens[place - 1] + 1), np.uint64(tokens[place - 2] + 1))
        found[index + 3] = joined(number, np.uint64(index + 4))


@njit(cache=True, nogil=True)
def slot_of(places: Places, context: np.uint64) -> np.uint64:
    """Return the slot of a context in the table, or the free one where it belongs."""
    mask = np.uint64(len(places.hashes) - 1)
    slot = context & mask
    while places.hashes[slot] != 0 and places.hashes[slot] != context:
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True)
def append(places: Places, known: Alphabet, num_read: int, token: int, contexts: NDArray[np.uint64]) -> int:
    """Append a token after the last place, which has these `contexts`; return the number of slots it took."""
    num_used = 0
    for index in range(NUM_CONTEXTS if num_read else 0):
        if contexts[index] == 0:
            continue
        slot = slot_of(places, contexts[index])
        if places.hashes[slot] == 0:
            places.hashes[slot] = contexts[index]
            num_used += 1
        places.earlier[num_read - 1, index] = places.last[slot]
        places.last[slot] = num_read - 1
    places.tokens[num_read] = token
    words, stem = places.words[num_read], known.stems[token]
    words[:] = 0
    if num_read:
        words[:] = places.words[num_read - 1]
    if words[0] != 0 and not known.is_inside[token]:
        words[2], words[1], words[0] = words[1], words[0], np.uint64(0)
    if stem != 0:
        words[0] = joined(words[0], stem)
    return num_used


@njit(cache=True, nogil=True)
def _append_all(places: Places, known: Alphabet, num_read: int, tokens: Integers) -> int:
    contexts, num_used = np.zeros(NUM_CONTEXTS, np.uint64), 0
    for index in range(len(tokens)):
        if num_read + index:
            contexts_at(places, num_read + index - 1, contexts)
        num_used += append(places, known, num_read + index, tokens[index], contexts)
    return num_used


@njit(cache=True, nogil=True)
def _take_back(places: Places, num_read: int, num_kept: int) -> None:
    """Unlink the places that the tokens after the first `num_kept` follow."""
    contexts = np.zeros(NUM_CONTEXTS, np.uint64)
    for place in range(num_read - 2, max(num_kept, 1) - 2, -1):
        contexts_at(places, place, contexts)
        for index in range(NUM_CONTEXTS):
            if contexts[index]:
                places.last[slot_of(places, contexts[index])] = places.earlier[place, index]


class Settings(NamedTuple):
    """How much is counted and learnt."""

    num_places: int
    """The last places of a context that count."""
    rate: float
    """Learning rate of the weights."""
    reads_on: bool
    """Whether places of the text that is read count."""


class _Inputs(NamedTuple):
    """What is known about the next token: followers of each context, and all of them together."""

    contexts: NDArray[np.uint64]
    """[contexts], the numbers of the contexts."""
    num_followers: Integers
    """[contexts, 2], in the text that is read, and in both."""
    which: Integers
    """[contexts, followers], which of all followers each is; those in the text that is read come first."""
    values: Floats
    """[contexts, followers, 2], the inputs."""
    tokens: Integers
    """[followers of all contexts]."""
    probabilities: Floats
    """[followers of all], those that are refined."""
    scores: Floats
    """[selectors + 1, followers of all], what each set adds to their logarithms, and what all add."""
    mixed: Floats
    """[selectors + 1, followers of all], the probabilities by each set, and by all."""
    sets: Integers
    """[selectors], the chosen ones."""
    counts: Floats
    """[followers, 2], working memory."""
    number_of: Integers
    """[2, vocab_size], working memory: which follower of a context, or of all, a token is; else `NONE`."""


@njit(cache=True, nogil=True)
def mix(
    read: Places,
    num_read: int,
    trained: Places,
    known: Alphabet,
    settings: Settings,
    weights: NDArray[np.float32],
    before: tuple[Floats, int],
    tokens: Integers,
    predictions: Floats,
    likeliest: Integers,
) -> int:
    """Read `tokens` [time], learning from each, and change `predictions` [time, vocab_size] after each.

    `before` has the prediction [vocab_size] of the first token and its likeliest one, of which nothing is
    learnt where nothing was read. `likeliest` [time] are those of `predictions`. Returns the number of slots
    that were taken in the table of `read`, which must have room for all tokens.
    """
    inputs, num, num_used = _nothing(predictions.shape[1], settings.num_places), 0, 0
    num_sets = weights.shape[1]
    if num_read:
        num = _gather(read, num_read, trained, settings, before[0], before[1], num_sets, inputs)
        _combine(weights, inputs, num)
    for time in range(len(tokens)):
        if num_read and settings.rate:
            _learn(settings.rate, weights, inputs, num, tokens[time])
        num_used += append(read, known, num_read, tokens[time], inputs.contexts)
        num_read += 1
        num = _gather(read, num_read, trained, settings, predictions[time], likeliest[time], num_sets, inputs)
        less, followers = np.log(_combine(weights, inputs, num)), inputs.tokens[:num]
        inputs.scores[NUM_SELECTORS, :num] += predictions[time][followers] - less
        predictions[time] -= np.float32(less)
        predictions[time][followers] = inputs.scores[NUM_SELECTORS, :num]  # rounded once
    return num_used


@njit(cache=True, nogil=True)
def _nothing(vocab_size: int, num_places: int) -> _Inputs:
    of_one = min(vocab_size, 2 * num_places)
    of_all = min(vocab_size, NUM_CONTEXTS * of_one)
    return _Inputs(
        np.zeros(NUM_CONTEXTS, np.uint64),
        np.zeros((NUM_CONTEXTS, 2), np.int64),
        np.zeros((NUM_CONTEXTS, of_one), np.int64),
        np.zeros((NUM_CONTEXTS, of_one, 2)),
        np.zeros(of_all, np.int64),
        np.zeros(of_all),
        np.zeros((NUM_SELECTORS + 1, of_all)),
        np.zeros((NUM_SELECTORS + 1, of_all)),
        np.zeros(NUM_SELECTORS, np.int64),
        np.zeros((of_one, 2)),
        np.full((2, vocab_size), NONE, np.int64),
    )


@njit(cache=True, nogil=True)
def _gather(
    read: Places,
    num_read: int,
    trained: Places,
    settings: Settings,
    prediction: Floats,
    likeliest: int,
    num_sets: int,
    inputs: _Inputs,
) -> int:
    """Find the inputs after the last token that was read, and return the number of followers of all."""
    num = 0
    contexts_at(read, num_read - 1, inputs.contexts)
    for context in range(NUM_CONTEXTS):
        _count(read, trained, settings, context, inputs)
        num_recent, num_both = inputs.num_followers[context]
        for index in range(num_both):
            token = inputs.which[context, index]
            inputs.number_of[0, token] = NONE
            if inputs.number_of[1, token] == NONE:
                inputs.number_of[1, token] = num
                inputs.tokens[num] = token
                inputs.probabilities[num] = np.exp(prediction[token])
                num += 1
            number = inputs.number_of[1, token]
            inputs.which[context, index] = number
            recent, both = inputs.counts[index]
            probability = max(inputs.probabilities[number], LEAST)
            inputs.values[context, index, 0] = np.log1p(recent / ((0.5 * num_recent + 0.2) * probability))
            inputs.values[context, index, 1] = np.log1p(both / ((0.5 * num_both + 0.2) * probability))
    for index in range(num):
        inputs.number_of[1, inputs.tokens[index]] = NONE
    inputs.sets[0] = min(read.tokens[num_read - 1], num_sets - 1)
    inputs.sets[1] = min(read.tokens[max(0, num_read - 2)], num_sets - 1)
    inputs.sets[2] = min(likeliest, num_sets - 1)
    return num


@njit(cache=True, nogil=True)
def _count(read: Places, trained: Places, settings: Settings, context: int, inputs: _Inputs) -> None:
    """Count what followed the last places of a context."""
    num_places, num, weight, number = 0, 0, 1.0, inputs.contexts[context]
    inputs.num_followers[context] = 0
    for source in range(0 if settings.reads_on else 1, 2 if number else 0):
        places = trained if source else read
        slot = slot_of(places, number)
        place = places.last[slot] if places.hashes[slot] == number else NONE
        while place != NONE and num_places < settings.num_places:
            token = places.tokens[place + 1]
            index = inputs.number_of[0, token]
            if index == NONE:
                index = num
                inputs.number_of[0, token], inputs.which[context, num] = num, token
                inputs.counts[num] = 0
                num += 1
            inputs.counts[index, 1] += 1
            if source == 0:
                inputs.counts[index, 0] += weight
                weight *= FADE
            num_places += 1
            place = places.earlier[place, context]
        if source == 0:
            inputs.num_followers[context, 0] = num
    inputs.num_followers[context, 1] = num


@njit(cache=True, nogil=True)
def _combine(weights: NDArray[np.float32], inputs: _Inputs, num: int) -> float:
    """Compute scores and probabilities; return the sum by which those of all have to be divided."""
    inputs.scores[:, :num] = 0
    total = 1.0
    for selector in range(NUM_SELECTORS):
        chosen, scores = weights[selector, inputs.sets[selector]], inputs.scores[selector]
        for context in range(NUM_CONTEXTS):
            num_recent, num_both = inputs.num_followers[context]
            recent, both = chosen[4 * context], chosen[4 * context + 2]
            if num_recent == 1:
                recent += chosen[4 * context + 1]
            if num_both == 1:
                both += chosen[4 * context + 3]
            for index in range(num_both):
                value = inputs.values[context, index]
                scores[inputs.which[context, index]] += recent * value[0] + both * value[1]
        inputs.scores[NUM_SELECTORS, :num] += scores[:num] / NUM_SELECTORS
    for selector in range(NUM_SELECTORS + 1):
        total = 1.0
        for index in range(num):
            mixed = inputs.probabilities[index] * np.exp(inputs.scores[selector, index])
            inputs.mixed[selector, index] = mixed
            total += mixed - inputs.probabilities[index]
        inputs.mixed[selector, :num] /= total
    return total


@njit(cache=True, nogil=True)
def _learn(rate: float, weights: NDArray[np.float32], inputs: _Inputs, num: int, token: int) -> None:
    """Take a step against the gradients of the losses of the token that came."""
    inputs.mixed[:, :num] *= -1
    for index in range(num):
        if inputs.tokens[index] == token:
            inputs.mixed[:, index] += 1
    for selector in range(NUM_SELECTORS):
        chosen, error = weights[selector, inputs.sets[selector]], inputs.mixed[selector]
        for context in range(NUM_CONTEXTS):
            num_recent, num_both = inputs.num_followers[context]
            recent, both = 0.0, 0.0
            for index in range(num_both):
                value, wrong = inputs.values[context, index], error[inputs.which[context, index]]
                recent += wrong * value[0]
                both += wrong * value[1]
            chosen[4 * context] += rate * recent
            chosen[4 * context + 2] += rate * both
            if num_recent == 1:
                chosen[4 * context + 1] += rate * recent
            if num_both == 1:
                chosen[4 * context + 3] += rate * both
