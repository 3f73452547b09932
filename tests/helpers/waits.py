"""How often the CPU would wait for a card, counted on one that is pretended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from helpers.pretend_card import CARD, pretend_card
from textgen.data.bound_tokenizer import START
from textgen.data.corpus import Corpus
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import Trained, build_trained
from textgen.generation.bound_sampler import build_sampler
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget

NUM_UPDATES, NUM_TOKENS, WINDOW = 10, 40, 64


@dataclass(frozen=True)
class Waits:
    """How often the CPU waits for a card, by the line that asks for it."""

    per_update: dict[str, float]
    per_window: dict[str, float]
    per_token: dict[str, float]


def waits_of(spec: str, corpus: Corpus, precision: str) -> Waits:
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
