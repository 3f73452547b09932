"""Where spellings begin and end in a window of tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from textgen_models.lstm.speller import Speller


@dataclass(frozen=True, eq=False)
class Window:
    """The spellings in ids [batch, time], whose following ids are known."""

    spells: Tensor
    """[batch, time], whether a token is a character of a spelling."""
    goes_on: Tensor
    """[batch], whether the first token continues the spelling that is unfinished before the window."""
    ends: Tensor
    """[batch, time], whether a token is the last one of its spelling."""
    rows: Tensor
    """[count], the row of each character."""
    columns: Tensor
    """[count], the time of each character."""
    unit: Tensor
    """[count], the index of each character's spelling, among those of all rows."""
    place: Tensor
    """[count], the index of each character in its spelling, or in what is in the window of it."""
    first: Tensor
    """[spellings], the index of each one's first character."""

    @classmethod
    def of(cls, speller: Speller, ids: Tensor, targets: Tensor, is_spelling: Tensor) -> Window:
        """Find the spellings; `is_spelling` [batch] tells whether one is unfinished before the window."""
        spells = speller.spells[ids]
        before = torch.cat((is_spelling[:, None], spells[:, :-1]), dim=1)
        continues = before & speller.continues[ids]
        rows, columns = spells.nonzero(as_tuple=True)
        is_first = ~continues[rows, columns] | (columns == 0)
        unit, first = is_first.cumsum(0) - 1, is_first.nonzero()[:, 0]
        return cls(
            spells=spells,
            goes_on=continues[:, 0],
            ends=spells & ~speller.continues[targets],
            rows=rows,
            columns=columns,
            unit=unit,
            place=torch.arange(len(rows), device=ids.device) - first[unit],
            first=first,
        )

    @property
    def decides(self) -> Tensor:
        """[batch, time], whether a token is followed by a word or a new spelling."""
        return ~self.spells | self.ends

    @property
    def ticks(self) -> Tensor:
        """[batch, time], whether the word model certainly reads a word, or spelling, that ends with a token.

        The last spelling may go on after the window.
        """
        ticks = self.decides.clone()
        ticks[:, -1] = ~self.spells[:, -1]
        return ticks

    def num_characters(self) -> Tensor:
        """Return the number of characters of each spelling in the window, [spellings]."""
        return torch.bincount(self.unit, minlength=len(self.first))
