"""The search space: options with the values that may be tried, and the choice of those of the next trial.

Optuna draws values, which are rounded here, since its own steps do not express these grids: a logarithmic
range cannot have any, a linear one begins at its low end instead of at a multiple of the step and yields
0.30000000000000004, and a default between two steps is in neither. Nor does its sampler leave out values
that were tried.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
from annotated_types import Ge, Le
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, MedianPruner
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from textgen.contracts import Search, TextgenError
from textgen.registry.options import Option, metadata, write_value
from textgen.runtime.messages import unknown
from textgen_tuning.result import SearchedOption, Value

NUM_GRID_STEPS = 50
"""Approximate number of steps of a linear range that declares none."""
NUM_RANDOM = 10
"""Trials that are drawn at random before the estimator starts."""
ONLY_RANDOM = 10**9
"""More startup trials than any study has: pure random search."""
MAX_DRAWS = 50
"""Times that the estimator is asked for a new combination before one is drawn at random."""


@dataclass(frozen=True)
class Candidate:
    """An option that could be searched."""

    name: str
    """As in an entry: `dropout`, or `model.dropout` if two parts have one."""
    owner: str
    """The component it belongs to, for messages."""
    option: Option
    default: Any
    is_fixed: bool = False
    """True if the user has chosen its value."""

    def parse(self, text: str) -> Any:
        """Return the value that `text` stands for; raises `TextgenError` if it is not allowed."""
        return self.option.parse(self.owner, text)


@dataclass(frozen=True)
class Dimension:
    """An option that is searched, and every value that may be tried."""

    name: str
    grid: tuple[Value, ...]
    """In ascending order if they are numbers of a range."""
    default: Value
    is_range: bool
    log: bool = False

    @property
    def start(self) -> Value:
        """The value of the first trial: the default, or the nearest one if `--search` leaves it out."""
        return self.nearest(self.default)

    def nearest(self, value: Any) -> Value:
        """Return the allowed value that is nearest to `value`, or the first one where nothing is near."""
        if not self.is_range or value is None:
            return value if value in self.grid else self.grid[0]
        return min(self.grid, key=lambda each: abs(float(each or 0) - value))

    def distribution(self) -> BaseDistribution:
        """Return what Optuna draws from; what it draws is then moved to the nearest allowed value."""
        if not self.is_range:
            return CategoricalDistribution(self.grid)
        low: Any = self.grid[0]
        high: Any = self.grid[-1]
        kind = IntDistribution if isinstance(low, int) else FloatDistribution
        return kind(low, high, log=self.log)

    def described(self) -> SearchedOption:
        """Return the option as results name it."""
        low, high = (float(end or 0) if self.is_range else None for end in (self.grid[0], self.grid[-1]))
        return SearchedOption(
            option=self.name,
            default=self.default,
            low=low,
            high=high,
            log=self.log,
            num=len(self.grid),
            values=None if self.is_range else self.grid,
        )


def dimensions(candidates: Sequence[Candidate], chosen: str | None, what: str) -> list[Dimension]:
    """Return the options to search: those with a declared range, or those of `chosen`.

    `chosen` is written as `rate=1e-4..1e-2,size`. Options with a fixed value are never searched. Raises
    `TextgenError` for an unknown name, an invalid range, and if nothing is left to search in `what`.
    """
    if chosen is None:
        wanted = {each.name: "" for each in candidates if each.option.search and not each.is_fixed}
    else:
        wanted = dict(_read(chosen))
    by_name = {each.name: each for each in candidates}
    searched = []
    for name, text in wanted.items():
        if name not in by_name:
            raise TextgenError(f"--search: {unknown('option', name, by_name)}")
        if by_name[name].is_fixed:
            raise TextgenError(f"--search: {name} has a value in {what!r} already; leave one of them out")
        searched.append(_asked(by_name[name], text) if text else _declared(by_name[name]))
    searched = [each for each in searched if len(each.grid) > 1]
    if not searched:
        raise TextgenError(f"{what!r} has no options left to search; name some with --search NAME=LOW..HIGH")
    return searched


def spell(spec: str, searched: Sequence[Dimension], params: Mapping[str, Value]) -> str:
    """Return an entry, or a sampler, with the options that differ from their defaults."""
    changed = [
        f"{each.name}={write_value(params[each.name])}"
        for each in searched
        if params[each.name] != each.default
    ]
    return spec + (":" if ":" not in spec else ",") * bool(changed) + ",".join(changed)


def _declared(candidate: Candidate) -> Dimension:
    """Return the dimension that a component declares, widened to hold the default."""
    search = candidate.option.search or Search()
    default, where = candidate.default, candidate.name
    if search.values:
        values = search.values if default in search.values else (default, *search.values)
        return Dimension(where, tuple(values), default, is_range=False)
    if choices := _choices(candidate.option.annotation):
        return Dimension(where, choices, default, is_range=False)
    low, high = search.low, search.high
    for item in metadata(candidate.option.annotation):
        low = item.ge if low is None and isinstance(item, Ge) else low  # type: ignore[assignment]
        high = item.le if high is None and isinstance(item, Le) else high  # type: ignore[assignment]
    if low is None or high is None or isinstance(default, str | None):
        raise TextgenError(
            f"--search: {where} has no range of its own; give one, as {where}=LOW..HIGH or {where}=A|B|C"
        )
    ends = [candidate.parse(f"{end:.10g}") for end in (min(low, default), max(high, default))]
    grid = _grid(ends[0], ends[1], search.log, search.step)
    return Dimension(where, tuple(sorted({*grid, default})), default, is_range=True, log=search.log)


def _asked(candidate: Candidate, text: str) -> Dimension:
    """Return the dimension that the user writes as `1e-4..1e-2` or `muon|adamw`."""
    low, dots, high = text.partition("..")
    log = False
    if dots:
        search = candidate.option.search or Search()
        ends = [candidate.parse(low.strip()), candidate.parse(high.strip())]
        if any(isinstance(end, bool | str | None) for end in ends):
            raise TextgenError(f"--search: {candidate.name}={text} is not a range of numbers; write A|B|C")
        # Unless the component says otherwise, a range over two decades is searched on a log scale.
        log = ends[0] > 0 and (search.log or ends[1] >= 100 * ends[0])
        grid = _grid(ends[0], ends[1], log, search.step)
    else:
        grid = tuple(dict.fromkeys(candidate.parse(value.strip()) for value in text.split("|")))
    if len(grid) < 2:
        raise TextgenError(f"--search: {candidate.name}={text} leaves nothing to choose; give a wider range")
    return Dimension(candidate.name, grid, candidate.default, is_range=bool(dots), log=log)


def _grid(low: float, high: float, log: bool, step: float | None) -> tuple[Value, ...]:
    """Return the numbers from `low` to `high` that may be tried: multiples of `step`, or of two digits."""
    is_int = isinstance(low, int)
    if log and step is None:
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)))
        numbers = [float(f"{digits}e{decade}") for decade in decades for digits in range(10, 100)]
    else:
        step = step or (max(1.0, _round_step(high - low)) if is_int else _round_step(high - low))
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        numbers = [float(f"{step * index:.6g}") for index in range(first, last + 1)]
    inside = sorted({round(number) if is_int else number for number in numbers})
    return tuple(number for number in inside if low <= number <= high)


def _round_step(width: float) -> float:
    return float(f"{max(width, 1e-12) / NUM_GRID_STEPS:.0e}")


def _read(chosen: str) -> Iterator[tuple[str, str]]:
    """Yield name and description of each option in `a=1..2,b`; the description may be empty."""
    seen = set[str]()
    for item in filter(None, map(str.strip, chosen.split(","))):
        name, _, text = map(str.strip, item.partition("="))
        if name in seen:
            raise TextgenError(f"--search: {name} is given twice; leave one of them out")
        seen.add(name)
        yield name, text


def _choices(annotation: Any) -> tuple[Value, ...]:
    """Return every value of a bool or Literal; nothing for other types."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if annotation is bool:
        return False, True
    return get_args(annotation) if get_origin(annotation) is Literal else ()


class RoundedTPE(TPESampler):
    """TPE (Bergstra et al. 2011; multivariate as in Falkner et al. 2018) over the grids of dimensions.

    Values are rounded before they are tried, so that the printed values are the measured ones. Trials that
    run in other processes count as bad meanwhile (the constant liar), so that processes spread out.
    """

    def __init__(
        self,
        searched: Sequence[Dimension],
        tried: Sequence[Mapping[str, Value]],
        seed: int,
        num_random: int = NUM_RANDOM,
    ) -> None:
        with warnings.catch_warnings():  # both have been "experimental" for years
            warnings.simplefilter("ignore", ExperimentalWarning)
            super().__init__(n_startup_trials=num_random, multivariate=True, constant_liar=True, seed=seed)
        self._searched = searched
        self._tried = {tuple(params.get(each.name) for each in searched) for params in tried}
        self._generator = np.random.default_rng(seed)

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002 - Optuna's signature
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """Return all dimensions: they are known, whatever earlier trials had."""
        return {each.name: each.distribution() for each in self._searched}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values that no earlier trial had, as long as there are any."""
        for draw in range(MAX_DRAWS + 100 * num_combinations(self._searched)):
            if draw < MAX_DRAWS:
                drawn = super().sample_relative(study, trial, search_space) or {
                    name: self.sample_independent(study, trial, name, distribution)
                    for name, distribution in search_space.items()
                }
            else:
                drawn = {each.name: self._any(each) for each in self._searched}
            params = {each.name: each.nearest(drawn[each.name]) for each in self._searched}
            if tuple(params.values()) not in self._tried:
                break
        return params

    def _any(self, dimension: Dimension) -> Value:
        return dimension.grid[int(self._generator.integers(len(dimension.grid)))]


def num_combinations(searched: Sequence[Dimension]) -> int:
    """Return the number of different trials that are possible."""
    return math.prod(len(each.grid) for each in searched)


def median_pruner() -> BasePruner:
    """Return the rule that ends a trial whose curve is above the median of the others' at that step.

    It needs nothing but curves of equal length, which all trials have under one budget: successive halving
    would need many more trials than a laptop makes in an hour, Wilcoxon's test pairs of problems. The first
    three tenths of the budget say little, since the learning rate has just risen.
    """
    return MedianPruner(n_startup_trials=5, n_warmup_steps=30, n_min_trials=3)
