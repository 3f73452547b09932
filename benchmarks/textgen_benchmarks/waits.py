"""What the CPU would wait for a card for: `python -m textgen_benchmarks.waits ENTRY…`, or bundled ones.

Entries are trained, scored and write on a card that is pretended (`textgen_kit.pretend_card`), so a tensor
that was left on the CPU is an error. Each wait is counted with the line that asks for it: per update of
training, per window of validation, and per token that is written, as the difference between twice as many and
as many of them. The table is printed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from textgen.data.bound_tokenizer import START
from textgen.data.corpus import Corpus, load_corpus
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import Trained, build_trained
from textgen.generation.bound_sampler import build_sampler
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen_kit.pretend_card import CARD, pretend_card

TRAINING = "batch_size=4,num_validations=2"
NETWORK = f"num_layers=1,hidden_size=16,sequence_length=16,{TRAINING}"
ENTRIES = (
    *(f"{name}:{NETWORK}" for name in ("char-lstm", "char-gru", "char-transformer", "bpe-lstm")),
    f"original:{TRAINING}",
    f"char-hier:hidden_size=16,sequence_length=16,{TRAINING}",
    *(
        f"{name}:{NETWORK}"
        for name in ("word-lstm", "word-lstm-word2vec", "char-lstm+ngram", "char-lstm+words")
    ),
    f"word-lstm:softmax=adaptive,{NETWORK}",
    *(f"{name}:{NETWORK}" for name in ("char-lstm+match", "char-lstm+mix")),
    "char-ngram",
    "random",
)
CORPUS, MAX_CHARS = "lee", 8000
NUM_UPDATES, NUM_TOKENS, WINDOW = 10, 40, 64


@dataclass(frozen=True)
class Waits:
    """How often the CPU waits for a card, by the line that asks for it."""

    per_update: dict[str, float]
    per_window: dict[str, float]
    per_token: dict[str, float]


def waits_of(spec: str, corpus: Corpus, precision: str = "fp32") -> Waits:
    """Return the waits of an entry; raises `RuntimeError` for tensors of two devices."""
    entry, config = parse_entry(spec), DeviceConfig(CARD, precision)
    with pretend_card() as card:

        def more(number: int, do: Callable[[int], Any]) -> dict[str, float]:
            """Return the waits of each of a number of things, by doing as many and twice as many."""
            counts = []
            for times in (number, 2 * number):
                card.waits.clear()
                do(times)
                counts.append(Counter(card.waits))
            return {line: count / number for line, count in (counts[1] - counts[0]).items()}

        def train(number: int) -> Any:
            budget = parse_budget(f"{number}updates")
            return Experiment(entry, corpus, budget, config, 0, chooses_copies=False).train()

        trained = train(NUM_UPDATES)
        record, tokenizer = trained.record, entry.build_tokenizer()
        tokenizer.restore(dict(trained.tokenizer))
        known = record.entry, tokenizer.vocabulary, record.embedding, trained.weights
        run = Trained(record.entry, tokenizer, build_trained(*known, CARD))
        text = corpus.split.train.text[:]
        ids, start = tokenizer.encode(text), tokenizer.encode(START)
        sampler, generator = build_sampler("temperature"), run.generator(config)

        def score(number: int) -> Any:
            part = [ids[: number * WINDOW]]
            return score_stretches(run.model, [text], part, start, device=CARD, chunk=WINDOW)

        return Waits(
            more(NUM_UPDATES, train),
            more(2, score),
            more(NUM_TOKENS, lambda number: generator.generate(["The "], number, sampler, [0])),
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the waits of the entries that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="*", metavar="ENTRY")
    parser.add_argument("--precision", default="bf16")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    corpus = load_corpus([CORPUS], max_chars=MAX_CHARS)
    print("| entry | per update | per window of scoring | per written token |\n| :-- | --: | --: | --: |")
    for spec in options.entries or ENTRIES:
        found = waits_of(spec, corpus, options.precision)
        sums = (sum(each.values()) for each in vars(found).values())
        print(f"| `{spec.partition(':')[0]}` | {' | '.join(f'{each:.1f}' for each in sums)} |")
        for name, each in vars(found).items():
            for line, number in sorted(each.items()):
                print(f"    {name} {number:.1f} {line}")


if __name__ == "__main__":
    main()
