"""Speed of training and generation relative to plain loops: `python -m textgen_benchmarks.speed`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec

import numpy as np

from textgen.cli.console import print_rows
from textgen.data.corpus import load_corpus
from textgen.experiment.encoding import embed
from textgen.experiment.entry_parser import parse_entry
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.generator import Generator
from textgen.runtime.device import PRECISIONS, DeviceConfig, choose_device, seeded
from textgen.runtime.environment import machine
from textgen.runtime.process_setup import keep_freed_memory
from textgen.training.batches import ContiguousBatches
from textgen.training.trainer import Trainer
from textgen_benchmarks.reference import keras_windows, plain_generation, plain_training
from textgen_benchmarks.saving import json_option, save
from textgen_benchmarks.timing import Work, compare, in_new_process, matmul_peak

CHAR, WORD = "char-lstm:optimizer=adamw", "word-lstm-glove:optimizer=adamw,min_count=1,max_words=20000"
"""Entries with the optimizer of the reference, so that both compute the same."""
KEEPS = " that keeps its memory, as ours does"
"""Suffix of the name of a reference whose process has textgen's allocator settings."""
NUM_CHARS = 400
"""Characters per sample."""


@dataclass(frozen=True)
class Claim:
    """Two pieces of work whose speeds are compared."""

    name: str
    unit: str
    ours: Work
    reference: Work
    flops: float = 0.0
    """Floating-point operations for each unit of ours."""


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
        self.model.count_text(self.ids)
        self.ids = self.model.tokens_read(self.ids)
        self.model.to(device_config.device)
        options = self.entry.train_options()
        self.options = replace(options, sequence_length=options.longest_sequence)
        self.batch_shape = (self.options.batch_size, self.options.longest_sequence)

    def training(self, num_updates: int) -> Work:
        """Return the work of `num_updates` updates, in tokens."""
        batches = ContiguousBatches(self.ids, self.options.most_streams, self.options.longest_sequence, 0)
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


def claims(device_config: DeviceConfig) -> Iterator[Claim]:
    """Yield each claim about speed; the process of its reference ends with the next one."""
    text = load_corpus(["wiki"]).text[:]
    char = Ours(CHAR, text, device_config)
    plain = partial(in_new_process, plain_training, char.ids.astype(np.int64), char.batch_shape)
    # Two operations per weight in the forward pass, four in the backward pass.
    flops = 6.0 * sum(p.numel() for p in char.model.module.parameters() if p.ndim == 2)
    training = char.training(30)
    size = {"vocab_size": char.vocab_size}
    for precision in ("fp32", device_config.precision):
        name = f"training char-lstm with AdamW, against a plain {precision} loop with Adam{KEEPS}"
        same = DeviceConfig(device_config.device, precision)
        with plain(same, 30, size, keeps_memory=True) as reference:
            yield Claim(name, "chars", training, reference, flops)
    if find_spec("keras"):
        with in_new_process(keras_windows) as reference:
            yield Claim("the same, against the original's windows in Keras", "targets", training, reference)
    muon = Ours("char-lstm:optimizer=muon", text, device_config).training(30)
    yield Claim("the same with Muon, against AdamW", "chars", muon, training, flops)
    word = Ours(WORD, text, device_config)
    name = (
        f"training word-lstm-glove with AdamW, {word.vocab_size:,} tokens, "
        f"against a plain {device_config.precision} full softmax with Adam{KEEPS}"
    )
    sizes = {"vocab_size": word.vocab_size, "embedding": 50}
    arguments = (word.ids.astype(np.int64), word.batch_shape, device_config, 3, sizes)
    with in_new_process(plain_training, *arguments, keeps_memory=True) as reference:
        yield Claim(name, "tokens", word.training(10), reference)
    for batch_size in (1, 64):
        name = f"generation with char-lstm, {batch_size} at a time, against a plain loop{KEEPS}"
        work = (char.vocab_size, batch_size, NUM_CHARS, device_config.device)
        with in_new_process(plain_generation, *work, keeps_memory=True) as reference:
            yield Claim(name, "chars", char.generation(batch_size), reference)


def main() -> None:
    """Measure, print the speeds and, with `--json`, save them."""
    parser = json_option(__doc__)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    device_config = choose_device(options.device)
    peak = matmul_peak(PRECISIONS[device_config.precision], device_config.device)
    print(
        f"{machine().processor}, {device_config.device.type} {device_config.precision}, "
        f"matmul peak {peak:,.0f} GFLOP/s\n"
    )
    rows = []
    for claim in claims(device_config):
        print(claim.name, file=sys.stderr)
        speeds = compare(claim.ours, claim.reference, options.repetitions)
        gflops = speeds.ours * claim.flops / 1e9 or None
        share = gflops / peak if gflops else None
        about = {"name": claim.name, "unit": f"{claim.unit}/s", "gflops": gflops, "share_of_peak": share}
        rows.append(about | asdict(speeds))
    print_rows(rows)
    save(options.json, peak_gflops=peak, rows=rows)


if __name__ == "__main__":
    main()
