"""Requests, one per command, passed from the command line through the library to the plan.

A request has groups of options that several commands share; if it has only part of a group, `Annotated`
lists those fields. The `Option` of a field has its help and everything else for the command line. A command
of a plugin has its own request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeAlias

from textgen import defaults

Source: TypeAlias = str | Path
"""A corpus name, such as `wiki` or `gutenberg/austen-emma.txt`, or the path of a file or folder."""
MAX_SEED = 2**32 - 1
"""The largest seed that random generators accept."""
Texts: TypeAlias = str | Sequence[str]
"""One text or several."""


def several(items: Source | Sequence[Source]) -> list[Any]:
    """Return one item or several as a list."""
    return [items] if isinstance(items, (str, Path)) else list(items)


@dataclass(frozen=True)
class Option:
    """Command-line option of a field: `Annotated[int, Option("Number of texts.", min=1)]`."""

    help: str
    _: KW_ONLY
    is_argument: bool = False
    completes: str | Sequence[str] = ()
    """Shell completion: `entry`, `entry or run`, a kind of plugin (`sampler`), or a list of words."""
    min: float | None = None
    max: float | None = None
    default: str | None = None
    """The default in words."""
    metavar: str | None = None


Seed: TypeAlias = Annotated[int, Option("Random seed.", min=0, max=MAX_SEED)]
MAX_SEEDS = 1000


CORPUS_OPTION = Option(
    "Text: a corpus (see `textgen corpus`), a path, optionally with a field (news.jsonl:body), or - for "
    "standard input; repeatable.",
    completes="corpus",
)
SPLIT_OPTION = Option(
    "Train/validation/test in percent. Default: hold out whole documents if the text has at least 40, "
    "otherwise cut it into 24 slices and split each one. 90/10 takes validation from train; "
    "contiguous:90/5/5 holds out the end; documents:90/5/5 holds out whole documents."
)


@dataclass(frozen=True)
class TextOptions:
    """Options of a text: its source, cleaner and split."""

    heading: ClassVar[str] = "Text"
    """The heading of the options in the help of a command."""
    corpus: Annotated[Source | Sequence[Source], CORPUS_OPTION] = defaults.CORPUS
    _: KW_ONLY
    clean: Annotated[str, Option("Cleaner, such as prose:quotes=false or raw.", completes="cleaner")] = (
        defaults.CLEANER
    )
    split: Annotated[str, SPLIT_OPTION] = defaults.SPLIT
    max_chars: Annotated[int | None, Option("Use only the first N characters.", default="all")] = None
    encoding: Annotated[str, Option("File encoding: auto (UTF-8, else guessed), cp1252, utf-16.")] = (
        defaults.ENCODING
    )
    sealed: Annotated[str | None, Option("File with the test text, not read before all training ends.")] = (
        None
    )

    @property
    def sources(self) -> list[str]:
        """The sources as a list."""
        return [str(each) for each in several(self.corpus)]


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """Options of the samples written by each entry of a comparison."""

    heading: ClassVar[str] = "Samples"
    prompt: Annotated[
        Texts, Option("Text to continue; repeatable.", default="passages of the test text")
    ] = ()
    sampler: Annotated[
        Texts, Option("Sampler (top-p:p=0.9); repeatable, the first is measured.", completes="sampler")
    ] = (defaults.EQUAL_SAMPLER, defaults.SAMPLER)
    length: Annotated[int, Option("Characters per sample.", min=1, max=10_000_000)] = defaults.SAMPLE_CHARS
    metric: Annotated[
        Texts, Option("Plugin metric, such as sentences; repeatable.", default="none", completes="metric")
    ] = ()


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Options of the machines and processes that compute runs."""

    heading: ClassVar[str] = "Machines and processes"
    device: Annotated[
        str, Option("Device: auto, cpu, cuda, cuda:1, mps.", completes=("auto", "cpu", "cuda", "mps"))
    ] = "auto"
    precision: Annotated[
        str,
        Option("Precision of matmuls: auto, fp32, bf16, fp16.", completes=("auto", "fp32", "bf16", "fp16")),
    ] = "auto"
    jobs: Annotated[int, Option("Number of runs to train in parallel.", min=1, max=256)] = 1
    entry_timeout: Annotated[str, Option("Stop an entry without progress for this long: 90s, 15m, 2h.")] = (
        defaults.ENTRY_TIMEOUT
    )
    on: Annotated[
        str | None,
        Option("Backend to run on: ray or ray:host:6379.", metavar="NAME[:ADDRESS]", default="this machine"),
    ] = None
    cpus_per_run: Annotated[float, Option("With --on: CPUs per run.", min=0.1, max=1024)] = 1.0
    gpus_per_run: Annotated[float, Option("With --on: GPUs per run, such as 0.5.", min=0.0, max=64)] = 0.0


PlainText: TypeAlias = Annotated[TextOptions, "corpus", "clean", "split", "max_chars", "encoding"]
"""The options of a text without a sealed one."""
InParallel: TypeAlias = Annotated[
    ClusterOptions, "device", "precision", "jobs", "entry_timeout", "on", "cpus_per_run", "gpus_per_run"
]
"""The options of machines that compute several runs at a time."""


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """Request to train entries side by side on one text."""

    entries: Annotated[
        Sequence[str],
        Option(
            "Entries to compare, such as char-lstm word-lstm-glove random char-lstm:num_layers=1.",
            is_argument=True,
            default=defaults.ENTRIES,
            completes="entry",
        ),
    ] = tuple(defaults.ENTRIES.split())
    text: TextOptions = TextOptions()
    budget: Annotated[
        str,
        Option("Training per entry: 60s, 5min, 1h, 5epochs, 20Mchars, 500updates; or several: 15s,1m,4m."),
    ] = defaults.BUDGET
    seed: Seed = 0
    seeds: Annotated[
        int, Option("Number of random seeds per entry, from --seed on.", min=1, max=MAX_SEEDS)
    ] = 1
    samples: SampleOptions = SampleOptions()
    cluster: Annotated[
        ClusterOptions, "device", "precision", "entry_timeout", "on", "cpus_per_run", "gpus_per_run"
    ] = ClusterOptions()


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """Request to train one entry, or to continue the training of a run."""

    entry: Annotated[
        str,
        Option(
            "Entry to train, such as char-lstm or word-lstm-glove:hidden_size=512, or a run to continue.",
            is_argument=True,
            default="entry and budget recommended by textgen ask",
            completes="entry",
        ),
    ] = ""
    text: PlainText = TextOptions()
    budget: Annotated[
        str,
        Option(
            "Training: 60s, 5min, 1h, 5epochs, 20Mchars; +2m continues a run.",
            default=f"{defaults.BUDGET}; without an entry, as recommended",
        ),
    ] = defaults.BUDGET
    seed: Seed = 0
    cluster: Annotated[ClusterOptions, "device", "precision"] = ClusterOptions()
