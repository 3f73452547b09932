"""Charts as SVG, which needs no script: intervals, lines, stacked bars; and their scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from textgen.page.render import render

WIDTH = 720
ROW = 24
LABEL_CHARS = 30
CHAR = 7.2
"""About the width of a character of a label."""
VALUE_WIDTH = 64
"""The width of the values, which are next to the names."""
NUM_COLORS = 8
DODGE = 3.0
"""Distance of the intervals of neighbouring lines, which would otherwise hide each other."""
MAX_JUMP, MIN_SHOWN = 3.0, 3
"""A value is off the scale if it is more than this many times as far from the smallest, or from zero, as the
smaller ones reach with their intervals. At least this many values, and half of them, are on it."""
MAX_LONE_JUMP = 8.0
"""The same where fewer values would be on the scale."""


@dataclass(frozen=True)
class ChartValue:
    """A value with its 95 % interval, one row of a chart."""

    name: str
    value: float
    interval: tuple[float, float] | None = None
    is_best: bool = False
    is_reference: bool = False


@dataclass(frozen=True)
class ChartLine:
    """A line of a chart, and the labels of its points if they have any."""

    name: str
    points: Sequence[tuple[float, float]]
    labels: Sequence[str] = ()
    is_connected: bool = True
    """True if a line joins the points."""
    intervals: Sequence[tuple[float, float] | None] = ()
    """The 95 % interval of each point, if they have any."""


def interval_chart(title: str, unit: str, rows: Sequence[ChartValue], *, zero: bool = False) -> Markup:
    """Return values as dots with their intervals, one row each; `zero` draws a line at no difference.

    Values far beyond all others are arrows at the edge, so that the others can be told apart. Without rows
    there is no chart.
    """
    if not rows:
        return Markup()
    values = _label_width([row.name for row in rows])
    limit = _limit(rows, zero=zero)
    within = [row for row in rows if row.value <= limit]
    ends = [end for row in within for end in (row.interval or ()) + (row.value,)]
    scale = spanning([*ends, 0.0] if zero else ends, values + VALUE_WIDTH, WIDTH - 12)
    height = ROW * len(rows) + 40
    return render(
        "intervals.svg",
        title=title,
        unit=unit,
        width=WIDTH,
        height=height,
        ticks=_ticks(scale),
        zero=scale(0.0) if zero else None,
        values=values + VALUE_WIDTH - 16,
        rows=[
            {
                "row": row,
                "label": _short(row.name),
                "y": 14 + ROW * index,
                "x": scale(min(row.value, scale.high)),
                "is_beyond": row.value > limit,
                "ends": [scale(end) for end in row.interval or () if row.value <= limit],
                "text": f"{row.value:+.3f}" if zero else f"{row.value:.3f}",
            }
            for index, row in enumerate(rows)
        ],
    )


def line_chart(
    title: str,
    x_unit: str,
    y_unit: str,
    lines: Sequence[ChartLine],
    *,
    height: int = 320,
    log_ticks: Mapping[float, str] | None = None,
) -> Markup:
    """Return lines over two axes, labelled at their last points; without lines there is no chart.

    With `log_ticks`, names of values, the horizontal axis is logarithmic.
    """
    if not lines:
        return Markup()
    right = WIDTH - _label_width([line.name for line in lines])
    warp: Callable[[float], float] = float if log_ticks is None else math.log10
    x_scale = spanning([warp(x) for line in lines for x, _ in line.points], 60, right - 10, 0.02)
    heights = [y for line in lines for _, y in line.points]
    heights += [end for line in lines for interval in line.intervals for end in interval or ()]
    y_scale = spanning(heights, height - 44, 24)
    ticks = _ticks(x_scale)
    if log_ticks is not None:
        ticks = [{"place": x_scale(warp(value)), "label": label} for value, label in log_ticks.items()]
    drawn = []
    for index, line in enumerate(lines):
        if line.points:
            shift = DODGE * (index - (len(lines) - 1) / 2) if line.intervals else 0.0
            places = [(round(x_scale(warp(x)) + shift, 2), y_scale(y)) for x, y in line.points]
            last = [(places[-1], "")]  # which is marked where points have no labels
            ends = zip(places, line.intervals, strict=bool(line.intervals))
            drawn.append(
                {
                    "line": line,
                    "label": _short(line.name),
                    "style": f"c{index % NUM_COLORS} d{index // NUM_COLORS}",
                    "places": places,
                    "dots": list(zip(places, line.labels, strict=True)) if line.labels else last,
                    "whiskers": [(x, *map(y_scale, interval)) for (x, _), interval in ends if interval],
                }
            )
    wanted = [y_scale(line.points[-1][1]) for line in lines if line.points]
    labels = spread(wanted, 14, 12, height - 44)
    return render(
        "lines.svg",
        title=title,
        x_unit=x_unit,
        y_unit=y_unit,
        width=WIDTH,
        height=height,
        right=right,
        x_ticks=ticks,
        y_ticks=_ticks(y_scale),
        lines=list(zip(drawn, labels, strict=True)),
    )


def round_log_ticks(values: Iterable[float]) -> dict[float, str]:
    """Return the 1, 2 and 5 times powers of ten within the range of positive values, with their labels."""
    known = list(values)
    low, high = min(known), max(known)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return {tick: tick_label(tick) for tick in ticks if low <= tick <= high}


def stacked_chart(title: str, unit: str, parts: Sequence[str], rows: Mapping[str, Sequence[float]]) -> Markup:
    """Return bars of several parts, one row each, by their names; without rows there is no chart."""
    if not rows:
        return Markup()
    scale = Scale(0.0, max(map(sum, rows.values())) or 1.0, _label_width(rows), WIDTH - 70)
    drawn = []
    for index, (name, sizes) in enumerate(rows.items()):
        total, bars = 0.0, []
        for part, size in enumerate(sizes):
            bars.append({"x": scale(total), "width": scale(total + size) - scale(total), "part": part})
            total += size
        drawn.append({"label": _short(name), "y": 40 + ROW * index, "bars": bars, "total": total})
    return render(
        "stacks.svg",
        title=title,
        unit=unit,
        width=WIDTH,
        height=ROW * len(rows) + 50,
        parts=[{"name": name, "x": 8 + 150 * index} for index, name in enumerate(parts)],
        rows=drawn,
        end=WIDTH - 62,
    )


def spread(places: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Return places for labels, near the wanted ones, at least `distance` apart where there is room."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    apart = [0.0] * len(places)
    at_least = low
    for index in order:
        apart[index] = at_least = max(places[index], at_least)
        at_least += distance
    at_most = high
    for index in reversed(order):
        apart[index] = at_most = min(apart[index], at_most)
        at_most -= distance
    return apart


def _limit(rows: Sequence[ChartValue], *, zero: bool) -> float:
    """Return the largest value that is on the scale, which begins at `zero` or at the smallest."""
    ordered = sorted(rows, key=lambda row: row.value)
    origin, first = (0.0, 1) if zero else (ordered[0].value, 2)
    enough = max(MIN_SHOWN, -(-len(ordered) // 2))
    for number in range(first, len(ordered)):
        jump = MAX_JUMP if number >= enough else MAX_LONE_JUMP
        reach = max(max((row.value, *(row.interval or ()))) for row in ordered[:number]) - origin
        if ordered[number].value - origin > jump * reach:
            return ordered[number - 1].value
    return ordered[-1].value


def _ticks(scale: Scale) -> list[dict[str, float | str]]:
    return [{"place": scale(value), "label": tick_label(value)} for value in scale.ticks()]


def _short(name: str) -> str:
    return name if len(name) <= LABEL_CHARS else f"{name[: LABEL_CHARS - 1]}…"


def _label_width(names: Iterable[str]) -> float:
    return 16 + CHAR * min(LABEL_CHARS, max(map(len, names), default=0))


@dataclass(frozen=True)
class Scale:
    """A linear scale from values `low` to `high` to places `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.begin + share * (self.end - self.begin), 2)

    def ticks(self, number: int = 5) -> list[float]:
        """Return about `number` round values within the scale."""
        step = round_step((self.high - self.low) / number)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]


def spanning(values: Iterable[float], begin: float, end: float, margin: float = 0.05) -> Scale:
    """Return a scale that holds all values, with a margin as a share of their range."""
    known = list(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    room = (high - low or abs(high) or 1) * margin
    return Scale(low - room, high + room, begin, end)


def round_step(step: float) -> float:
    """Return the smallest of 1, 2, 5, 10, … times a power of ten that is not less than `step`."""
    if step <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def tick_label(value: float) -> str:
    """Return a tick in at most four significant digits."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:g} M"
    return f"{value / 1e3:g} k" if abs(value) >= 1e4 else f"{value:.4g}"
