"""`python -m textgen_benchmarks.speed`: training and generation against the plain way, as ratios."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textgen.bench import machine, versions
from textgen.corpus import load_corpus
from textgen.device import PRECISIONS, Compute, choose_compute, seeded
from textgen.entry import parse_entry
from textgen.experiment import embed
from textgen.generate import Generator
from textgen.options import build
from textgen.streams import Streams
from textgen.train import Trainer
from textgen_benchmarks.reference import PlainLSTM, PlainTraining, keras_windows, plain_generation
from textgen_benchmarks.timing import Comparison, Work, compare, matrix_product_peak

CHAR, WORD = "char-lstm", "word-lstm-glove:min_count=1,max_words=20000"
NUM_CHARS = 400
"""Characters per sample."""


class Ours:
    """An entry on the `wiki` corpus, ready to be trained and to generate."""

    def __init__(self, name: str, text: str, compute: Compute) -> None:
        self.entry, self.compute = parse_entry(name), compute
        self.tokenizer = self.entry.build_tokenizer()
        self.tokenizer.fit(text)
        self.ids = np.asarray(self.tokenizer.encode(text))
        self.vocab_size = len(self.tokenizer.tokens)
        vectors, _ = embed(self.entry, self.tokenizer, text, self.ids)
        with seeded(0, compute.device):
            self.model = self.entry.build_model(self.vocab_size, vectors).to(compute.device)
        self.options = self.entry.train_options()

    def training(self, num_updates: int) -> Work:
        """Return the work of so many updates, in tokens."""
        streams = Streams(self.ids, self.options.batch_size, self.options.sequence_length, 0)
        trainer = Trainer(self.model, streams, self.options, self.compute, 0)
        self.model.train()

        def work() -> int:
            for _ in range(num_updates):
                trainer.update(0.5)
            return num_updates * streams.batch_size * streams.sequence_length

        return work

    def generation(self, batch_size: int) -> Work:
        """Return the work of writing `NUM_CHARS` characters in each of `batch_size` samples."""
        generator = Generator(self.model.eval(), self.tokenizer, self.compute)
        sampler = build("sampler", "temperature:temperature=0.8")

        def work() -> int:
            texts = generator.generate([""] * batch_size, NUM_CHARS, sampler, range(batch_size))
            return sum(map(len, texts))

        return work

    def plain(self, precision: str, num_updates: int, **sizes: int) -> Work:
        """Return the reference's training on the same tokens and batches."""
        ids = torch.from_numpy(self.ids.astype(np.int64)).to(self.compute.device)
        model = PlainLSTM(self.vocab_size, **sizes).to(self.compute.device)
        compute = Compute(self.compute.device, precision)
        loop = PlainTraining(model, ids, self.options.batch_size, self.options.sequence_length, compute)
        return lambda: loop.run(num_updates)


def comparisons(compute: Compute, repetitions: int) -> Iterator[Comparison]:
    """Yield every claim, measured."""
    text = load_corpus(["wiki"]).text[:]
    measure = partial(compare, repetitions=repetitions)
    char = Ours(CHAR, text, compute)
    training = char.training(30)
    # Two operations per weight forward, four backward.
    flops = 6.0 * sum(p.numel() for p in char.model.parameters() if p.ndim == 2)
    for precision in dict.fromkeys(("fp32", compute.precision)):
        name = f"training char-lstm, against a plain {precision} loop"
        yield measure(name, "chars", ours=training, reference=char.plain(precision, 30), flops=flops)
    original = keras_windows()
    if original is not None:
        name = "training char-lstm, against the original's windows in Keras"
        yield measure(name, "targets", ours=training, reference=original)
    word = Ours(WORD, text, compute)
    vocabulary = f"{word.vocab_size:,} tokens"
    name = f"training word-lstm-glove, {vocabulary}, against a plain {compute.precision} full softmax"
    plain = word.plain(compute.precision, 3, embedding=50)
    yield measure(name, "tokens", ours=word.training(10), reference=plain)
    for batch_size in (1, 64):
        model = PlainLSTM(char.vocab_size).to(compute.device).eval()
        prompt = torch.zeros(batch_size, 1, dtype=torch.long, device=compute.device)
        reference = partial(plain_generation, model, prompt, NUM_CHARS)
        name = f"generation with char-lstm, {batch_size} at a time, against a plain loop"
        yield measure(name, "chars", ours=char.generation(batch_size), reference=reference)


def main() -> None:
    """Measure and print a Markdown table; save it as JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file to save the figures in")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    compute = choose_compute(arguments.device)
    peak = matrix_product_peak(PRECISIONS[compute.precision], compute.device)
    print(
        f"{machine()}, {compute.device.type} {compute.precision}, matrix product peak {peak:,.0f} GFLOP/s\n"
    )
    print(
        "| what | ours | reference | ratio (range) | GFLOP/s (of the peak) |\n| :-- | --: | --: | --: | --: |"
    )
    rows: list[dict[str, Any]] = []
    for comparison in comparisons(compute, arguments.repetitions):
        row = comparison.describe(peak)
        rows.append(row)
        low, high = row["ratio_range"]
        roof = f"{row['gflops']:,.0f} ({row['share_of_peak']:.0%})" if row["gflops"] else ""
        print(
            f"| {row['name']} | {row['ours']:,.0f} {row['unit']} | {row['reference']:,.0f} "
            f"| {row['ratio']:.2f} ({low:.2f}-{high:.2f}) | {roof} |"
        )
        sys.stdout.flush()
    if arguments.json:
        figures = {"machine": machine(), "versions": versions(), "peak_gflops": peak, "rows": rows}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
