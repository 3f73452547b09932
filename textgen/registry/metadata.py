"""Entry points of installed distributions, even if the metadata of one of them cannot be read."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from contextlib import suppress
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points

from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import one_line


def entry_points_in(groups: Collection[str]) -> list[EntryPoint]:
    """Return the entry points in some groups; a warning names a distribution that cannot be read."""
    try:
        installed = entry_points()  # once, since each call reads all distributions
        return [point for group in groups for point in installed.select(group=group)]
    except Exception:  # one distribution with broken metadata must not hide the others
        points: list[EntryPoint] = []
        for distribution in distributions():
            try:
                points += distribution.entry_points
            except Exception as error:
                warnings.warn(_problem(distribution, error), TextgenWarning, stacklevel=2)
        return points


def check_metadata() -> None:
    """Raise `TextgenError` if a distribution cannot be read: torch cannot be imported next to it."""
    try:
        entry_points(group="torch.backends")
    except Exception:
        for distribution in distributions():
            try:
                list(distribution.entry_points)
            except Exception as error:
                raise TextgenError(_problem(distribution, error)) from None


def _problem(distribution: Distribution, error: Exception) -> str:
    name = "an installed distribution"
    with suppress(Exception):  # so may its name
        name = distribution.name or name
    place = getattr(distribution, "_path", None)
    where = f" in {place}" if place else ""
    reason = one_line(error, with_type=False)[:100]
    return f"the entry points of {name}{where} cannot be read ({reason}); reinstall or remove it"
