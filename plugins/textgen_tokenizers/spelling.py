"""Tokens in the place of what a vocabulary lacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def splice(
    ids: NDArray[np.int32], missing: NDArray[np.intp], spellings: list[list[int]]
) -> NDArray[np.int32]:
    """Return `ids` with the item at each position in `missing` (ascending) replaced by its spelling."""
    lengths = np.ones(len(ids), np.int64)
    lengths[missing] = [len(spelling) for spelling in spellings]
    result = np.repeat(ids, lengths)
    spelled = np.repeat(np.isin(np.arange(len(ids)), missing), lengths)
    result[spelled] = [token for spelling in spellings for token in spelling]
    return result
