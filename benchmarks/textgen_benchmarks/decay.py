"""Weight decay of pretrained vectors: `python -m textgen_benchmarks.decay --budget 1700kchars`.

Trains entries with an embedding in three ways, with the same random seeds, and compares their scores on
validation; the test part is never read. Budgets are in characters, so that another machine finds the same.
Each run is saved in `--json` at once; the same command resumes there, and another budget or text is added.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from scipy.stats import ttest_1samp
from torch import nn

from textgen.cli.console import print_rows
from textgen.contracts import PretrainedVectors, Vocabulary
from textgen.data.corpus import Corpus, load_corpus
from textgen.experiment.encoding import Encoded, embed, encode_corpus
from textgen.experiment.entry import Entry, parse_entry
from textgen.nn.embedding import TokenEmbedding
from textgen.runtime.device import choose_device, seeded
from textgen.runtime.environment import machine, versions
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, to_json, to_values
from textgen.runtime.this_process import keep_freed_memory
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import parse_budget
from textgen.training.loop import train
from textgen.training.trainer import Trainer
from textgen.training.validation import Validation

RESULT = Path(__file__).parents[1] / "results" / "decay.json"
ENTRIES = ("word-lstm-glove:num_validations=1", "word-lstm-word2vec:num_validations=1")
ARMS = ("to zero", "none", "to the start")
"""Where weight decay pulls the rows of the table: those that were found towards their pretrained vectors in
the last arm, and the others towards zero. With "none", no row decays."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One training run."""

    corpus: str
    entry: str
    budget: str
    arm: str
    seed: int
    bits_per_char: float
    """On validation."""
    row_length: float
    """Mean length of the rows that were found, after training; it is .99 or so before."""
    num_updates: int

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What determines the run."""
        return self.corpus, self.entry, self.budget, self.arm, self.seed


@cache
def prepared(name: str, entry_name: str) -> tuple[Corpus, Entry, Encoded, PretrainedVectors, Vocabulary]:
    """Return what all runs of an entry on a text share, with the size of the vocabulary."""
    corpus, entry = load_corpus([name]), parse_entry(entry_name)
    tokenizer = entry.build_tokenizer()
    encoded = encode_corpus(entry, tokenizer, corpus)
    vectors, _ = embed(entry, tokenizer, corpus.split.train.text, encoded.train)
    if vectors is None:
        sys.exit(f"error: entry {entry_name!r} has no embedding; give one such as {ENTRIES[0]}")
    return corpus, entry, encoded, vectors, tokenizer.vocabulary


def set_decay(trainer: Trainer, table: nn.Parameter, found: torch.Tensor, arm: str) -> None:
    """Put the table in a group of its own, whose weight decay is that of the arm."""
    ((optimizer, group),) = (
        (optimizer, group)
        for optimizer in trainer.optimizers
        for group in optimizer.param_groups
        if any(parameter is table for parameter in group["params"])
    )
    group["params"] = [parameter for parameter in group["params"] if parameter is not table]
    decay = trainer.options.weight_decay
    optimizer.add_param_group({"params": [table], "weight_decay": decay if arm == "to zero" else 0.0})
    if arm == "to the start":
        target = torch.where(found[:, None], table.detach(), 0.0)

        def pull(optimizer: torch.optim.Optimizer, *_: Any) -> None:
            table.data.lerp_(target, optimizer.param_groups[-1]["lr"] * decay)

        optimizer.register_step_pre_hook(pull)


def measure(name: str, entry_name: str, budget: str, arm: str, seed: int) -> Measured:
    """Train and validate once."""
    corpus, entry, encoded, vectors, vocabulary = prepared(name, entry_name)
    device_config, options = choose_device("cpu"), entry.train_options()
    with seeded(seed, device_config.device):
        model = entry.build_model(vocabulary, vectors)
    model.count_spellings(encoded.train)
    held_out = tuple(map(model.tokens_read, encoded.validation))
    encoded, model = encoded.read_by(model), model.reader
    table = next(layer for layer in model.module.modules() if isinstance(layer, TokenEmbedding)).weight
    batches = ContiguousBatches(encoded.train, options.batch_size, options.longest_sequence, seed)
    trainer = Trainer(model, batches, options, device_config, seed)
    set_decay(trainer, table, vectors.found, arm)

    validate = Validation(model, held_out, len(corpus.split.validation), device_config)

    chars_per_token = len(corpus.split.train) / len(encoded.train)
    result = train(trainer, parse_budget(budget), chars_per_token, validate)
    return Measured(
        corpus=name,
        entry=entry_name,
        budget=budget,
        arm=arm,
        seed=seed,
        bits_per_char=min(each.validation_bits_per_char or float("inf") for each in result.curve),
        row_length=float(table.detach()[vectors.found].norm(dim=1).mean()),
        num_updates=result.num_updates,
    )


def effects(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return the change of each arm against decay to zero: its mean over seeds, paired, and 95 % interval."""
    bits = {each.key: each.bits_per_char for each in measured}
    cases = dict.fromkeys((each.corpus, each.entry, each.budget) for each in measured)
    seeds = sorted({each.seed for each in measured})
    found = []
    for (corpus, entry, budget), arm in product(cases, ARMS[1:]):
        pairs = [[bits.get((corpus, entry, budget, each, seed)) for each in (arm, ARMS[0])] for seed in seeds]
        changes = [ours - theirs for ours, theirs in pairs if ours is not None and theirs is not None]
        if len(changes) > 1:
            interval = ttest_1samp(changes, 0.0).confidence_interval(0.95)
            found.append(
                {
                    "corpus": corpus,
                    "entry": entry,
                    "budget": budget,
                    "arm": arm,
                    "num_seeds": len(changes),
                    "change": fmean(changes),
                    "interval": [float(interval.low), float(interval.high)],
                }
            )
    return found


def write(path: Path, measured: Sequence[Measured], corpora: dict[str, Any]) -> None:
    """Write all runs, the changes that follow from them, and what they depend on."""
    result = {
        "schema_version": SCHEMA_VERSION,
        "corpora": corpora,
        "device": "cpu",
        "precision": choose_device("cpu").precision,
        "versions": versions(),
        "machine": machine(),
        "effects": effects(measured),
        "runs": [asdict(each) for each in measured],
    }
    write_file(path, to_json(result))


def main() -> None:
    """Measure what is missing in the file, and print the changes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", action="append", help="default: wiki")
    parser.add_argument("--entry", action="append", help=f"default: {', '.join(ENTRIES)}")
    parser.add_argument("--budget", default="1700kchars")
    parser.add_argument("--arm", action="append", choices=ARMS, help="default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=RESULT)
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    known = json.loads(options.json.read_text("utf-8")) if options.json.exists() else {}
    measured = [Measured(**run) for run in known.get("runs", [])]
    corpora = known.get("corpora", {})
    texts, entries, arms = options.corpus or ["wiki"], options.entry or ENTRIES, options.arm or ARMS
    for seed, corpus, entry, arm in product(range(options.seeds), texts, entries, arms):
        if (corpus, entry, options.budget, arm, seed) in {each.key for each in measured}:
            continue
        info = to_values(prepared(corpus, entry)[0].info)
        if corpora.setdefault(corpus, info) != info:
            sys.exit(
                f"error: {options.json} has runs on another text or split of {corpus}; give another --json"
            )
        measured.append(measure(corpus, entry, options.budget, arm, seed))
        write(options.json, measured, corpora)
        print(f"{seed} {corpus} {entry} {arm}: {measured[-1].bits_per_char:.4f}", file=sys.stderr)
    print_rows(effects(measured))


if __name__ == "__main__":
    main()
