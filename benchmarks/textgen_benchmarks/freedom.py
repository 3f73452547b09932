"""How freely models may write before they make up more words than the author.

`python -m textgen_benchmarks.freedom [CORPUS …] --json FILE` trains an entry of each level, and lets it write
with several shares of the entropy of single characters, of which `ENTROPY_SHARE` is the default.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from textgen.data.corpus import load_corpus
from textgen.defaults import ENTROPY_SHARE
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.samples import SampleWriter
from textgen.generation.bound_sampler import build_sampler, character_entropy
from textgen.reports.markdown import table_lines
from textgen.runtime.device import choose_device
from textgen.runtime.environment import Machine
from textgen.runtime.process_setup import keep_freed_memory
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record
from textgen.training.budget import parse_budget
from textgen_benchmarks.saving import json_option, save

ENTRIES = ("char-lstm", "word-lstm-glove")
SHARES = (0.2, ENTROPY_SHARE, 1 / 3)
AUTHOR = "the author"


@dataclass(frozen=True)
class Freedom:
    """What an entry, or the author, writes at one freedom."""

    corpus: str
    entry: str
    share: float | None
    """Of the entropy of single characters; None for the author."""
    entropy: float | None
    """Bits per character of the choices whose texts are measured."""
    temperature: float | None
    real_word_rate: float | None
    distinct_2: float | None
    repetition_4: float | None


@dataclass(frozen=True, kw_only=True)
class FreedomResults:
    """The contents of results/freedom.json."""

    schema_version: int = SCHEMA_VERSION
    budget: str
    rows: tuple[Freedom, ...]
    versions: dict[str, str]
    machine: Machine


def measured(source: str, budget: str) -> Iterator[Freedom]:
    """Yield what the author of a text and each entry write."""
    corpus, config = load_corpus([source]), choose_device("auto", "auto")
    train, names = corpus.split.train.text, ("real_word_rate", "distinct_2", "repetition_4")
    analyzer = TextAnalyzer(train, load_lexicon(corpus.language), corpus.language)
    writer = SampleWriter(corpus.split.held_out.stretches(), analyzer)
    author = writer.measure_held_out().metrics
    yield Freedom(corpus.name, AUTHOR, None, None, None, *map(author.get, names))
    for entry in ENTRIES:
        run = Experiment(parse_entry(entry), corpus, parse_budget(budget), config, seed=0).run()
        for share in SHARES:
            spec = f"temperature:entropy={share * character_entropy(train):.2f}"
            written = writer.measure(run, build_sampler(spec), 0, config)
            freedom, metrics = written.freedom, written.measured.metrics
            values = map(metrics.get, names)
            yield Freedom(corpus.name, entry, share, freedom.entropy_per_char, freedom.temperature, *values)


def freedom_table(path: Path) -> Iterator[str]:
    """Yield the shares of real words, with those of different word pairs, by text, entry and freedom."""
    result = read_record(FreedomResults, path)
    header = [f"{share:.2f}" + " (default)" * (share == ENTROPY_SHARE) for share in SHARES]
    rows = [["text", "entry", *header]]
    for (corpus, entry), group in groupby(result.rows, lambda row: (row.corpus, row.entry)):
        cells = [f"{_percent(row.real_word_rate)} ({_percent(row.distinct_2)})" for row in group]
        rows.append([corpus, entry, *(cells if len(cells) > 1 else [cells[0]] * len(SHARES))])
    yield from table_lines(rows, [0, 1])


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def main() -> None:
    """Train, write, and save what was measured."""
    keep_freed_memory()
    parser = json_option(__doc__, "freedom")
    parser.add_argument("sources", nargs="*", default=["wiki"], help="texts")
    parser.add_argument("--budget", default="60s")
    options = parser.parse_args()
    rows = list[Freedom]()
    for source in options.sources:
        for row in measured(source, options.budget):
            rows.append(row)
            print(row, flush=True)
    save(options.json, budget=options.budget, rows=rows)


if __name__ == "__main__":
    main()
