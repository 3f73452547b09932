"""The pace of an entry's updates of one size. A program that prints JSON."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import Counter
from dataclasses import replace
from typing import Any

import torch

from textgen import defaults
from textgen.data.corpus import load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.runtime.device import choose_device, seeded
from textgen.runtime.output import say
from textgen.training.batches import ContiguousBatches
from textgen.training.trainer import Trainer

SECONDS, NUM_WATCHED = 3.0, 5
"""Time for which updates are done, and those in which waits for a GPU are counted."""


def pace_of(name: str, streams: int, length: int, compiles: bool, device: str) -> dict[str, Any]:
    """Return tokens and characters per second, the seconds of the first update, memory, and what waits.

    Each update reads `length` tokens of each of `streams`.
    """
    config, entry, text = choose_device(device), parse_entry(name), load_corpus([defaults.CORPUS]).text[:]
    tokenizer = entry.build_tokenizer()
    tokenizer.fit(text)
    ids = tokenizer.encode(text)
    with seeded(0, config.device):
        model = entry.build_model(tokenizer.vocabulary)
    model.count_text(ids)
    options = replace(entry.train_options(), batch_size=streams, sequence_length=length, compile=compiles)
    batches = ContiguousBatches(model.tokens_read(ids), streams, length, 0)
    trainer = Trainer(model.to(config.device).reader, batches, options, config, 0)
    model.module.train()
    began = time.perf_counter()
    trainer.update(0.5)
    first_seconds = time.perf_counter() - began
    trainer.update(0.5)  # one with a state is compiled again
    waits = waited_for(trainer) if config.device.type == "cuda" else {}
    began, before = time.perf_counter(), batches.num_tokens
    while time.perf_counter() - began < SECONDS:
        trainer.start_update(0.5)
        if trainer.is_reading_due:
            trainer.read_losses()
    trainer.read_losses()
    seconds, num_tokens = time.perf_counter() - began, batches.num_tokens - before
    return {
        "precision": config.precision,
        "tokens_per_update": batches.batch_size * batches.sequence_length,
        "tokens_per_second": num_tokens / seconds,
        "chars_per_second": num_tokens / seconds * len(text) / len(ids),
        "update_seconds": seconds * batches.batch_size * batches.sequence_length / num_tokens,
        "first_update_seconds": first_seconds,
        "micro_batches": trainer.micro_batches,
        "memory_bytes": torch.cuda.max_memory_allocated() if config.device.type == "cuda" else None,
        "waits_per_update": waits,
    }


def waited_for(trainer: Trainer) -> dict[str, float]:
    """Return how often an update waits for the GPU, by the line that asks for it, as torch tells."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            for _ in range(NUM_WATCHED):
                trainer.start_update(0.5)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    trainer.read_losses()
    lines = Counter(f"{each.filename}:{each.lineno}" for each in caught if "synchroniz" in str(each.message))
    return {line: number / NUM_WATCHED for line, number in lines.items()}


if __name__ == "__main__":
    name, streams, length, compiles, device = sys.argv[1:]
    say(json.dumps(pace_of(name, int(streams), int(length), compiles == "yes", device)))
