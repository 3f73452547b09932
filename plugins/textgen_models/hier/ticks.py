"""When the word clock ticks: a fixed rule on the strings of the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from textgen.data.vocabulary import surface_bytes


class WordEnds(nn.Module):
    """Whether a word ends in a token: a character that is not alphanumeric follows one that is.

    It depends on the token and on the last character before it, so it is the same for every way to cut a
    text into chunks: `,` and ` ` end the word before them, the space of `, ` ends none, and ` the`, a token
    of several characters, ends the word before it. A single byte of a longer character counts as a letter.
    Source of the rule: SpaceByte (Slagle 2024, arXiv:2404.14408).
    """

    begins_between: Tensor
    ends_inside: Tensor
    contains_end: Tensor

    def __init__(self, tokens: Sequence[str]) -> None:
        super().__init__()
        texts = [surface_bytes(token).decode("utf-8", errors="ignore") or "x" for token in tokens]
        rules = {
            "begins_between": [not text[0].isalnum() for text in texts],
            "ends_inside": [text[-1].isalnum() for text in texts],
            "contains_end": [
                any(left.isalnum() and not right.isalnum() for left, right in pairwise(text))
                for text in texts
            ],
        }
        for name, values in rules.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, ids: Tensor, is_inside: Tensor) -> tuple[Tensor, Tensor]:
        """Return whether a word ends in each token [batch, time], and whether the last one ends in a word.

        `is_inside` [batch] says that of the token before the first.
        """
        inside = torch.cat([is_inside[:, None], self.ends_inside[ids]], dim=1)
        return self.contains_end[ids] | (inside[:, :-1] & self.begins_between[ids]), inside[:, -1]
