"""Likely OOV words: those of the training text, known ones in other cases, and those of word vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.nn.word_trie import END, Integers, Numbers, Trie

MAX_WORDS = 400_000
"""Maximum number of words of pretrained vectors; the first ones are used."""
FREQUENT_RANKS = 1000
"""A word of rank r is expected in proportion to 1 / (r + this)."""
TRUST, DOUBT = 0.8, 0.8
"""The weight of the n-grams is 1 - TRUST · share after the first letters, and is multiplied by DOUBT for each
further letter that fits. Chosen on the validation parts of wiki, lee and 100,000 characters of novels; values
from 0.6 to 0.9 cost at most 0.001 bits per character."""
AS_WRITTEN, CAPITALIZED, CAPITALS = range(3)
CASES = 3
NUM_FORMS = 2 * CASES
AFTER_SPACE = 1
"""The place, in each case, after the space that begins a word; it is 0 at the beginning of one without."""

Floats = NDArray[np.float64]


def form_of(surface: str) -> tuple[str, int]:
    """Return a word in lower case and its *form*: 2 · case, plus 1 after a space.

    A word with other capitals is returned unchanged.
    """
    word = surface.removeprefix(" ")
    lower, spaced = "".join(map(str.lower, word)), len(surface) > len(word)  # a final sigma like others
    if word == lower:
        return word, 2 * AS_WRITTEN + spaced
    if word == lower[:1].upper() + lower[1:]:
        return lower, 2 * CAPITALIZED + spaced
    return (lower, 2 * CAPITALS + spaced) if word == lower.upper() else (word, 2 * AS_WRITTEN + spaced)


class WeightedTrie(NamedTuple):
    """OOV words with their weights."""

    trie: Trie
    sums: Floats
    """[forms, 1 + number of words], the weights of all words before each."""
    is_known: NDArray[np.bool_]
    """[forms, number of words + 1], whether it is in the vocabulary; false in the last column."""

    @property
    def share(self) -> float:
        """The share of OOV words that is expected to be one of these."""
        return float(self.sums[:, -1].sum())

    def mass(self, forms: Numbers, nodes: Numbers) -> Floats:
        """Return the total weight of the words below each node, in these forms."""
        masses: Floats = self.sums[forms, self.trie.ends[nodes]] - self.sums[forms, self.trie.begins[nodes]]
        return masses


class OovWords(nn.Module):
    """A distribution over whole words, one letter after the other.

    An OOV word w of the training text has the probability (c(w) - D) / N: c(w) is its count, N the sum of the
    counts of all OOV words, and D = n₁ / (n₁ + 2 n₂) the discount of Kneser and Ney (1995), from the numbers
    of words of the text, known ones included, that occur once and twice. Of the rest, known words in other
    cases and words of pretrained vectors get the share that they have among the distinct OOV words of the
    text. It is distributed to cases as there, and by rank (Zipf and Mandelbrot).

    A *place* is the prefix of a word in each of three cases, numbers [CASES]: 2 · node of a `Trie`, plus 1
    after a space; -1 where nothing fits.
    """

    words: Tensor
    """[bytes], the words of vectors."""
    spelled: Tensor
    """[bytes], the OOV words of the training text."""
    counts: Tensor
    """[number of OOV words]."""
    discount: Tensor
    """[1]."""

    def __init__(self, letters: Iterable[str], known: Iterable[str], words: Sequence[str] = ()) -> None:
        """Take the letters, the `known` words, which are those of the vocabulary, and the words of pretrained
        vectors, both by falling frequency.
        """
        super().__init__()
        self._letters = sorted(letters)
        lower = {letter.lower() for letter in self._letters}.difference(self._letters)
        alphabet = [*self._letters, *sorted(letter for letter in lower if len(letter) == 1)]
        self._codes = {letter: code for code, letter in enumerate(alphabet, 1)}
        self._known = [word for word in known if word.strip() and "\n" not in word]
        self.use(_packed(words[:MAX_WORDS]), _packed([]), torch.zeros(0, dtype=torch.int32), torch.zeros(1))

    def count(self, spelled: Mapping[str, int], num_once: int, num_twice: int) -> None:
        """Learn the counts of OOV words; `num_once` and `num_twice` are the numbers for all words."""
        counts = torch.tensor(list(spelled.values()), dtype=torch.int32)
        discount = num_once / max(1, num_once + 2 * num_twice)
        self.use(self.words, _packed(list(spelled)), counts, torch.full((1,), discount))

    @property
    def letters(self) -> Sequence[str]:
        """The letters in the order of their codes, which begin at 1."""
        return self._letters

    @property
    def share(self) -> float:
        return self.table.share

    def follow(self, places: Numbers, codes: Numbers) -> Numbers:
        """Return the places [CASES, count] one letter further; a code of -1 is not a letter."""
        nodes, spaced = places >> 1, places & 1
        is_first, lower = nodes[CAPITALIZED] == 0, self._lower[codes]
        is_capital = self._upper[lower] == codes
        wanted = np.stack((codes, np.where(is_first, lower, codes), lower))
        fits = np.stack((np.ones_like(is_first), ~is_first | is_capital, is_capital))
        found = self.table.trie.child(np.where(fits, nodes, -1), wanted)
        return np.where(found < 0, -1, 2 * found + spaced)

    def are_known(self, places: Numbers) -> NDArray[np.bool_]:
        """Return whether each of the places [CASES, count] is a word of the vocabulary."""
        ends = self.table.trie.child(places >> 1, np.zeros_like(places))
        rows = self.table.trie.begins[ends]
        forms = 2 * np.arange(CASES)[:, None] + (places & 1)
        is_known: NDArray[np.bool_] = ((ends >= 0) & self.table.is_known[forms, rows]).max(axis=0)
        return is_known

    def predict(self, places: Numbers, num_more: Numbers) -> tuple[Floats, Floats]:
        """Return probabilities of the end and each letter [count, 1 + letters], and a trust in them [count].

        `places` [CASES, count] have at least one letter; `num_more` [count] is how many they have beyond the
        shortest prefix that is asked about.
        """
        result = np.zeros((places.shape[1], 1 + len(self._codes)))
        for case, numbers in enumerate(places):
            where = np.flatnonzero(numbers >= 0)
            nodes, forms = numbers[where] >> 1, 2 * case + (numbers[where] & 1)
            children, codes, of = self.table.trie.children(nodes)
            codes = self._upper[codes] if case == CAPITALS else codes
            masses = self.table.mass(forms[of], children)
            has_mass = masses > 0
            result[where[of[has_mass]], codes[has_mass]] += masses[has_mass]
        result = result[:, : 1 + len(self._letters)]
        total = result.sum(axis=1)
        result /= np.where(total > 0, total, 1)[:, None]
        trust = 1 - (1 - TRUST * self.share) * DOUBT**num_more
        return result, np.where(total > 0, trust, 0)

    def written(self) -> tuple[Integers, Floats]:
        """Return the words as written without a space before, but for those in capitals, and their weights.

        Words are codes [count, MAX_LETTERS + 1], padded with END. One may be there in two cases.
        """
        sums, codes = self.table.sums[[2 * AS_WRITTEN, 2 * CAPITALIZED]], self.table.trie.codes
        as_written, capitalized = weights = np.diff(sums, axis=1)
        large = codes[capitalized > 0]
        large[:, 0] = self._upper[large[:, 0]]
        return np.concatenate((codes[as_written > 0], large)), weights[weights > 0]

    def use(self, words: Tensor, spelled: Tensor, counts: Tensor, discount: Tensor) -> None:
        device = self.words.device if "words" in self._buffers else None
        parts = {"words": words, "spelled": spelled, "counts": counts, "discount": discount}
        for name, values in parts.items():
            self.register_buffer(name, values.to(device))
        self.__dict__.pop("table", None)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Load the words, whose number depends on the text."""
        names = [f"{prefix}{name}" for name in ("words", "spelled", "counts", "discount")]
        if all(name in state_dict for name in names):
            self.use(*(state_dict[name] for name in names))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @cached_property
    def _lower(self) -> Numbers:
        """The code of each letter in lower case, -1 without one; at the end, for -1, -1."""
        return self._changed(str.lower)

    @cached_property
    def _upper(self) -> Numbers:
        return self._changed(str.upper)

    def _changed(self, change: Callable[[str], str]) -> Numbers:
        return np.array([END, *(self._codes.get(change(letter), -1) for letter in self._codes), -1])

    @cached_property
    def table(self) -> WeightedTrie:
        """The words with their weights, made when they are first asked for."""
        of_vectors = _text(self.words).lower()
        known, spelled = (
            list(map(form_of, words)) for words in (self._known, _text(self.spelled).split("\n"))
        )
        trie = Trie.of_lines(
            "\n".join([of_vectors, *(word for word, _ in (*known, *spelled))]), list(self._codes)
        )
        rows = np.split(trie.row_of, np.cumsum([of_vectors.count("\n") + 1, len(known)]))
        ranks = np.minimum(*(_first_places(rows[part], len(trie.codes)) for part in (0, 1)))
        known_forms, spelled_forms = (
            np.array([form for _, form in words], np.int64) for words in (known, spelled)
        )
        counts = np.zeros(len(spelled))
        counts[: len(self.counts)] = self.counts.cpu().numpy()

        expected = np.append(np.isfinite(ranks), False)[rows[2]]
        total, discount = max(1.0, counts.sum()), float(self.discount)
        is_new = discount * len(self.counts) / total if len(self.counts) else 1.0
        share = is_new * expected.sum() / len(spelled)
        weights = self._can_be_written(trie) / (ranks + FREQUENT_RANKS)
        weights *= 1 + np.bincount(spelled_forms[expected], minlength=NUM_FORMS)[:, None]
        is_known = np.zeros((NUM_FORMS, len(trie.codes) + 1), bool)
        is_known[known_forms[rows[1] >= 0], rows[1][rows[1] >= 0]] = True
        weights[is_known[:, :-1]] = 0
        weights *= share / max(weights.sum(), np.finfo(float).tiny)
        has_row = rows[2] >= 0
        weights[spelled_forms[has_row], rows[2][has_row]] += ((counts - discount) / total)[has_row]
        sums = np.cumsum(np.pad(weights, ((0, 0), (1, 0))), axis=1)
        return WeightedTrie(trie, sums, is_known)

    def _can_be_written(self, trie: Trie) -> NDArray[np.bool_]:
        """Return whether each word can be written in each form and differs there from the forms before."""
        codes = trie.codes
        lower, upper = (each.astype(codes.dtype) for each in (self._lower, self._upper))
        changes, is_letter = upper[codes] != codes, codes <= len(self._letters)
        # Others have no capital, or one whose lower case is another letter, which `follow` would look up.
        has_capital = (lower[upper] == np.arange(len(upper)))[codes]
        capitalized = changes[:, 0] & has_capital[:, 0] & is_letter[:, 1:].all(axis=1)
        capitalized &= (lower[codes] == codes).all(axis=1)
        capitals = changes[:, 1:].any(axis=1) & has_capital.all(axis=1)
        by_case = np.stack((is_letter.all(axis=1), capitalized, capitals))
        return np.repeat(by_case, 2, axis=0)


def _first_places(rows: Numbers, num_rows: int) -> Floats:
    """Return the first place of each row among `rows`, where -1 is none; infinite without one."""
    places = np.full(num_rows, np.inf)
    where = np.flatnonzero(rows >= 0)[::-1]
    places[rows[where]] = where
    return places


def _packed(words: Sequence[str]) -> Tensor:
    """Return words, none of which has a line end, as bytes."""
    text = "\n".join(words).encode(errors="surrogatepass")
    return torch.from_numpy(np.frombuffer(text, np.uint8).copy())


def _text(values: Tensor) -> str:
    """Return the words of bytes, one in each line; raises `ValueError` for what is not valid UTF-8."""
    return values.cpu().numpy().astype(np.uint8).tobytes().decode(errors="surrogatepass")
