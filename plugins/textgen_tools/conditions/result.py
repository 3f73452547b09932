"""The result of looking at entries by the labels of their text."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.data.labels import Label
from textgen.evaluation.intervals import Contrast, Estimate


@dataclass(frozen=True)
class Share:
    """A share of texts, with its 95 % interval by Wilson's method."""

    number: int
    total: int
    interval: tuple[float, float]

    @property
    def value(self) -> float:
        """The share, from 0 to 1."""
        return self.number / self.total if self.total else 0.0


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """A text that an entry wrote for a label."""

    label: str
    seed: int
    text: str
    taken_for: str
    """The label that the classifier gives it."""


@dataclass(frozen=True, kw_only=True)
class EntryByLabel:
    """One entry, with all of its seeds."""

    name: str
    folder: str
    num_seeds: int
    bits_per_char: Estimate
    """With the right labels."""
    without: Contrast | None
    """What labels change, as against the same entry trained without them; None without such runs."""
    given: tuple[tuple[Estimate, ...], ...]
    """[label of the text, label that is given]: bits per character more than with the label of the text, by
    the same runs, with an interval over passages."""
    own: tuple[Estimate, ...]
    """Bits per character of the text of each label."""
    recognized: Share
    """Held-out paragraphs that cost least with their own label."""
    samples_recognized: Share
    """Texts that the classifier takes for one of the label that they were written for."""
    samples: tuple[LabelledText, ...]


@dataclass(frozen=True, kw_only=True)
class ByLabel:
    """What labels are worth to entries, who writes like whom, and texts by label."""

    corpus: str
    condition: str
    part: str
    num_chars: int
    """Characters of the part that are scored, without signs."""
    labels: tuple[Label, ...]
    """Those with held-out text."""
    paragraphs: tuple[int, ...]
    """Held-out paragraphs of each label that are recognized or not."""
    entries: tuple[EntryByLabel, ...]
    classifier: Share
    """Held-out texts as long as the samples that the classifier takes for what they are."""
    sample_chars: int
    sampler: str
