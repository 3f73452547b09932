"""Training budgets: `60s`, `5m` or `5min`, `1h`, `5epochs`, `20Mchars`, `500updates`; and ladders of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from textgen.contracts import TextgenError

Unit: TypeAlias = Literal["seconds", "epochs", "chars", "updates"]

_UNITS: dict[str, tuple[Unit, float]] = {
    "s": ("seconds", 1),
    "m": ("seconds", 60),
    "min": ("seconds", 60),
    "h": ("seconds", 3600),
    "epoch": ("epochs", 1),
    "epochs": ("epochs", 1),
    "chars": ("chars", 1),
    "kchars": ("chars", 1e3),
    "Mchars": ("chars", 1e6),
    "Gchars": ("chars", 1e9),
    "update": ("updates", 1),
    "updates": ("updates", 1),
}
MAX_BUDGETS = 100
"""The most budgets of a ladder."""
_LARGEST = {"seconds": 1e9, "epochs": 1e6, "chars": 1e15, "updates": 1e9}
"""Amounts that nobody means: 30 years, for example."""


@dataclass(frozen=True)
class Budget:
    """An amount of training: seconds, epochs, characters seen, or updates of each model."""

    text: str
    unit: Unit
    amount: float

    def fraction(self, seconds: float, epochs: float, chars: float, updates: float) -> float:
        """Return the share of the budget that is spent, from 0 to 1 and above."""
        spent = {"seconds": seconds, "epochs": epochs, "chars": chars, "updates": updates}
        return spent[self.unit] / self.amount

    def without(self, seconds: float) -> Budget:
        """Return what a preparation of `seconds` leaves of a budget in seconds; of others it takes nothing.

        Raises `TextgenError` if nothing is left.
        """
        if self.unit != "seconds":
            return self
        if seconds >= self.amount:
            raise TextgenError(
                f"budget {self.text}: preparing the text, vectors and counts took {seconds:.1f} s, "
                "which leaves no time to train; give a larger budget"
            )
        return replace(self, amount=self.amount - seconds)

    def __str__(self) -> str:
        return self.text


def is_timed(text: str) -> bool:
    """Return whether a budget is in time, so that what it allows depends on the machine.

    That of a run whose training was continued has several parts, such as `60s+2m`.
    """
    return any(parse_budget(part).unit == "seconds" for part in text.split("+"))


def check_is_text(text: object) -> None:
    """Raise `TextgenError` for a budget that is not a text, such as a number without a unit."""
    if not isinstance(text, str):
        raise TextgenError(f'budget {text!r}: give a text with a unit, such as "60s" or "20Mchars"')


def parse_budget(text: str) -> Budget:
    """Read a budget; raises `TextgenError` unless it is a positive, bounded amount with a known unit."""
    check_is_text(text)
    if "," in text:
        raise TextgenError(f"budget {text!r}: only bench and suite take several; give one, such as 60s")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text.strip())
    if not match or match[2] not in _UNITS or float(match[1]) <= 0:
        raise TextgenError(
            f"budget {text!r}: give a positive amount with a unit, such as 60s, 5m, 5epochs or 20Mchars"
        )
    unit, factor = _UNITS[match[2]]
    amount = float(match[1]) * factor
    if amount > _LARGEST[unit]:
        raise TextgenError(f"budget {text!r}: at most {_LARGEST[unit]:,.0f} {unit} are allowed; give less")
    return Budget(match[1] + match[2], unit, amount)


def times(text: str, factor: int) -> str | None:
    """Return a multiple of a budget as a text, `3m` for `60s`; None for that of a continued run."""
    if "+" in text:
        return None
    budget = parse_budget(text)
    unit = text.strip().lstrip("0123456789. ")
    amount = budget.amount * factor / _UNITS[unit][1]
    if unit == "s" and amount >= 60 and amount % 60 == 0:
        unit, amount = "m", amount / 60
    return f"{amount:g}{unit}"


def parse_budgets(text: str) -> tuple[Budget, ...]:
    """Read a budget, or several such as `15s,1m,4m`: a ladder, which is returned from the smallest on.

    Raises `TextgenError` if one is invalid, or if they are not different amounts of one unit.
    """
    check_is_text(text)
    return ladder_of(map(parse_budget, text.split(",")))


def ladder_of(budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    """Return budgets from the smallest on; raises `TextgenError` unless they are different, in one unit."""
    ladder = tuple(sorted(budgets, key=lambda budget: budget.amount))
    if len(ladder) > MAX_BUDGETS:
        raise TextgenError(f"{len(ladder):,} budgets; at most {MAX_BUDGETS} are allowed")
    text = ",".join(map(str, ladder))
    if units := {budget.unit for budget in ladder} - {ladder[0].unit}:
        both = f"{ladder[0].unit} and {min(units)}"
        raise TextgenError(f"budget {text!r} has {both}; give all of its budgets in one unit")
    if len({budget.amount for budget in ladder}) < len(ladder):
        raise TextgenError(f"budget {text!r} has one amount twice; give each budget once")
    return ladder


def parse_duration(text: str, option: str) -> float:
    """Return the seconds of a time such as 90s, 15m or 2h; raises `TextgenError`, which names the option."""
    duration = parse_budget(text)
    if duration.unit != "seconds":
        raise TextgenError(f"{option} {text!r}: give a time, such as 90s, 15m or 2h")
    return duration.amount
