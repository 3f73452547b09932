"""Charts as SVG, which needs no script: intervals and lines; and their scales."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from textgen.page.render import render

WIDTH = 720
"""The width in which a chart is drawn; a phone scrolls it."""
ROW = 24
LABEL_CHARS = 30
CHAR = 7.2
"""About the width of a character of a label."""
VALUE_WIDTH = 64
"""The width of the values, which are next to the names."""
NUM_COLORS, NUM_DASHES = 8, 3
DODGE = 3.0
"""Distance of the intervals of neighbouring lines, which would otherwise hide each other."""
MAX_JUMP, MIN_SHOWN = 3.0, 3
"""A value is off the scale if |value - origin| > MAX_JUMP * reach: the origin is the smallest value, or zero,
and `reach` the largest distance from it of the values nearer to it and of the ends of their intervals. At
least MIN_SHOWN values, and half of them, are on the scale."""
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
    style: str = ""
    """The classes of its colour (see `entry_style`); empty for the colour of all."""


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
    style: str = ""
    """The classes of its colour (see `entry_style`); empty for that of its place among the lines."""


def entry_style(index: int) -> str:
    """Return the classes of the colour and the dashes of an entry, the same in every picture of a page."""
    return f"c{index % NUM_COLORS} d{index // NUM_COLORS % NUM_DASHES}"


@dataclass(frozen=True)
class Drawing(ABC):
    """The base class of charts, which are false if there is nothing to draw."""

    title: str

    def svg(self) -> Markup:
        """Return the chart, which scrolls where there is no room."""
        return render("chart.html", title=self.title, drawn=self._drawn())

    @abstractmethod
    def _drawn(self) -> Markup:
        """Return the chart."""


@dataclass(frozen=True)
class IntervalChart(Drawing):
    """Values as dots with their intervals, one row each; `zero` draws a line at no difference.

    Values far beyond all others are arrows at the edge, so that the others can be told apart. None has an
    empty cell.
    """

    unit: str
    rows: Sequence[ChartValue | None]
    zero: bool = False

    def __bool__(self) -> bool:
        """Return whether there is anything to draw."""
        return any(self.rows)

    @property
    def known(self) -> list[ChartValue]:
        """The rows that have a value."""
        return [row for row in self.rows if row is not None]

    def _drawn(self) -> Markup:
        values = VALUE_WIDTH + _label_width(row.name for row in self.known)
        scale = _value_scale(self.known, values, WIDTH - 12, zero=self.zero)
        write = ("{:+.3f}" if self.zero else "{:.3f}").format
        rows = [
            {"row": row, "label": _short(row.name), "y": 14 + ROW * index, "text": write(row.value)}
            | _placed(row, scale)
            for index, row in enumerate(self.known)
        ]
        return render(
            "intervals.svg",
            chart=self,
            width=WIDTH,
            height=ROW * len(rows) + 40,
            ticks=_ticks(scale),
            zero=scale(0.0) if self.zero else None,
            values=values - 16,
            rows=rows,
        )

    def cells(self) -> tuple[Markup, list[Markup]]:
        """Return the axis, for the header of a table, and the cell of each row, as wide as their column."""
        scale = _value_scale(self.known, 3, 97, zero=False)
        ticks = _ticks(scale)
        axis = render("interval_cell.svg", chart=self, ticks=ticks, row=None)
        cells = [
            render("interval_cell.svg", ticks=ticks, row={"row": row} | _placed(row, scale))
            if row
            else Markup()
            for row in self.rows
        ]
        return axis, cells


def _placed(row: ChartValue, scale: Scale) -> dict[str, Any]:
    """Return where a value and its interval are, and on which side it is beyond the scale, if it is."""
    side = (row.value > scale.high) - (row.value < scale.low)
    x, *ends = (scale(min(max(each, scale.low), scale.high)) for each in (row.value, *(row.interval or ())))
    return {"x": x, "side": side, "ends": [] if side else ends}


@dataclass(frozen=True)
class LineChart(Drawing):
    """Lines over two axes, labelled at their last points.

    With `log_ticks`, names of values, the horizontal axis is logarithmic.
    """

    x_unit: str
    y_unit: str
    lines: Sequence[ChartLine]
    height: int = 320
    log_ticks: Mapping[float, str] | None = None

    def __bool__(self) -> bool:
        """Return whether there is anything to draw."""
        return bool(self.lines)

    def _drawn(self) -> Markup:
        right = WIDTH - _label_width(line.name for line in self.lines)
        warp: Callable[[float], float] = float if self.log_ticks is None else math.log10
        x_scale = spanning([warp(x) for line in self.lines for x, _ in line.points], 60, right - 10, 0.02)
        heights = [y for line in self.lines for _, y in line.points]
        heights += [end for line in self.lines for interval in line.intervals for end in interval or ()]
        y_scale = spanning(heights, self.height - 44, 24)
        ticks = _ticks(x_scale)
        if self.log_ticks is not None:
            ticks = [
                {"place": x_scale(warp(value)), "label": label} for value, label in self.log_ticks.items()
            ]
        drawn = []
        for index, line in enumerate(self.lines):
            if line.points:
                shift = DODGE * (index - (len(self.lines) - 1) / 2) if line.intervals else 0.0
                places = [(round(x_scale(warp(x)) + shift, 1), y_scale(y)) for x, y in line.points]
                last = [(places[-1], "")]  # which is marked where points have no labels
                ends = zip(places, line.intervals, strict=bool(line.intervals))
                drawn.append(
                    {
                        "line": line,
                        "label": _short(line.name),
                        "style": line.style or entry_style(index),
                        "places": places,
                        "dots": list(zip(places, line.labels, strict=True)) if line.labels else last,
                        "whiskers": [(x, *map(y_scale, interval)) for (x, _), interval in ends if interval],
                    }
                )
        wanted = [y_scale(line.points[-1][1]) for line in self.lines if line.points]
        labels = spread(wanted, 14, 12, self.height - 44)
        return render(
            "lines.svg",
            chart=self,
            width=WIDTH,
            right=right,
            x_ticks=ticks,
            y_ticks=_ticks(y_scale),
            lines=list(zip(drawn, labels, strict=True)),
        )


def _value_scale(rows: Sequence[ChartValue], begin: float, end: float, *, zero: bool) -> Scale:
    """Return the scale of the values that are not far beyond the others, with their intervals."""
    ends = [end for row in _within(rows, zero=zero) for end in (row.value, *(row.interval or ()))]
    return spanning([*ends, *([0.0] if zero else [])], begin, end)


def _within(rows: Sequence[ChartValue], *, zero: bool) -> list[ChartValue]:
    """Return the rows that are not far beyond the others, seen from `zero` or from the smallest."""
    origin, first = (0.0, 1) if zero else (min(row.value for row in rows), 2)
    ordered = sorted(rows, key=lambda row: abs(row.value - origin))
    enough = max(MIN_SHOWN, -(-len(ordered) // 2))
    for number in range(first, len(ordered)):
        jump = MAX_JUMP if number >= enough else MAX_LONE_JUMP
        smaller = ordered[:number]
        reach = max(abs(end - origin) for row in smaller for end in (row.value, *(row.interval or ())))
        if abs(ordered[number].value - origin) > jump * reach:
            return smaller
    return ordered


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
        return round(self.begin + share * (self.end - self.begin), 1)

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


def round_log_ticks(values: Iterable[float]) -> dict[float, str]:
    """Return the 1, 2 and 5 times powers of ten within the range of positive values, with their labels."""
    known = list(values) or [1.0]
    low, high = min(known), max(known)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return {tick: tick_label(tick) for tick in ticks if low <= tick <= high}


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
