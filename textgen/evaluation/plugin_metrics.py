"""Metrics of plugins: tried out, and measured."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from textgen.contracts import TextgenError
from textgen.evaluation.metrics import METRICS, MeasuredText, MetricInfo, Share
from textgen.registry.isolation import preserve_process_state
from textgen.registry.options import build
from textgen.registry.registry import PluginError, contract_error, describe_error, find

BEST = ("author", "higher", "lower")
"""What the best value of a metric may be."""
SAMPLE = "It was a bright cold day in April, and the clocks were striking thirteen.\n"
"""What a metric is tried out with."""


@dataclass(frozen=True)
class MetricValues:
    """What a metric is, and its values of lists of samples."""

    info: MetricInfo
    values: tuple[tuple[float | None, ...], ...] = ()

    def measured(self) -> list[MeasuredText]:
        """Return the mean over each list of samples, and what each sample contributes to it."""
        return [MeasuredText.of({self.info.name: Share.mean(each)}) for each in self.values]


def try_metrics(specs: Sequence[str]) -> None:
    """Try metrics out on a sentence; raises `TextgenError` if one cannot be used."""
    for spec in specs:
        _measure_with(spec, [[SAMPLE]])


def measure_metrics(specs: Sequence[str], texts: Sequence[Sequence[str]]) -> list[MetricValues]:
    """Return the values of lists of samples by metrics; one that fails has its reason instead of values."""
    found = list[MetricValues]()
    for spec in specs:
        try:
            found.append(_measure_with(spec, texts))
        except TextgenError as error:  # what it would say of runs is no reason to lose them
            found.append(MetricValues(MetricInfo(spec, spec, "", problem=str(error))))
    return found


def _measure_with(spec: str, texts: Iterable[Sequence[str]]) -> MetricValues:
    """Return the values of lists of samples by a metric such as `dialogue:quotes=double`.

    Raises `PluginError` if it fails or breaks its contract.
    """
    plugin = find("metric", spec.partition(":")[0])
    if plugin.name in METRICS:
        raise PluginError(f"{plugin} has the name of a metric of textgen itself; rename it")
    try:
        with preserve_process_state():
            metric = build("metric", spec)
            values = tuple(tuple(measured(metric, text) for text in each) for each in texts)
        return MetricValues(replace(described(metric, spec), source=plugin.identity()), values)
    except (KeyboardInterrupt, TextgenError):
        raise
    except BaseException as error:
        raise PluginError(describe_error(error)) from error


def described(metric: Any, spec: str) -> MetricInfo:
    """Return what a metric says of itself; raises `PluginError` if it breaks its contract."""
    unit: Any = getattr(metric, "unit", "")
    best: Any = getattr(metric, "best", BEST[0])
    if not isinstance(unit, str):
        raise contract_error(metric, f"has a unit that is not a string: {unit!r}")
    if best not in BEST:
        raise contract_error(metric, f"has best = {best!r}; it is one of {', '.join(map(repr, BEST))}")
    hint = (inspect.getdoc(metric) or "").partition("\n")[0].rstrip(".")
    return MetricInfo(spec, spec, hint, unit, best)


def measured(metric: Any, text: str) -> float | None:
    """Return the value of one sample; raises `PluginError` unless it is a finite number or None."""
    value = metric.measure(text)
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise contract_error(metric, f"returned {value!r} instead of a finite number or None")
    return number
