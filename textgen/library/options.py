"""Groups of options that functions share, and the refusal of options that would have no effect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from textgen import defaults
from textgen.runtime.messages import UsageError

Source: TypeAlias = str | Path
"""A corpus name, such as `wiki` or `gutenberg/austen-emma.txt`, or the path of a file or folder."""
Refuse: TypeAlias = Callable[[Sequence[str], str], None]
"""A function that raises `UsageError` if an option with one of these names is given; the reason completes
the sentence "split has no effect …"."""

MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class TextOptions:
    """A text, and how it is cleaned and split."""

    corpus: Source | Sequence[Source] = defaults.CORPUS
    """A corpus name, a path, or several, which are joined."""
    _: KW_ONLY
    clean: str = defaults.CLEANER
    """The cleaner, such as `prose:quotes=false`, `letters` or `raw`."""
    split: str = defaults.SPLIT
    """Percent for train, validation and test, or train and validation; `contiguous:90/5/5` without slices."""
    max_chars: int | None = None
    """The number of characters that are used, from the beginning; None: all."""
    encoding: str = defaults.ENCODING
    """The encoding of text files and of standard input."""

    @property
    def sources(self) -> list[str]:
        """The sources as a list."""
        return [str(each) for each in several(self.corpus)]


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """The samples that are written by each entry of a comparison."""

    prompt: str | Sequence[str] = ()
    """A text to continue, or several; without one, passages of the test text."""
    sampler: str | Sequence[str] = defaults.SAMPLER
    """A sampler, or several, of which the first one is measured."""
    length: int = defaults.SAMPLE_CHARS
    """The number of characters of each sample."""
    spelling: Literal["words", "none"] = "words"
    """With `none`, word models write no out-of-vocabulary words."""


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What a study searches, and for how long."""

    search: str | None = None
    """Such as `learning_rate=1e-4..1e-2,optimizer=muon|adamw`; None: all that components recommend."""
    tune_sampler: str | None = None
    """A sampler to tune instead of the entry, to write as the author does."""
    trials: int | None = None
    """The number of trials of the whole study; None: 30, or unlimited with a timeout."""
    timeout: str | None = None
    """The time after which no new trial starts, such as `2h`."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Where and how runs are computed."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1` or `mps`."""
    precision: str = "auto"
    """The number format of matmuls: `auto`, `fp32`, `bf16` or `fp16`."""
    processes: int = 1
    """Processes that train one model together (`train` only)."""
    jobs: int = 1
    """Runs that are computed at the same time (`suite` and `tune`)."""
    on: str | None = None
    """A cluster that computes the runs: `ray`, or the address of one; None: this machine."""
    cpus_per_run: float = 1.0
    """CPUs of each run on a cluster."""
    gpus_per_run: float = 0.0
    """GPUs of each run on a cluster."""
    entry_timeout: str = defaults.ENTRY_TIMEOUT
    """The time without progress after which a run is ended, such as `90s`."""


def several(items: Source | Sequence[Source]) -> list[Any]:
    """Return one item or several as a list."""
    return [items] if isinstance(items, (str, Path)) else list(items)


def seed_range(seeds: int | range) -> range:
    """Return seeds that are given by their number or as a range; raises `UsageError` if they are invalid."""
    chosen = seeds if isinstance(seeds, range) else range(seeds)
    if not chosen or chosen.step != 1:
        successive = " and successive" if chosen else ""
        raise UsageError(f"seeds must be at least 1{successive}, not {seeds}")
    check_numbers(chosen.start)
    return chosen


def check_numbers(seed: int, **counts: int) -> None:
    """Raise `UsageError` for a seed that random generators cannot take, or a count that is not positive."""
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(f"seed must be from 0 to {MAX_SEED}, not {seed}")
    for name, count in counts.items():
        if count < 1:
            raise UsageError(f"{name} must be at least 1, not {count}")


def refusing(given: Collection[str], written: Callable[[str], str] = str) -> Refuse:
    """Return the function that refuses the options that are given; `written` is how the user writes them."""

    def refuse(names: Sequence[str], reason: str) -> None:
        for name in names:
            if name in given:
                raise UsageError(f"{written(name)} has no effect {reason}; leave it out")

    return refuse


def changed(*groups: object) -> set[str]:
    """Return the names of the options in groups that are not at their defaults."""
    return {
        field.name
        for group in groups
        for field in fields(group)  # type: ignore[arg-type]
        if _single(getattr(group, field.name)) != field.default
    }


def _single(value: object) -> object:
    """Return the only item of a list, or what is not a list of one item, unchanged."""
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def check_cluster(cluster: ClusterOptions, function: str, unused: Sequence[str]) -> None:
    """Raise `UsageError` for options of a cluster that a function does not use, or that share none."""
    refuse = refusing(changed(cluster))
    refuse(unused, f"on {function}")
    check_shares(cluster.on, refuse)


def check_shares(on: str | None, refuse: Refuse) -> None:
    """Refuse options that share a cluster without one, or this machine with one."""
    if on is None:
        refuse(["cpus_per_run", "gpus_per_run"], "without --on")
    else:
        refuse(["jobs"], "with --on, which computes as many runs at a time as have room")
