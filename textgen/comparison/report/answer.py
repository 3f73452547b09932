"""The answer of a comparison in one sentence, and what it holds for."""

from __future__ import annotations

from collections.abc import Iterator

from textgen.comparison.report.formats import plain
from textgen.comparison.results import Comparison, EntryScore, Interval
from textgen.data.split import CONTIGUOUS
from textgen.experiment.results import EntryResult


def answer(result: Comparison) -> str:
    """Return who won, by how much, and how sure that is."""
    if not result.scores:
        return "No entry has a score."
    best = result.scores[0]
    value = f"{best.bits_per_char:.3f} bits per character"
    if not result.differences:
        sentence = f"{best.name} needs {value}{_interval(best.interval)} for the {result.scored_on} text"
    elif best.is_best:
        second = result.differences[0]
        sentence = (
            f"{best.name} predicts the {result.scored_on} text best: {value}, "
            f"{second.bits_per_char:.3f}{_interval(second.interval)} fewer than {second.b}"
        )
    else:
        level = [each for each in result.differences if not each.is_clear]
        gaps = ", ".join(f"{each.b} +{each.bits_per_char:.3f}{_interval(each.interval)}" for each in level)
        sentence = f"No clear winner: {best.name} needs {value}, and no clear difference from it has {gaps}"
    if any_single_seed(result):
        sentence += " (one seed each)"
    better = [each for each in result.references if each.bits_per_char < best.bits_per_char]
    if better:
        reference = min(better, key=lambda each: each.bits_per_char)
        sentence += f"; {reference.name}, a reference, needs {reference.bits_per_char:.3f}"
    return plain(f"{sentence}.")


def scope(result: Comparison) -> Iterator[str]:
    """Yield what scores and intervals hold for, and what one seed cannot tell."""
    part = result.corpus.split.scored(result.scored_on)
    if result.corpus.split.method.startswith(CONTIGUOUS):
        yield "Scores are those of one passage; on other passages they may differ by more than intervals say."
    else:
        number = len(part.stretch_chars)
        yield f"Scores are means over {number} stretches from all over the text, and hold for such passages."
    if any_single_seed(result):
        spread = result.seed_priors["bits_per_char"].sd
        yield (
            "One seed cannot tell how much another would change a score: intervals assume a standard "
            f"deviation of about {spread:.3f}; --seeds 3 measures it."
        )


def any_single_seed(result: Comparison) -> bool:
    """Return whether an entry that is trained by gradient has one seed only."""
    return any(score.num_seeds == 1 and is_trained(result, score.name) for score in result.scores)


def is_trained(result: Comparison, name: str) -> bool:
    """Return whether an entry is trained by gradient, so that its score depends on a seed."""
    return any(
        isinstance(row, EntryResult) and row.name == name and row.train.num_updates > 0
        for row in result.entries
    )


def verdict(result: Comparison, score: EntryScore, is_clear: bool) -> str:
    """Return the verdict on an entry that is not the best."""
    words = "clearly worse" if is_clear else "no clear difference"
    return f"{words} (one seed)" if score.num_seeds == 1 and is_trained(result, score.name) else words


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})"
