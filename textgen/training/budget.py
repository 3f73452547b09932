"""Training budgets: `60s`, `5m` or `5min`, `1h`, `5epochs`, `20Mchars`, `500updates`; and ladders of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

from textgen.contracts import TextgenError

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

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


class Budget(str):
    """An amount of training, and its text: seconds, epochs, characters seen, or updates of each model.

    That of a run whose training was continued has several parts, such as `60s+2m`; `unit` and `amount` are
    those of the last one.
    """

    unit: Unit
    amount: float
    is_timed: bool
    """True if a part is in time, so that what it allows depends on the machine."""

    def __new__(cls, text: str) -> Self:
        """Read a budget; raises `TextgenError` unless each part is a positive, bounded amount with a unit."""
        parts = [_parse_part(part) for part in text.split("+")]
        budget = super().__new__(cls, "+".join(written for written, _, _ in parts))
        _, budget.unit, budget.amount = parts[-1]
        budget.is_timed = any(unit == "seconds" for _, unit, _ in parts)
        return budget

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let records, which hold the text of a budget, be read."""
        from pydantic_core import core_schema

        def read(text: str) -> Budget:
            try:
                return cls(text)
            except TextgenError as error:
                raise ValueError(error) from None

        return core_schema.no_info_after_validator_function(read, core_schema.str_schema())

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
                f"budget {self}: preparing the text, vectors and counts took {seconds:.1f} s, "
                "which leaves no time to train; give a larger budget"
            )
        return self.with_amount(self.amount - seconds)

    def with_amount(self, amount: float) -> Budget:
        """Return a part of the budget, which keeps its text."""
        part = Budget(self)
        part.amount = amount
        return part

    def times(self, factor: int) -> str | None:
        """Return a multiple of the budget as a text, `3m` for `60s`; None for that of a continued run."""
        if "+" in self:
            return None
        unit = self.lstrip("0123456789.")
        amount = self.amount * factor / _UNITS[unit][1]
        if unit == "s" and amount >= 60 and amount % 60 == 0:
            unit, amount = "m", amount / 60
        return f"{amount:g}{unit}"


def _parse_part(text: str) -> tuple[str, Unit, float]:
    """Return the text of one amount without spaces, its unit, and the amount in this unit."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text.strip())
    if not match or match[2] not in _UNITS or float(match[1]) <= 0:
        raise TextgenError(
            f"budget {text!r}: give a positive amount with a unit, such as 60s, 5m, 5epochs or 20Mchars"
        )
    unit, factor = _UNITS[match[2]]
    amount = float(match[1]) * factor
    if amount > _LARGEST[unit]:
        raise TextgenError(f"budget {text!r}: at most {_LARGEST[unit]:,.0f} {unit} are allowed; reduce it")
    return match[1] + match[2], unit, amount


def check_is_text(text: object) -> None:
    """Raise `TextgenError` for a budget that is not a text, such as a number without a unit."""
    if not isinstance(text, str):
        raise TextgenError(f'budget {text!r}: give a text with a unit, such as "60s" or "20Mchars"')


def parse_budget(text: str) -> Budget:
    """Read the one budget that a user gives; raises `TextgenError` as `Budget` does, and for several."""
    check_is_text(text)
    if "," in text:
        raise TextgenError(f"budget {text!r}: only bench and suite take several; give one, such as 60s")
    return Budget(text)


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
    text = ",".join(ladder)
    if units := {budget.unit for budget in ladder} - {ladder[0].unit}:
        both = f"{ladder[0].unit} and {min(units)}"
        raise TextgenError(f"budget {text!r} has {both}; give all of its budgets in one unit")
    if len({budget.amount for budget in ladder}) < len(ladder):
        raise TextgenError(f"budget {text!r} has the same amount twice; give each budget once")
    return ladder


def parse_duration(text: str, option: str) -> float:
    """Return the seconds of a time such as 90s, 15m or 2h; raises `TextgenError`, which names the option."""
    duration = parse_budget(text)
    if duration.unit != "seconds":
        raise TextgenError(f"{option} {text!r}: give a time, such as 90s, 15m or 2h")
    return duration.amount
