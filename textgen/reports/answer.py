"""The answer of a comparison in one sentence, and what it holds for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from textgen.data.split import DOCUMENTS, MAX_STRETCHES
from textgen.evaluation.baselines import DESCRIPTIONS
from textgen.evaluation.memorization import WINDOW
from textgen.experiment.entry_result import EntryResult
from textgen.reports.formats import in_brackets, listed, percent, plain, short
from textgen.results.comparison import Comparison, Difference, EntryScore, ReferenceScore
from textgen.results.ladder import Ladder
from textgen.training.budget import Budget
from textgen.training.progress import MAX_UNEVENNESS, MIN_CPU_UTILIZATION

DEFINITION = (
    "Bits per character: a model's average surprise at each next character of text that it has never seen; "
    "lower is better. 1 bit is the uncertainty between two equally likely characters, 2 bits between four."
)
"""The unit of every score, below the answer."""

DOUBTFUL_SHARE = 0.75
"""Share of the bits of the best reference below which a score needs an explanation."""
MAX_PACES = 2
"""Up to this many entries, each has its own number of characters in the answer; more have a range."""
AS_WELL = 0.005
"""Share of a score by which a reference that does as well may differ from it."""
LITTLE = 0.001
"""A share of the scored text below which it is only said to be little."""
NEAR = 1.5
"""Times the best score; intervals of entries that are farther from it, as chance is, are not comparable."""
FAR_WIDER = 3.0
"""How much wider than the narrowest interval one needs an explanation."""
FEW_DOCUMENTS = 7
"""Fewer than the coverage of intervals was measured with."""
MAX_NAMED = 3
"""The most entries without a clear difference from the best that the answer names."""


@dataclass(frozen=True)
class Class:
    """Entries that are compared with each other: those that learn while they read, or those that do not."""

    scores: Sequence[EntryScore]
    """The best first."""
    differences: Sequence[Difference]
    """Those of the others from the best."""
    read: Mapping[str, float]
    """The characters that entries which are trained by gradient read, on average over their seeds."""

    @property
    def best(self) -> EntryScore:
        """The score of the best."""
        return self.scores[0]

    @property
    def named(self) -> list[EntryScore]:
        """The entries of an answer that are trained by gradient, the best first."""
        level = sum(not difference.is_clear for difference in self.differences)
        return [score for score in self.scores[: max(2, 1 + level)] if score.name in self.read]


def classes(result: Comparison) -> list[Class]:
    """Return the classes that have entries with a score; those that read on come last."""
    read: dict[str, list[int]] = {}
    for run in result.runs:
        if run.train.num_updates:
            read.setdefault(run.name, []).append(run.train.num_chars)
    return classes_of(result.scores, result.differences, {name: fmean(of) for name, of in read.items()})


def classes_of(
    scores: Sequence[EntryScore], differences: Sequence[Difference], read: Mapping[str, float]
) -> list[Class]:
    """Return the classes of scores that have any, `read` being what their entries read in training."""
    names = [{each.name for each in scores if each.reads_on == reads_on} for reads_on in (False, True)]
    return [
        Class(
            [each for each in scores if each.name in of], [each for each in differences if each.b in of], read
        )
        for of in names
        if of
    ]


def answer(result: Comparison) -> str:
    """Return who won, by how much, and how sure that is; of entries that read on apart from the others."""
    said = answer_of(result, classes(result), result.budget)
    return plain(" ".join([said, *cautions(map(RunCaution.of, result.runs), result.budget)]))


def answer_of(result: Comparison | Ladder, found: Sequence[Class], budget: Budget) -> str:
    """Return who won in each class under a budget, by how much, and how sure that is."""
    if not found:
        return "No entry has a score that can be ranked."
    said = [_answer_of(result, each, budget) for each in found]
    if len(said) > 1:
        first, other = (each.best for each in found)
        gain = first.bits_per_char - other.bits_per_char
        fewer = "fewer" if gain > 0 else "more"
        said.append(f"That is {abs(gain):.3f} {fewer} than the best entry that does not learn from it.")
    return " ".join(said)


def _answer_of(result: Comparison | Ladder, entries: Class, budget: Budget) -> str:
    """Return who won among entries that are compared with each other."""
    best, text = entries.best, f"the {result.scored_on} text"
    who = "Of the entries that learn from the text while it is scored, " if best.reads_on else ""
    if not entries.differences:
        said = f"{who}{best.name} scores {_score(best)} on {text}{in_brackets(best.interval)}"
    elif best.is_best:
        second = entries.differences[0]
        said = (
            f"{who}{best.name} predicts {text} best, at {_score(best)}: "
            f"{second.bits_per_char:.3f} fewer than {second.b}{in_brackets(second.interval)}"
        )
    else:
        said = (
            f"{who or 'No clear winner: '}{best.name} is ahead on {text}, at {_score(best)}, "
            f"but {_level(entries.differences)}"
        )
    return f"{said}{_seeds(entries)}{_reference(result, best)}.{_pace(result, entries, budget)}"


def scope(result: Comparison) -> Iterator[str]:
    """Yield what scores and intervals hold for, and what one seed cannot tell."""
    number = len(result.corpus.split.scored(result.scored_on).stretch_chars)
    if result.corpus.split.method.startswith(DOCUMENTS):
        held_out = f"{number} groups of" if number == MAX_STRETCHES else str(number)
        few = " With so few, intervals are rough; --split documents:70/10/20 holds out more."
        yield (
            f"Scores are averages over {held_out} whole documents, none of which was used in training; "
            "intervals show how far they would change on other documents like these. Passages of documents "
            "used in training are easier (--split slices:90/5/5)." + few * (number < FEW_DOCUMENTS)
        )
    elif number > 1:
        yield (
            f"Scores are averages over {number} stretches from across the text; intervals show how far they "
            "would change on other passages of it, whose names and topics are known from training."
        )
    else:
        yield "Scores are from one passage; on others they may differ by more than the intervals show."
    if _has_single_seed(result) and result.seed_priors:
        prior = result.seed_priors["bits_per_char"]
        trained = [run.train for run in result.runs if run.train.num_updates]
        spreads = [math.hypot(prior.after(train.num_chars).sd, train.pace_sd) for train in trained]
        ends = " to ".join(dict.fromkeys(f"{of(spreads):.3f}" for of in (min, max)))
        between = "between seeds" + ", whose pace differs too" * any(train.pace_sd for train in trained)
        yield (
            "One seed cannot show how much scores vary between seeds: intervals assume a standard deviation "
            f"of {ends} bits per character {between}; --seeds 3 measures it."
        )


def overlap(result: Comparison) -> str:
    """Return how much of the scored text is in the training text."""
    found = result.overlap
    if found is None:
        return ""
    is_little = 0 < found.share < LITTLE
    share = f"Less than {percent(LITTLE)}" if is_little else percent(found.share)
    said = (
        f"{share} % of the {result.scored_on} text also occurs in the training text, in spans of {WINDOW} "
        "characters or more"
    )
    if dropped := result.corpus.repeated_chars:
        said += f" ({dropped:,} characters of repeated paragraphs were left out)"
    if not found.spans:
        return f"{said}."
    longest = found.spans[0]
    return f"{said}; the longest has {longest.num_chars:,}: \u201c{plain(longest.beginning)}\u2026\u201d"


def known_before(result: Comparison) -> Iterator[str]:
    """Yield how much of the scored text is in what was read before: the training text, and what runs read."""
    yield overlap(result)
    for name, origin in {run.name: run.origin for run in result.runs if run.origin}.items():
        share = "an unknown share" if origin.overlap is None else f"{percent(origin.overlap)} %"
        yield (
            f"{name} starts from {origin.entry}, which had read {short(origin.num_chars)} characters of "
            f"{origin.corpus} in {origin.seconds:,.0f} s; {share} of the {result.scored_on} text is in that "
            f"text, in spans of {WINDOW} characters or more."
            + " It was of no use for this text, so the entry was trained from scratch."
            * (not origin.is_used)
        )


def resolution(result: Comparison) -> str:
    """Return how small a difference could have been called clear, and what would halve it."""
    if result.resolution is None:
        return ""
    smallest, number = result.resolution.smallest_clear, result.resolution.num_seeds_for_half
    halved = "hold out more text; more seeds are not enough"
    if number is not None:
        halved = f"train each with {number} seeds"
    written = f"{smallest:.3f}" if smallest >= 0.001 else f"{smallest:.1g}"
    return (
        f"A true difference of {written} bits per character between the two best would be detected about "
        f"half of the time. To detect half of that, {halved}."
    )


def doubts(result: Comparison) -> Iterator[str]:
    """Yield a question about each entry whose score is far below what the references reach."""
    references = [each for each in result.references if not each.is_pretrained]
    if not references:
        return
    lowest = min(references, key=lambda each: each.bits_per_char)
    for score in result.scores:
        if score.bits_per_char < DOUBTFUL_SHARE * lowest.bits_per_char:
            share = score.bits_per_char / lowest.bits_per_char
            yield (
                f"Be wary of {score.name}: it needs only {share:.0%} of the bits of the best reference "
                f"({lowest.name}). Has it, or anything it was made from, seen the scored text?"
            )


def uneven(result: Comparison) -> Iterator[str]:
    """Yield why the interval of an entry is far wider than the narrowest one."""
    comparable = [
        each for each in result.scores if each.bits_per_char < NEAR * result.scores[0].bits_per_char
    ]
    widths = {each.name: each.interval[1] - each.interval[0] for each in comparable if each.interval}
    narrow = min(filter(widths.get, widths), key=lambda name: widths[name], default="")
    for name, width in widths.items():
        if narrow and width > FAR_WIDER * widths[narrow]:
            spreads = [_spread(result, each) for each in (name, narrow)]
            cause = "passages" if spreads[0] > FAR_WIDER / 2 * spreads[1] else "seeds, not passages"
            yield (
                f"The interval of {name} is {width / widths[narrow]:.1f} times as wide as that of {narrow}: "
                f"its bits per character vary more between {cause} (standard deviation between passages: "
                f"{spreads[0]:.3f} and {spreads[1]:.3f})."
            )


def _spread(result: Comparison, name: str) -> float:
    """Return the standard deviation of an entry's bits per character between stretches of the scored text."""
    scores = [run.score(result.scored_on) for run in result.runs if run.name == name]
    units = [score.units for score in scores if score and score.units]
    return fmean(float(np.std(np.divide(each.bits, each.num_chars))) for each in units)


def _has_single_seed(result: Comparison) -> bool:
    """Return whether an entry is trained by gradient, with one seed only."""
    trained = {run.name for run in result.runs if run.train.num_updates}
    return any(score.num_seeds == 1 and score.name in trained for score in result.scores)


def _score(score: EntryScore) -> str:
    return f"{score.bits_per_char:.3f} bits per character"


def _level(differences: Sequence[Difference]) -> str:
    """Return which entries are not clearly worse than the best."""
    level = [each for each in differences if not each.is_clear]
    if len(level) == 1:
        (only,) = level
        return f"{only.b}, {only.bits_per_char:.3f} more{in_brackets(only.interval)}, is not clearly worse"
    named = [f"{each.b} (+{each.bits_per_char:.3f})" for each in level[:MAX_NAMED]]
    if len(level) > MAX_NAMED:
        named.append(f"{len(level) - MAX_NAMED} more")
    return f"{listed(named)} are not clearly worse"


def _pace(result: Comparison | Ladder, entries: Class, budget: Budget) -> str:
    """Return how much a budget in time let entries read, since another machine may give another answer."""
    read = [entries.read[score.name] for score in entries.named]
    if not read or not budget.is_timed:
        return ""
    ordered = sorted(read, reverse=True) if len(read) > MAX_PACES else read
    joint = " to " if len(read) > MAX_PACES else " and "
    ends, size = (ordered[0], ordered[-1]), result.corpus.split.train.num_chars
    said = joint.join(dict.fromkeys(map(short, ends)))
    two_digits = (f"{float(f'{number / size:.2g}'):,g}" for number in ends)
    times = joint.join(dict.fromkeys(two_digits))
    who = "it" if len(read) == 1 else "each" if joint not in said else "they"
    return f" In training {who} read {said} characters, {times} times the training text."


def _seeds(entries: Class) -> str:
    """Return the end of an answer on entries that are trained once."""
    named = entries.named
    if all(score.num_seeds > 1 for score in named):
        return ""
    return ", with one seed" if len(named) == 1 else ", with one seed each"


def _reference(result: Comparison | Ladder, best: EntryScore) -> str:
    """Return the best reference if it does as well as the best entry or better."""
    reference = best_reference(result, best)
    if reference is None or reference.bits_per_char > (1 + AS_WELL) * best.bits_per_char:
        return ""
    does = "better" if reference.bits_per_char < (1 - AS_WELL) * best.bits_per_char else "as well"
    what = "compressing" if reference.name in DESCRIPTIONS else "counting"
    return f"; {what} does {does}: the reference {reference.name} scores {reference.bits_per_char:.3f}"


def best_reference(result: Comparison | Ladder, score: EntryScore) -> ReferenceScore | None:
    """Return the best reference of the class of an entry; a yardstick is none."""
    same = (each for each in result.references if each.reads_on == score.reads_on and not each.is_pretrained)
    return min(same, key=lambda each: each.bits_per_char, default=None)


def is_beaten(result: Comparison | Ladder, score: EntryScore) -> bool:
    """Return whether a reference of the class of an entry is ahead of it."""
    reference = best_reference(result, score)
    return reference is not None and reference.bits_per_char < score.bits_per_char


@dataclass(frozen=True)
class RunCaution:
    """What cautions about a run follow from."""

    name: str
    cpu_utilization: float | None
    chance_remark: str | None
    is_told: bool = False
    unevenness: float = 0.0

    @classmethod
    def of(cls, run: EntryResult) -> RunCaution:
        """Return that of a row of a comparison."""
        train, is_told = run.train, run.score_checks.is_told
        return cls(run.name, train.cpu_utilization, run.chance_remark, is_told, train.unevenness)


def cautions(runs: Iterable[RunCaution], budget: Budget) -> Iterator[str]:
    """Yield what makes an answer one of this hour on this machine, and which entries have learnt nothing."""
    known = list(runs)
    shares, changes = _disturbed(known, budget)
    if shares:
        yield f"The CPU was shared: training got {_range(shares)} of it, so another run may differ."
    elif changes:
        changed = f"The training speed varied by {_range(changes)}"
        yield f"{changed} on this machine or its host, so another run may differ."
    remarks = {run.name: run.chance_remark for run in known if run.chance_remark}
    if remarks:
        yield f"{_are(list(remarks))} {next(iter(remarks.values()))}."
    if told := list(dict.fromkeys(run.name for run in known if run.is_told)):
        yield f"{_are(told)} scored token by token (not textgen's own code), the others in windows."


def _disturbed(runs: Sequence[RunCaution], budget: Budget) -> tuple[list[float], list[float]]:
    """Return the shares of the CPU of runs that other work slowed down, and by how much the pace changed.

    There are none where time does not count.
    """
    if not budget.is_timed:
        return [], []
    shares = (run.cpu_utilization for run in runs if run.cpu_utilization is not None)
    changes = (run.unevenness for run in runs)
    return (
        [share for share in shares if share < MIN_CPU_UTILIZATION],
        [change for change in changes if change > MAX_UNEVENNESS],
    )


def _range(shares: Sequence[float]) -> str:
    """Return the lowest and the highest of some shares."""
    return " to ".join(dict.fromkeys(f"{100 * share:.0f}" for share in (min(shares), max(shares)))) + " %"


def _are(names: Sequence[str]) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'}"
