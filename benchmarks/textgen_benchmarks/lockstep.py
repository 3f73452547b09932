"""The price of scores told token by token, and their distance from those of windows.

`python -m textgen_benchmarks.lockstep [CORPUS …] --json FILE` trains each entry for a moment and scores it in
both ways, one after the other: in windows here, and token by token in another process, as a comparison does.
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import torch

from textgen.data.corpus import load_corpus
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.hosts import ModelHost, ModelParts, TokenizerHost, assistants, encoded, frozen
from textgen.experiment.score_trained import score_told
from textgen.runtime.device import choose_device
from textgen.runtime.process_setup import keep_freed_memory
from textgen.training.budget import parse_budget
from textgen.workers.assistant import InThisProcess
from textgen_benchmarks.saving import json_option, save

ENTRIES = (
    "char-uniform",
    "char-ngram",
    "char-lstm",
    "char-gru",
    "char-transformer",
    "char-hier",
    "char-hier+ngram",
    "char-hier+ngram+mix",
    "word-ngram",
    "word-lstm-glove",
    "word-lstm+ngram-glove",
    "word-lstm+ngram+mix-glove",
    "bpe-lstm",
)
BUDGET = "200kchars"


def measure(name: str, source: str, split: str) -> dict[str, object]:
    """Return seconds of both ways, and the differences of their scores in bits."""
    config = choose_device("cpu")
    corpus = load_corpus([source], split=split)
    experiment = Experiment(parse_entry(name), corpus, parse_budget(BUDGET), config, 0)
    trained = experiment.train()
    record = trained.record
    tokenizes = InThisProcess(partial(TokenizerHost.of, record.entry, trained.tokenizer))
    tokenizer, texts = frozen(tokenizes), corpus.split.held_out.stretches()
    ids = encoded(tokenizes, tokenizer, texts)
    parts = ModelParts(record.entry, tokenizer.vocabulary, record.embedding, trained.weights, config.device)
    model = ModelHost(parts).model
    began = time.perf_counter()
    windows = score_stretches(model, texts, ids, tokenizer.start_ids, device=config.device)
    window_seconds = time.perf_counter() - began
    opens = partial(assistants(()), partial(ModelHost, parts))
    host = opens()
    host.ask("describe")  # it has begun
    began = time.perf_counter()
    told, problem = score_told(host, parts, tokenizer, texts, ids, second=opens, max_seconds=1e9)
    told_seconds = time.perf_counter() - began
    host.end()
    pairs = zip(told.scores, windows, strict=True)
    differences = np.concatenate([one.bits - other.bits for one, other in pairs])
    num_chars = sum(map(len, texts))
    return {
        "entry": name,
        "corpus": corpus.name,
        "split": split,
        "stretches": len(texts),
        "num_chars": num_chars,
        "window_seconds": round(window_seconds, 2),
        "told_seconds": round(told_seconds, 2),
        "bits_per_char": sum(float(each.bits.sum()) for each in told.scores) / num_chars,
        "difference_per_char": float(differences.sum()) / num_chars,
        "largest_difference": float(np.abs(differences).max()),
        "problem": problem,
    }


def main() -> None:
    """Measure the entries on each corpus."""
    parser = json_option(__doc__)
    parser.add_argument("corpus", nargs="*", default=["wiki"])
    parser.add_argument("--split", default="90/5/5")
    parser.add_argument("--entries", default=" ".join(ENTRIES))
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    rows = []
    for source in options.corpus:
        for name in options.entries.split():
            row = measure(name, source, options.split)
            print(
                f"{row['corpus']} {name}: {row['window_seconds']} s, token by token {row['told_seconds']} s; "
                f"difference {row['difference_per_char']:.1g} bits per character, "
                f"{row['largest_difference']:.1g} in a token {row['problem'] or ''}",
                flush=True,
            )
            rows.append(row)
    save(options.json, rows=rows, num_threads=torch.get_num_threads())


if __name__ == "__main__":
    main()
