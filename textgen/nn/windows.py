"""Stretches of text that a model reads side by side, a window of each at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import TokenIds

MAX_LOGITS, MIN_CHUNK = 2**22, 8
"""Logits that are computed at once, as in scoring, and at least this many tokens of each stretch."""


@dataclass(frozen=True, eq=False)
class Window:
    """Tokens of several stretches from the same position on."""

    inputs: Tensor
    """[rows, time], tokens of the stretches that have not ended, which are fewer in each window."""
    targets: Tensor
    """[rows, time], the token after each."""
    is_text: NDArray[np.bool_]
    """[rows, time], false for targets after the end of a stretch."""


def windows(stretches: Sequence[TokenIds], vocab_size: int, device: torch.device) -> Iterator[Window]:
    """Yield all tokens of stretches of text, the longest ones in the first rows."""
    stretches = sorted((ids for ids in stretches if len(ids) > 1), key=len, reverse=True)
    lengths = np.array([len(ids) - 1 for ids in stretches], np.int64)
    table = np.zeros((len(stretches), lengths.max(initial=0) + 1), np.int64)
    for row, ids in enumerate(stretches):
        table[row, : len(ids)] = ids
    tokens, begin = torch.from_numpy(table).to(device), 0
    while begin < table.shape[1] - 1:
        num_rows = int((lengths > begin).sum())
        end = min(begin + max(MIN_CHUNK, MAX_LOGITS // vocab_size // num_rows), table.shape[1] - 1)
        is_text = np.arange(begin, end) < lengths[:num_rows, None]
        yield Window(tokens[:num_rows, begin:end], tokens[:num_rows, begin + 1 : end + 1], is_text)
        begin = end
