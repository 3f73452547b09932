"""Result of a comparison, as `textgen bench --json` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textgen.evaluation.intervals import LEVEL, Interval
from textgen.evaluation.memorization import Overlap
from textgen.evaluation.metrics import MetricInfo, TextMetrics, check_pseudovalues
from textgen.evaluation.scoring import ScoredUnits
from textgen.experiment.entry_result import EntryResult, FailedEntry
from textgen.results.header import JudgedHeader
from textgen.runtime.storage.json_records import (
    Amount,
    Count,
    Share,
    check_different,
    check_lengths,
    check_names,
)
from textgen.training.budget import Budget

PRETRAINED = "pretrained, may have seen this text"
"""What every view says next to the name of a yardstick."""


@dataclass(frozen=True, kw_only=True)
class EntryScore:
    """The score of an entry over all its seeds."""

    name: str
    bits_per_char: float
    interval: Interval | None
    num_seeds: Count
    reads_on: bool = False
    """True if the entry learns from the text while it is scored, which makes it one of another class."""
    is_best: bool = False
    """True if every other entry of its class is clearly worse."""


@dataclass(frozen=True, kw_only=True)
class ReferenceScore:
    """The score of something that entries are compared with: a compressor, or a fixed entry."""

    name: str
    description: str
    bits_per_char: float
    interval: Interval | None
    reads_on: bool
    """True if it learns from the held-out text while it is scored."""
    units: ScoredUnits | None
    """None if they were not recorded."""
    num_parameters: Count | None = None
    """None if it is not a model, or if that was not recorded."""
    is_pretrained: bool = False
    """True for a yardstick: a model that was trained elsewhere, perhaps on the held-out text."""

    @property
    def label(self) -> str:
        """The name, with what a reader must know about a yardstick."""
        return f"{self.name} ({PRETRAINED})" if self.is_pretrained else self.name


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Difference in bits per character of entry `b` from `a`, the best entry of its class."""

    a: str
    b: str
    bits_per_char: float
    interval: Interval | None
    p_value: Share
    """Adjusted for the comparisons of all pairs of its class by the method of Holm (1979)."""

    @property
    def is_clear(self) -> bool:
        """True if the difference is more than chance explains."""
        return self.p_value < LEVEL


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """How small a difference between the two best entries a comparison can tell from chance."""

    smallest_clear: Amount
    """The smallest difference in bits per character that would have been called clear: Student's t, at the
    step that Holm's method reaches, times the standard error of the difference, over passages and seeds."""
    num_seeds_for_half: Count | None
    """Seeds of each entry with which it is expected to be half of this; None if `MAX_SEEDS` do not suffice,
    since what the passages add does not depend on seeds."""


@dataclass(frozen=True, kw_only=True)
class MetricEstimate:
    """A metric of what an entry writes, over all its seeds."""

    name: str
    """The entry."""
    metric: str
    value: float
    interval: Interval | None
    is_best: bool = False
    """True if it is clearly closer to the held-out text than that of every other entry."""


@dataclass(frozen=True)
class HeldOut:
    """Metrics of the held-out text itself, for comparison with those of samples."""

    sample_metrics: TextMetrics
    pseudovalues: dict[str, tuple[float, ...]]
    """By metric: the contribution of each passage, from which intervals are computed."""

    def check(self) -> None:
        """Raise `ValueError` if the metrics and their pseudo-values contradict each other."""
        check_pseudovalues(self.pseudovalues, self.sample_metrics)


@dataclass(frozen=True, kw_only=True)
class Comparison(JudgedHeader):
    """Entries × seeds on one corpus under one budget."""

    budget: Budget
    scored_on: Literal["test", "validation"]
    prompts: tuple[str, ...]
    measured_sampler: str
    """The sampler whose text is measured, the first one."""
    lexicons: tuple[str, ...]
    """Lexicons in which real words are looked up besides the training text, such as `simplemma (de)`."""
    references: tuple[ReferenceScore, ...]
    held_out: HeldOut
    overlap: Overlap
    """How much of the scored text is in the training text."""
    scores: tuple[EntryScore, ...]
    """The scores of entries, best first, then of those that read on; one without a rank has none."""
    differences: tuple[Difference, ...]
    """The differences of the other entries from the best of their class."""
    resolution: Resolution | None
    """None with fewer than two scores."""
    metrics: tuple[MetricEstimate, ...]
    """Metrics of the text that entries write with the first sampler."""
    entries: tuple[EntryResult | FailedEntry, ...]
    """One row for each entry and seed."""
    other_metrics: tuple[MetricInfo, ...] = ()
    """The metrics of plugins, whose values are among those of textgen's own."""

    @property
    def runs(self) -> list[EntryResult]:
        """The rows that did not fail."""
        return [row for row in self.entries if isinstance(row, EntryResult)]

    @property
    def failures(self) -> dict[str, str]:
        """Entry, budget and seed of the other rows: why it failed."""
        failed = (row for row in self.entries if isinstance(row, FailedEntry))
        return {f"{row.name}, {self.budget}, seed {row.seed}": row.error for row in failed}

    def check(self) -> None:
        """Raise `ValueError` or `TextgenError` if the parts of the result contradict each other."""
        names = {row.name for row in self.runs}
        check_different("entries", [(row.name, row.seed) for row in self.entries])
        check_names("scores", [each.name for each in self.scores], names)
        check_names("metrics", [each.name for each in self.metrics], names)
        check_names("metrics", [each.metric for each in self.metrics], self.held_out.sample_metrics)
        check_names("seed_priors", ["bits_per_char"] if self.seed_priors else [], self.seed_priors)
        for reads_on in (False, True):
            scores = [each for each in self.scores if each.reads_on == reads_on]
            ranked = {each.name for each in scores}
            check_ranking(scores, [each for each in self.differences if each.b in ranked])
        check_names("differences", [each.b for each in self.differences], {each.name for each in self.scores})
        for row in self.runs:
            check_lengths("entries: made_up_shares", row.train.moments, row.made_up_shares or None)
        scored = [score.units for row in self.runs if (score := row.score(self.scored_on))]
        check_lengths("entries: units", *(units.bits for units in scored if units))
        for name in names:
            written = [row.metric_pseudovalues for row in self.runs if row.name == name]
            check_lengths("entries: metric_pseudovalues", *(each for of in written for each in of.values()))


def check_ranking(scores: Sequence[EntryScore], differences: Sequence[Difference]) -> None:
    """Raise `ValueError` unless these are the scores of a class, and how far each is from the first."""
    names = [each.name for each in scores]
    check_different("scores", names)
    if sorted((each.a, each.b) for each in differences) != sorted((names[0], name) for name in names[1:]):
        raise ValueError("differences: not those of the scores from the best of their class")
    is_clear = bool(differences) and all(each.is_clear for each in differences)
    if [each.is_best for each in scores] != [is_clear, *(False for _ in differences)][: len(scores)]:
        raise ValueError("scores: is_best contradicts the differences")
