"""Speed of training and generation relative to plain loops: `python -m textgen_benchmarks.speed`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from textgen.data.corpus import load_corpus
from textgen.experiment.encoding import embed
from textgen.experiment.entry import parse_entry
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.generator import Generator
from textgen.page.markdown import table_lines
from textgen.runtime.device import PRECISIONS, DeviceConfig, choose_device, seeded
from textgen.runtime.environment import machine, versions
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, to_json
from textgen.runtime.this_process import keep_freed_memory
from textgen.training.batches import ContiguousBatches
from textgen.training.trainer import Trainer
from textgen_benchmarks.reference import has_keras, keras_windows, plain_generation, plain_training
from textgen_benchmarks.remote import remote
from textgen_benchmarks.timing import Comparison, SpeedRow, Work, compare, matmul_peak

HEADER = ["what", "ours", "reference", "ratio (range)", "GFLOP/s (of the peak)"]
CHAR, WORD = "char-lstm:optimizer=adamw", "word-lstm-glove:optimizer=adamw,min_count=1,max_words=20000"
"""Entries with the optimizer of the reference, so that both compute the same."""
KEEPS = {False: "", True: " that keeps its memory, as ours does"}
"""Suffix of a name, by whether the reference's process has textgen's allocator settings (see `remote`)."""
NUM_CHARS = 400
"""Characters per sample."""


class Ours:
    """An entry on the `wiki` corpus, ready to be trained and to generate."""

    def __init__(self, name: str, text: str, device_config: DeviceConfig) -> None:
        self.entry, self.device_config = parse_entry(name), device_config
        self.tokenizer = self.entry.build_tokenizer()
        self.tokenizer.fit(text)
        self.ids = np.asarray(self.tokenizer.encode(text))
        self.vocab_size = len(self.tokenizer.tokens)
        vectors, _ = embed(self.entry, self.tokenizer, text, self.ids)
        with seeded(0, device_config.device):
            self.model = self.entry.build_model(self.tokenizer.vocabulary, vectors)
        self.model.count_spellings(self.ids)
        self.ids = self.model.tokens_read(self.ids)
        self.model.to(device_config.device)
        options = self.entry.train_options()
        self.options = replace(options, sequence_length=options.longest_sequence)
        self.batch_shape = (self.options.batch_size, self.options.longest_sequence)

    def training(self, num_updates: int) -> Work:
        """Return the work of `num_updates` updates, in tokens."""
        batches = ContiguousBatches(self.ids, self.options.batch_size, self.options.longest_sequence, 0)
        trainer = Trainer(self.model.reader, batches, self.options, self.device_config, 0)
        self.model.module.train()

        def work() -> int:
            for _ in range(num_updates):
                trainer.start_update(0.5)
                if trainer.is_reading_due:  # as in a training run
                    trainer.read_losses()
            trainer.read_losses()
            return num_updates * batches.batch_size * batches.sequence_length

        return work

    def generation(self, batch_size: int) -> Work:
        """Return the work of writing `NUM_CHARS` characters in each of `batch_size` samples."""
        self.model.module.eval()
        generator = Generator(self.model, self.tokenizer, self.device_config)
        sampler = build_sampler("temperature:temperature=0.8")

        def work() -> int:
            texts = generator.generate([""] * batch_size, NUM_CHARS, sampler, range(batch_size))
            return sum(map(len, texts))

        return work


def comparisons(device_config: DeviceConfig, repetitions: int) -> Iterator[Comparison]:
    """Yield the comparison of each claim about speed."""
    text = load_corpus(["wiki"]).text[:]
    measure = partial(compare, repetitions=repetitions)
    char = Ours(CHAR, text, device_config)
    plain = partial(remote, plain_training, char.ids.astype(np.int64), char.batch_shape)
    # Two operations per weight in the forward pass, four in the backward pass.
    flops = 6.0 * sum(p.numel() for p in char.model.module.parameters() if p.ndim == 2)
    training = char.training(30)
    size = {"vocab_size": char.vocab_size}
    for precision, keeps_memory in (("fp32", False), ("fp32", True), (device_config.precision, True)):
        name = (
            f"training char-lstm with AdamW, against a plain {precision} loop with Adam{KEEPS[keeps_memory]}"
        )
        same = DeviceConfig(device_config.device, precision)
        with plain(same, 30, size, keeps_memory=keeps_memory) as reference:
            yield measure(name, "chars", ours=training, reference=reference, flops=flops)
    if has_keras():
        name = "the same, against the original's windows in Keras"
        with remote(keras_windows) as reference:
            yield measure(name, "targets", ours=training, reference=reference)
    muon = Ours("char-lstm:optimizer=muon", text, device_config).training(30)
    yield measure("the same with Muon, against AdamW", "chars", ours=muon, reference=training)
    word = Ours(WORD, text, device_config)
    name = (
        f"training word-lstm-glove with AdamW, {word.vocab_size:,} tokens, "
        f"against a plain {device_config.precision} full softmax with Adam"
    )
    sizes = {"vocab_size": word.vocab_size, "embedding": 50}
    ids = word.ids.astype(np.int64)
    with remote(
        plain_training, ids, word.batch_shape, device_config, 3, sizes, keeps_memory=True
    ) as reference:
        name += KEEPS[True]
        yield measure(name, "tokens", ours=word.training(10), reference=reference)
    for batch_size, keeps_memory in product((1, 64), (False, True)):
        name = f"generation with char-lstm, {batch_size} at a time, against a plain loop{KEEPS[keeps_memory]}"
        arguments = (char.vocab_size, batch_size, NUM_CHARS, device_config.device)
        with remote(plain_generation, *arguments, keeps_memory=keeps_memory) as reference:
            yield measure(name, "chars", ours=char.generation(batch_size), reference=reference)


def cells(row: SpeedRow) -> list[str]:
    """Return a row of the table."""
    low, high = row.ratio_range
    return [
        row.name,
        f"{row.ours:,.0f} {row.unit}",
        f"{row.reference:,.0f}",
        f"{row.ratio:.2f} ({low:.2f}-{high:.2f})",
        f"{row.gflops:,.0f} ({row.share_of_peak:.0%})" if row.gflops else "",
    ]


def main() -> None:
    """Measure, print a Markdown table and, with `--json`, save the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    keep_freed_memory()  # as the command line does
    device_config = choose_device(arguments.device)
    peak = matmul_peak(PRECISIONS[device_config.precision], device_config.device)
    print(
        f"{machine().processor}, {device_config.device.type} {device_config.precision}, "
        f"matmul peak {peak:,.0f} GFLOP/s\n"
    )
    rows = []
    for comparison in comparisons(device_config, arguments.repetitions):
        print(comparison.name, file=sys.stderr)
        rows.append(comparison.row(peak))
    print("\n".join(table_lines([HEADER, *map(cells, rows)], padded=True)))
    if arguments.json:
        result = {"machine": machine(), "versions": versions(), "peak_gflops": peak, "rows": rows}
        write_file(arguments.json, to_json({"schema_version": SCHEMA_VERSION, **result}))


if __name__ == "__main__":
    main()
