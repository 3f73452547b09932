"""A character model that spells the words which the vocabulary of a word model lacks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.api import Vocabulary
from textgen.data.vocabulary import continues_spelling
from textgen.nn.softmax import FullSoftmax
from textgen_models.lstm.layers import initialise

AFTER_WORD, INSIDE, AFTER_SPELLING = 0, 1, 2
"""Where a character is predicted: as the first one of a spelling (after a word or another one), or inside."""


def can_spell(tokens: Sequence[str] | None, fallback: NDArray[np.bool_] | None) -> bool:
    """Return whether a vocabulary has words, and fallback tokens that tell where a spelling begins."""
    if tokens is None or fallback is None or np.all(fallback):
        return False
    return bool(np.any(fallback & ~continues_spelling(Vocabulary(tokens, fallback))))


class Speller(nn.Module):
    """A character LSTM that turns spellings into word vectors, and predicts them with a word model.

    A *spelling* is a run of fallback tokens, its *characters*, of which only the first may begin with white
    space. A word model predicts `num_classes` classes: words, and one that means any spelling. Given its
    features there, a spelling's first character is predicted; then from those features and the prefix, the
    next character or the end (Mielke and Eisner 2019, arXiv:1804.08205). After the end, the vector of the
    spelling is the word model's next input, as that of a word is (Kawakami et al. 2017, arXiv:1704.06986).
    """

    spells: Tensor
    continues: Tensor
    characters: Tensor
    character_of: Tensor
    classes: Tensor
    class_of: Tensor
    allowed: Tensor

    def __init__(
        self, tokens: Sequence[str], fallback: NDArray[np.bool_], vector_size: int, word_size: int, width: int
    ) -> None:
        super().__init__()
        spells = torch.from_numpy(np.array(fallback, bool))
        continues = torch.from_numpy(continues_spelling(Vocabulary(tokens, np.asarray(fallback, bool))))
        characters = spells.nonzero()[:, 0]
        # The most frequent character has the class of all spellings, since classes are ordered by frequency.
        is_class = ~spells
        is_class[characters[0]] = True
        class_of = is_class.cumsum(0) - 1
        self.spelling_class = int(class_of[characters[0]])
        end = torch.tensor([False])
        allowed = [
            torch.cat((torch.ones_like(characters, dtype=torch.bool), end)),
            torch.cat((continues[characters], ~end)),
            torch.cat((~continues[characters], end)),
        ]
        for name, value in {
            "spells": spells,
            "continues": continues,
            "characters": characters,
            "character_of": spells.cumsum(0) - 1,
            "classes": is_class.nonzero()[:, 0],
            "class_of": torch.where(spells, self.spelling_class, class_of),
            "allowed": torch.stack(allowed),
        }.items():
            self.register_buffer(name, value, persistent=False)
        self.width = width
        self.encoder = nn.LSTM(vector_size, width, batch_first=True)
        self.vector = nn.Linear(width, vector_size)
        self.from_prefix = nn.Linear(width, width)
        self.from_words = nn.Linear(word_size, width, bias=False)
        self.output = FullSoftmax(width, len(characters) + 1)
        for layer in (self.vector, self.from_prefix, self.from_words):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        initialise(self.encoder)
        nn.init.zeros_(self.vector.bias)
        nn.init.zeros_(self.from_prefix.bias)

    @property
    def end(self) -> int:
        """The index of the end among the characters."""
        return len(self.characters)

    @torch.no_grad()
    def start_from(self, counts: Tensor) -> Tensor:
        """Start from the counts of tokens [vocab_size]; return those of the classes of the word model.

        Spellings are counted by the characters that are white space, with which nearly all begin.
        """
        own = counts[self.characters]
        num_spellings = own[self.allowed[AFTER_SPELLING, :-1]].sum()
        self.output.start_from(torch.cat((own, num_spellings[None])))
        of_classes = counts[self.classes]
        of_classes[self.spelling_class] = num_spellings
        return of_classes

    def logits(self, prefixes: Tensor, features: Tensor, place: Tensor) -> Tensor:
        """Return the logits of the next character, or the end, [..., characters + 1], in fp32.

        `prefixes` [..., width] are outputs of the encoder, zero before the first character; `features`
        [..., word_size] are the word model's where the spelling begins; `place` [...] is one of the constants
        of this module.
        """
        mixed = torch.tanh(self.from_prefix(prefixes) + self.from_words(features))
        return self.mask(self.output(mixed).float(), place)

    def mask(self, logits: Tensor, place: Tensor) -> Tensor:
        """Return the logits with those of the characters that cannot occur at a place set to -∞."""
        return logits.masked_fill(~self.allowed[place], -math.inf)

    def join(self, words: Tensor, start: Tensor, inside: Tensor, is_spelling: Tensor) -> Tensor:
        """Return the log-probabilities of the next token [..., vocab_size].

        `words` [..., classes] are the log-probabilities of words and of any spelling, `start` the `logits`
        of a spelling's first character; if one is unfinished (`is_spelling` [...]), both are those after its
        end, and `inside` are the logits of how it continues.
        """
        inside, start = inside.log_softmax(-1), start.log_softmax(-1)
        words = words + torch.where(is_spelling, inside[..., -1], 0.0)[..., None]
        begun = words[..., self.spelling_class, None] + start[..., :-1]
        continued = is_spelling[..., None] & self.allowed[INSIDE, :-1]
        characters = torch.where(continued, inside[..., :-1], begun)
        return words.index_select(-1, self.class_of).index_copy_(-1, self.characters, characters)
