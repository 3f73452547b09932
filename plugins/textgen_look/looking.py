"""Looking at trained entries: all that is measured, on the held-out text that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import Trained, build_trained
from textgen.library.runs import Run, load
from textgen.results.names import find_runs
from textgen.runtime.device import CPU, choose_device
from textgen.runtime.messages import UsageError
from textgen.training.budget import parse_budget
from textgen.training.progress import Moment, Report, Step, filled_in
from textgen_look.contexts import Contexts, Place, choose_words, measure_contexts
from textgen_look.words import MAX_CHARS, HeldOutWords, WordBits, bits_of_chars

MAX_ENTRIES = 4
"""Entries that are looked at side by side."""
NGRAM, ORDER = "char-ngram:order=9", 9
"""The n-gram that entries are compared with, which knows `ORDER` - 1 characters."""


@dataclass(frozen=True, kw_only=True)
class WordsThen:
    """The bits of words at a moment of training whose weights are kept."""

    share: float
    """Of the budget."""
    words: WordBits


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """One entry."""

    name: str
    folder: str
    seed: int
    bits_per_char: float | None
    """Its score."""
    moments: tuple[Moment, ...]
    """What it wrote while it was trained."""
    contexts: Contexts
    words: WordBits
    learnt: tuple[WordsThen, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Look:
    """What entries learnt, when, and what they remember."""

    corpus: str
    part: str
    """The part of the text that words are of."""
    num_chars: int
    """The characters of it."""
    entries: tuple[LookedAt, ...]
    ngram: Contexts
    """The n-gram of `ORDER` characters, the last of which it predicts."""
    num_words: int
    """The words that contexts are measured by."""


def look_at(names: Sequence[str], device: str, report: Report) -> Look:
    """Inspect runs; see `textgen_look.look`."""
    folders = list(_folders(names))
    if not folders:
        raise UsageError("give at least one run to look at")
    if len(folders) > MAX_ENTRIES:
        raise UsageError(f"give up to {MAX_ENTRIES} runs to look at, not {len(folders)}")
    report(Step("reading the text"))
    runs = [load(folder, device=device) for folder in folders]
    corpus = text_of(runs)
    part = corpus.split.held_out
    stretches = list(part.first(MAX_CHARS).stretches())
    places = choose_words(part.stretches())
    if not places:
        raise TextgenError(f"the held-out text of {corpus.name!r} has no words to look at")
    words = HeldOutWords(stretches, str(corpus.split.train.text[:]))
    report(Step("counting n-grams"))
    ngram = measure_contexts(_counted(corpus), part.stretches(), places, CPU)
    return Look(
        corpus=corpus.name,
        part=corpus.split.scored_on,
        num_chars=sum(map(len, stretches)),
        entries=tuple(
            _looked_at(
                run, corpus, places, words, filled_in(report, entry=run.entry, index=number, total=len(runs))
            )
            for number, run in enumerate(runs, start=1)
        ),
        ngram=ngram,
        num_words=len(places),
    )


def _looked_at(
    run: Run, corpus: Corpus, places: Sequence[Place], words: HeldOutWords, report: Report
) -> LookedAt:
    """Inspect a run; its contexts end before the words at `places`."""
    split, device = corpus.split, run.config.device
    stretches = list(split.held_out.first(MAX_CHARS).stretches())
    report(Step("forgetting"))
    contexts = measure_contexts(run.saved, split.held_out.stretches(), places, device)
    report(Step("reading"))
    bits = words.costs(bits_of_chars(run.saved, stretches, device))
    score = run.result.test or run.result.validation
    return LookedAt(
        name=run.entry,
        folder=str(run.folder),
        seed=run.result.seed,
        bits_per_char=score.bits_per_char if score else None,
        moments=run.result.train.moments,
        contexts=contexts,
        words=words.at(bits, None),
        learnt=tuple(_words_then(run, stretches, words)),
    )


def _folders(names: Sequence[str]) -> Iterator[Path]:
    """Yield the runs that names mean; a bench alone stands for its best entries."""
    for name in names:
        yield from find_runs(name, MAX_ENTRIES if len(names) == 1 else 1)


def _counted(corpus: Corpus) -> Trained:
    """Return the n-gram of the training text."""
    entry = parse_entry(NGRAM)
    trained = Experiment(entry, corpus, parse_budget("1epochs"), choose_device("cpu", "fp32"), 0).train()
    tokenizer = entry.build_tokenizer()
    tokenizer.restore(dict(trained.tokenizer))
    return Trained(entry, tokenizer, build_trained(entry, tokenizer.vocabulary, None, trained.weights, CPU))


def text_of(runs: Sequence[Run]) -> Corpus:
    """Return the text that runs share; raises `TextgenError` if they do not, or it cannot be read again."""
    first = runs[0]
    if other := next((run for run in runs if run.settings.corpus != first.settings.corpus), None):
        raise TextgenError(
            f"{first.entry!r} and {other.entry!r} were not trained on the same text; give runs that share it"
        )
    return first.corpus()


def _words_then(run: Run, stretches: Sequence[str], words: HeldOutWords) -> Iterator[WordsThen]:
    """Yield the bits of words at each validation whose weights are kept."""
    before: NDArray[np.float64] | None = None
    for point in run.snapshots:
        then = load(run.folder, device=run.config.device.type, after=point.num_updates)
        costs = words.costs(bits_of_chars(then.saved, stretches, run.config.device))
        yield WordsThen(share=point.fraction, words=words.at(costs, before))
        before = costs
