"""Options of functions: those that are given, and checks that refuse some before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias, get_args, get_type_hints

from textgen.requests import MAX_SEED, ClusterOptions
from textgen.runtime.messages import UsageError

Given: TypeAlias = Mapping[str, str]
"""The options that are given: their names, and their spelling for users, such as `--split`."""


def seed_range(seeds: int | range) -> dict[str, int]:
    """Return the first seed and the number of seeds, given as a number or a range.

    Raises `UsageError` if they are invalid.
    """
    chosen = seeds if isinstance(seeds, range) else range(seeds)
    if not chosen or chosen.step != 1:
        successive = " and successive" if chosen else ""
        raise UsageError(f"seeds must be at least 1{successive}, not {seeds}")
    return {"seed": chosen.start, "seeds": len(chosen)}


def check_numbers(seed: int, **counts: int) -> None:
    """Raise `UsageError` for a seed that random generators cannot take, or a count that is not positive."""
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"seed must be from 0 to {MAX_SEED}, not {seed}")
    for name, count in counts.items():
        if count < 1:
            raise UsageError(f"{name} must be at least 1, not {count}")


def refuse(given: Given, names: Iterable[str], reason: str, advice: str = "leave it out") -> None:
    """Raise `UsageError` for the first of these options that is given, with the `reason` and `advice`."""
    for name in names:
        if name in given:
            raise UsageError(f"{given[name]} has no effect {reason}; {advice}")


def changed(group: Any) -> dict[str, str]:
    """Return the options of a request or group that differ from their defaults, as given options."""
    names = dict[str, str]()
    for field in fields(group):
        value = getattr(group, field.name)
        if isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        if is_dataclass(field.default):
            names |= changed(value)
        elif value != field.default:
            names[field.name] = field.name
    return names


def check_cluster(request: Any, function: str, given: Given) -> None:
    """Refuse cluster options that a request does not have, or that have no effect without `on`."""
    used = get_args(get_type_hints(type(request), include_extras=True)["cluster"])
    unused = [each.name for each in fields(ClusterOptions) if each.name not in used]
    refuse(given, unused, f"on {function}")
    if request.cluster.on is None:
        refuse(given, ["cpus_per_run", "gpus_per_run"], "without --on")
    else:
        refuse(given, ["jobs"], "with --on, which trains as many runs at a time as fit")
