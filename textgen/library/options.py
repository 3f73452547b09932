"""What functions do first: what is refused before anything is computed, and what is imported meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias, get_args, get_type_hints

from textgen.requests import MAX_SEED, ClusterOptions
from textgen.runtime.messages import UsageError
from textgen.workers.process import import_early

Refuse: TypeAlias = Callable[[Sequence[str], str], None]
"""A function that raises `UsageError` if an option with one of these names is given; the reason completes
the sentence "split has no effect …"."""


def seed_range(seeds: int | range) -> dict[str, int]:
    """Return the first of seeds, which are given by their number or as a range, and how many they are.

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


def refusing(given: Collection[str]) -> Refuse:
    """Return the function that refuses the options that are given."""

    def refuse(names: Sequence[str], reason: str) -> None:
        for name in names:
            if name in given:
                raise UsageError(f"{name} has no effect {reason}; leave it out")

    return refuse


def changed(*groups: object) -> set[str]:
    """Return the names of the options in requests and groups that are not at their defaults."""
    names = set()
    for group in groups:
        for field in fields(group):  # type: ignore[arg-type]
            value = getattr(group, field.name)
            if isinstance(value, list | tuple) and len(value) == 1:
                value = value[0]
            if is_dataclass(field.default):
                names |= changed(value)
            elif value != field.default:
                names.add(field.name)
    return names


def check_cluster(request: Any, function: str, refuse: Refuse) -> None:
    """Refuse options of a cluster that a request does not have, or that share none."""
    used = get_args(get_type_hints(type(request), include_extras=True)["cluster"])
    refuse([each.name for each in fields(ClusterOptions) if each.name not in used], f"on {function}")
    if request.cluster.on is None:
        refuse(["cpus_per_run", "gpus_per_run"], "without --on")
    else:
        refuse(["jobs"], "with --on, which computes as many runs at a time as have room")


def prepare(jobs: str) -> None:
    """Begin to import, in the background, the module that computes jobs in processes of their own."""
    import_early(jobs)
