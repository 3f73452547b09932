"""Requests, one per command, which travel from the command line through the library to the plan.

A request has groups of options, which several commands share; if it has only some of a group, `Annotated`
names them. The text after a field is its help on the command line, where `OptionDetails` say the rest. A
command of a plugin has a request of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from textgen import defaults

Source: TypeAlias = str | Path
"""A corpus name, such as `wiki` or `gutenberg/austen-emma.txt`, or the path of a file or folder."""
MAX_SEED = 2**32 - 1
"""The largest seed that random generators take."""
Texts: TypeAlias = str | Sequence[str]
"""One text or several."""


def several(items: Source | Sequence[Source]) -> list[Any]:
    """Return one item or several as a list."""
    return [items] if isinstance(items, (str, Path)) else list(items)


@dataclass(frozen=True, kw_only=True)
class OptionDetails:
    """What a field has on the command line besides its help: `Annotated[int, OptionDetails(min=1)]`."""

    is_argument: bool = False
    completes: str | Sequence[str] = ()
    """What the shell completes: `entry`, `entry or run`, a kind of plugin (`sampler`), or these words."""
    min: float | None = None
    max: float | None = None
    default: str | None = None
    """The default in words."""
    metavar: str | None = None


Seed: TypeAlias = Annotated[int, OptionDetails(min=0, max=MAX_SEED)]
NumSeeds: TypeAlias = Annotated[int, OptionDetails(min=1, max=1000)]


@dataclass(frozen=True)
class TextOptions:
    """A text, and how it is cleaned and split."""

    heading: ClassVar[str] = "Text"
    """That of the options in the help of a command."""
    corpus: Annotated[Source | Sequence[Source], OptionDetails(completes="corpus")] = defaults.CORPUS
    """Text: a corpus name (see `textgen corpus`), a path, perhaps with a field (news.jsonl:body), or - for
    standard input; repeatable."""
    _: KW_ONLY
    clean: Annotated[str, OptionDetails(completes="cleaner")] = defaults.CLEANER
    """Cleaner of the text, such as prose:quotes=false, letters or raw."""
    split: str = defaults.SPLIT
    """Percent for train/validation/test of each slice of the text; 90/10 holds validation back from
    train; contiguous:90/5/5 of the text as a whole; documents:90/5/5 keeps documents whole."""
    max_chars: Annotated[int | None, OptionDetails(default="all")] = None
    """Use only the first N characters of the text."""
    encoding: str = defaults.ENCODING
    """Encoding of text files and standard input: auto (UTF-8, or guessed), latin-1, cp1252, utf-16."""
    condition: Annotated[str | None, OptionDetails(default="none")] = None
    """Label documents by this field of .csv or .jsonl files, or by their folders or files, for texts by
    label."""
    keep_repeats: bool = False
    """Keep paragraphs of 500 characters or more that repeat earlier ones; texts over 16 MB keep them."""
    sealed: str | None = None
    """File with the text that is scored, or - for standard input; read when all entries are trained."""

    @property
    def sources(self) -> list[str]:
        """The sources as a list."""
        return [str(each) for each in several(self.corpus)]


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """The samples that are written by each entry of a comparison."""

    heading: ClassVar[str] = "Samples"
    prompt: Annotated[Texts, OptionDetails(default="passages of the test text")] = ()
    """Text to continue; repeatable."""
    sampler: Annotated[Texts, OptionDetails(completes="sampler")] = (defaults.EQUAL_SAMPLER, defaults.SAMPLER)
    """Such as top-p:p=0.9, or at equal entropy top-p:p=0.9,entropy=1.2; repeatable, the first is measured."""
    length: Annotated[int, OptionDetails(min=1, max=10_000_000)] = defaults.SAMPLE_CHARS
    """Characters per sample."""
    metric: Annotated[Texts, OptionDetails(default="none", completes="metric")] = ()
    """Metric of a plugin that samples are measured by too, such as sentences; repeatable."""
    spelling: Literal["words", "none"] = "words"
    """With none, word models write no out-of-vocabulary words."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """The machines and processes that compute runs."""

    heading: ClassVar[str] = "Machines and processes"
    device: Annotated[str, OptionDetails(completes=("auto", "cpu", "cuda", "mps"))] = "auto"
    """Device: auto, cpu, cuda, cuda:1, mps."""
    precision: Annotated[str, OptionDetails(completes=("auto", "fp32", "bf16", "fp16"))] = "auto"
    """Number format of matmuls: auto, fp32, bf16, fp16."""
    jobs: Annotated[int, OptionDetails(min=1, max=256)] = 1
    """Runs to train in parallel."""
    entry_timeout: str = defaults.ENTRY_TIMEOUT
    """End an entry that makes no progress for this long: 90s, 15m, 2h."""
    on: Annotated[str | None, OptionDetails(metavar="NAME[:ADDRESS]", default="this machine")] = None
    """Backend that computes the runs, such as ray (a cluster on this machine) or ray:host:6379."""
    cpus_per_run: Annotated[float, OptionDetails(min=0.1, max=1024)] = 1.0
    """With --on: CPUs of each run."""
    gpus_per_run: Annotated[float, OptionDetails(min=0.0, max=64)] = 0.0
    """With --on: GPUs of each run, such as 0.5."""


PlainText: TypeAlias = Annotated[
    TextOptions, "corpus", "clean", "split", "max_chars", "encoding", "condition", "keep_repeats"
]
"""A text that no other one completes."""
InParallel: TypeAlias = Annotated[
    ClusterOptions, "device", "precision", "jobs", "entry_timeout", "on", "cpus_per_run", "gpus_per_run"
]
"""Machines that compute several runs at a time."""


@dataclass(frozen=True, kw_only=True)
class BenchRequest:
    """Entries to be trained side by side on one text."""

    entries: Annotated[
        Sequence[str], OptionDetails(is_argument=True, default=defaults.ENTRIES, completes="entry")
    ] = tuple(defaults.ENTRIES.split())
    """Such as char-lstm word-lstm-glove random char-lstm:num_layers=1."""
    text: TextOptions = TextOptions()
    budget: str = defaults.BUDGET
    """Training per entry: 60s, 5min, 1h, 5epochs, 20Mchars, 500updates; or several: 15s,1m,4m."""
    seed: Seed = 0
    """Random seed."""
    seeds: NumSeeds = 1
    """Random seeds per entry, counted from --seed."""
    samples: SampleOptions = SampleOptions()
    cluster: Annotated[
        ClusterOptions, "device", "precision", "entry_timeout", "on", "cpus_per_run", "gpus_per_run"
    ] = ClusterOptions()


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """One entry to be trained, or a run whose training continues."""

    entry: Annotated[str, OptionDetails(is_argument=True, completes="entry")]
    """Such as char-lstm or word-lstm-glove:hidden_size=512; or a run, to continue it."""
    text: PlainText = TextOptions()
    budget: str = defaults.BUDGET
    """Training per entry or trial: 60s, 5min, 1h, 5epochs, 20Mchars."""
    seed: Seed = 0
    """Random seed."""
    cluster: Annotated[ClusterOptions, "device", "precision"] = ClusterOptions()
