"""Checks of metrics."""

from __future__ import annotations

from textgen.evaluation.plugin_metrics import described, measured
from textgen_kit.checking import Subject, expect, reworded, shown, state_unchanged
from textgen_kit.texts import OTHER_PROSE, PROSE, any_texts


def texts() -> list[str]:
    """Return samples: prose, an empty one, one that is cut off, and worse."""
    return [PROSE, OTHER_PROSE, "", PROSE[100:137], *any_texts()]


def check_metric_numbers(subject: Subject) -> None:
    """Any text gives a finite number or None; `unit` and `best`, if given, are valid; "%" means 0 to 1.

    Models write unfinished words, control characters and nothing at all.
    """
    metric = subject.new()
    with reworded("expected a number for each text:"):
        info, values = described(metric, "example"), [measured(metric, text) for text in texts()]
    wrong = [value for value in values if value is not None and not 0 <= value <= 1]
    is_share = info.unit != "%"
    expect(is_share or not wrong, f'values from 0 to 1, since the unit is "%"; got {shown(wrong[:1])}')
    expect(any(value is not None for value in values[:2]), "a number for prose; got None")


def check_metric_deterministic(subject: Subject) -> None:
    """The same text gives the same number each time, whatever was measured before, without global randomness.

    Entries are measured one after the other, and again when a result is verified.
    """
    metric = subject.new()
    with state_unchanged("measuring"):
        first = [measured(metric, text) for text in texts()]
        again = [measured(metric, text) for text in reversed(texts())][::-1]
        once_more = [measured(subject.new(), text) for text in texts()]
    for text, *values in zip(texts(), first, again, once_more, strict=True):
        expect(len(set(values)) == 1, f"the same of {shown(text)} each time; got {shown(values)}")
