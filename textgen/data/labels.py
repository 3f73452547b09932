"""Labels of documents, such as their authors: a sign before each paragraph of a text says whose it is.

A sign is one character, for which most tokenizers have a token, which every model learns like any other, and
a prompt that begins with it asks for text of that label (CTRL: Keskar et al. 2019, arXiv:1909.05858).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from textgen.contracts import TextgenError

SIGNS = "ⓐⓑⓒⓓⓔⓕⓖⓗⓘⓙⓚⓛⓜⓝⓞⓟⓠⓡⓢⓣⓤⓥⓦⓧⓨⓩ"
NO_LABEL = "(none)"  # that of records without a value
PARAGRAPH_END = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class Label:
    """A label, and the sign that stands for it in the text."""

    sign: str
    name: str


def without_signs(text: str, labels: Sequence[Label]) -> str:
    """Return a text without the signs of these labels."""
    return text.translate({ord(each.sign): None for each in labels})


@dataclass(frozen=True)
class LabelledText:
    """A text, where its documents begin, the first one at 0, and the label of each."""

    text: str
    begins: Sequence[int]
    names: Sequence[str]
    condition: str

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """All labels in alphabetical order; raises `TextgenError` for one, or more than `SIGNS`."""
        names, free = sorted(set(self.names)), [sign for sign in SIGNS if sign not in self.text]
        if not 1 < len(names) <= len(free):
            raise TextgenError(
                f"labels by {self.condition!r}: {len(names)}, such as {names[0]!r}; give 2 to {len(free)}, "
                "by a field of .csv or .jsonl files, a folder for each label, or a file for each"
            )
        return tuple(map(Label, free, names))

    def with_signs(self, begin: int, end: int) -> str:
        """Return a part of the text with signs, at its beginning and where a paragraph or document begins."""
        signs = {each.name: each.sign for each in self.labels}
        ends = (match.end() for match in PARAGRAPH_END.finditer(self.text, begin, end))
        places = sorted({begin, *ends, *(place for place in self.begins if begin < place < end)} - {end})
        return "".join(
            signs[self.names[bisect_right(self.begins, place) - 1]] + self.text[place:until]
            for place, until in pairwise([*places, end])
        )
