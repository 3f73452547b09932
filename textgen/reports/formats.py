"""Formats of values in reports."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TypeAlias

from textgen.runtime.environment import Machine

SPARKLINE_WIDTH = 30
"""The width of a learning curve in characters."""
CurvePoint: TypeAlias = tuple[float, float]
"""An amount of training, and the validation score after it."""

bits, thousandths, hundredths = "{:.4f}".format, "{:.3f}".format, "{:.2f}".format
"""Writers of bits."""
decimal = "{:.1f}".format
"""The writer of seconds, epochs and the like."""
setting = "{:.2g}".format
"""The writer of a learning rate or the like, as in `0.0062`."""
count = "{:,.0f}".format
"""The writer of a number in full, with commas."""


def percent(value: float) -> str:
    """Write a rate as a percentage; the header says `%`."""
    return f"{100 * value:.1f}"


def short(value: float) -> str:
    """Write three significant digits: `1.31 M`."""
    power = 0
    while value >= 999.5 and power < 4:
        value, power = value / 1000, power + 1
    return f"{value:.3g} {' kMGT'[power]}".rstrip()


def number(value: float) -> str:
    """Write a number of any size: `0.0123`, `12.3`, `1,235`."""
    return f"{value:.3g}" if abs(value) < 1000 else count(value)


def at(sampler: str) -> str:
    """Return the sampler of a column in few words: `at entropy 1.15`, `at temperature 0.8`."""
    return f"at {plain(sampler).removeprefix('temperature:').replace('=', ' ')}"


def perplexity(value: float) -> str:
    """Write a number that may be astronomical: `187.2`, `12,345`, `1.4e11`."""
    if value < 1e5:
        return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"
    return f"{value:.1e}".replace("e+0", "e").replace("e+", "e")


def plain(text: str) -> str:
    """Return `text` without blank lines, and without control characters, which a terminal would obey."""
    lines = (line.replace("\t", " ").rstrip() for line in text.splitlines())
    kept = "\n".join(filter(None, lines))
    return "".join("\ufffd" if unicodedata.category(c)[0] == "C" and c != "\n" else c for c in kept)


def in_brackets(interval: tuple[float, float] | None) -> str:
    """Write a 95 % interval of a score after its value; nothing without one."""
    return "" if interval is None else " (95 % interval {:.3f} to {:.3f})".format(*interval)


def listed(names: Sequence[str]) -> str:
    """Return names as `a`, `a and b` or `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def named_values(values: Mapping[str, object] | Machine) -> str:
    """Return versions, or what is known of a machine, in one line."""
    pairs = asdict(values) if isinstance(values, Machine) else values
    return ", ".join(f"{name} {value}" for name, value in pairs.items() if value)


def sparkline(
    points: Sequence[CurvePoint], end: float, low: float, high: float, width: int = SPARKLINE_WIDTH
) -> str:
    """Return a curve as bars of `width` equal intervals up to `end`; a dot precedes its first point."""
    drawn = ""
    for step in range(1, width + 1):
        known = [score for moment, score in points if moment <= end * step / width]
        drawn += "▁▂▃▄▅▆▇█"[round(7 * (known[-1] - low) / ((high - low) or 1))] if known else "·"
    return drawn
