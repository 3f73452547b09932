"""What functions do first: groups of options they share, and what is refused before anything is computed."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, fields
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeAlias

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.runtime.messages import UsageError
from textgen.training.distributed.rank_info import refuse_torchrun

Source: TypeAlias = str | Path
"""A corpus name, such as `wiki` or `gutenberg/austen-emma.txt`, or the path of a file or folder."""
Refuse: TypeAlias = Callable[[Sequence[str], str], None]
"""A function that raises `UsageError` if an option with one of these names is given; the reason completes
the sentence "split has no effect …"."""

MAX_SEED = 2**32 - 1
JOBS = {
    "bench": "textgen.comparison.entry_job",
    "suite": "textgen.suites.job",
    "tune": "textgen.tuning.trials",
}
"""The module that computes the jobs of a function, in processes of their own."""


@dataclass(frozen=True)
class TextOptions:
    """A text, and how it is cleaned and split."""

    corpus: Source | Sequence[Source] = defaults.CORPUS
    """Text: a corpus name (see `textgen corpus`), a path, perhaps with a field (news.jsonl:body), or - for
    standard input; repeatable."""
    _: KW_ONLY
    clean: str = defaults.CLEANER
    """Cleaner of the text, such as prose:quotes=false, letters or raw."""
    split: str = defaults.SPLIT
    """Percent for train/validation/test of each slice of the text; 90/10 holds validation back from
    train; contiguous:90/5/5 of the text as a whole; documents:90/5/5 keeps documents whole."""
    max_chars: int | None = None
    """Use only the first N characters of the text."""
    encoding: str = defaults.ENCODING
    """Encoding of text files and standard input: auto (UTF-8, or guessed), latin-1, cp1252, utf-16."""
    keep_repeats: bool = False
    """Keep paragraphs of 500 characters or more that repeat earlier ones; texts over 16 MB keep them."""
    sealed: str | None = None
    """File with the text that is scored, opened when all entries are trained."""

    @property
    def sources(self) -> list[str]:
        """The sources as a list."""
        return [str(each) for each in several(self.corpus)]


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """The samples that are written by each entry of a comparison."""

    prompt: str | Sequence[str] = ()
    """Text to continue; repeatable."""
    sampler: str | Sequence[str] = defaults.EQUAL_SAMPLER
    """Such as top-p:p=0.9, or at equal entropy top-p:p=0.9,entropy=1.5; repeatable, the first is measured."""
    length: int = defaults.SAMPLE_CHARS
    """Characters per sample."""
    spelling: Literal["words", "none"] = "words"
    """With none, word models write no out-of-vocabulary words."""


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """The search of a study: its options, and for how long."""

    trials: int | None = None
    """Trials of the whole study."""
    timeout: str | None = None
    """Start no new trial after this long: 90s, 15m, 2h."""
    search: str | None = None
    """What to search, such as learning_rate=1e-4..1e-2,optimizer=muon|adamw,hidden_size."""
    tune_sampler: str | None = None
    """Tune this sampler (top-p, or top-p:temperature=1) to write as the author does."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """The machines and processes that compute runs."""

    device: str = "auto"
    """Device: auto, cpu, cuda, cuda:1, mps."""
    precision: str = "auto"
    """Number format of matmuls: auto, fp32, bf16, fp16."""
    processes: int = 1
    """Processes that train the model together, each on a GPU of its own or a share of the cores."""
    jobs: int = 1
    """Runs to train in parallel."""
    entry_timeout: str = defaults.ENTRY_TIMEOUT
    """End an entry that makes no progress for this long: 90s, 15m, 2h."""
    on: str | None = None
    """Backend that computes the runs, such as ray (a cluster on this machine) or ray:host:6379."""
    cpus_per_run: float = 1.0
    """With --on: CPUs of each run."""
    gpus_per_run: float = 0.0
    """With --on: GPUs of each run, such as 0.5."""


@cache
def field_docs(component: type) -> dict[str, str]:
    """Return the names of class attributes with the string that follows each in the source, bases first."""
    docs = {}
    for base in reversed(component.__mro__):
        with suppress(OSError, TypeError, SyntaxError, IndexError):  # no source
            body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
            statements = body.body if isinstance(body, ast.ClassDef) else []
            for before, after in pairwise(statements):
                if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
                    match after:
                        case ast.Expr(value=ast.Constant(value=str(text))):
                            docs[before.target.id] = " ".join(text.split())
    return docs


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


def refusing(given: Collection[str]) -> Refuse:
    """Return the function that refuses the options that are given."""

    def refuse(names: Sequence[str], reason: str) -> None:
        for name in names:
            if name in given:
                raise UsageError(f"{name} has no effect {reason}; leave it out")

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


def prepare(function: str) -> None:
    """Begin to import, in the background, what the jobs of a function need.

    Raises `UsageError` if `torchrun` started this process as one of several.
    """
    refuse_torchrun()
    from textgen.workers.process import import_early  # which others need not wait for

    import_early(JOBS[function])


def require_optuna() -> None:
    """Raise `TextgenError` if the extra for studies is not installed."""
    if any(find_spec(package) is None for package in ("optuna", "sklearn")):
        raise TextgenError('tuning needs Optuna; run: pip install "textgen-bench[tune]"')
