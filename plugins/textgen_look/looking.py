"""Looking at trained entries: all that is measured, on the held-out text that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_again
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import Trained, build_trained
from textgen.library.runs import Run, load
from textgen.results.names import find_runs
from textgen.runtime.device import CPU, choose_device
from textgen.runtime.messages import UsageError
from textgen.training.budget import parse_budget
from textgen.training.progress import Report, Step, filled_in
from textgen_look.cells import find_cells
from textgen_look.contexts import Place, choose_words, measure_contexts
from textgen_look.mistakes import count_words, find_mistakes
from textgen_look.reading import MAX_CHARS, bits_of_chars
from textgen_look.result import Look, LookedAt, WordsThen
from textgen_look.words import HeldOutWords

MAX_ENTRIES = 4
"""Entries that are looked at side by side."""
NGRAM, ORDER = "char-ngram:order=9", 9
"""The n-gram that entries are compared with, which knows `ORDER` - 1 characters."""
Bits = list[NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class _Text:
    """The text that entries share."""

    corpus: Corpus
    stretches: list[str]
    """The beginnings of the scored stretches that are read."""
    words: HeldOutWords
    places: Sequence[Place]
    """The words before which contexts are cut."""
    analyzer: TextAnalyzer


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
    counts = count_words(str(corpus.split.train.text[:]))
    report(Step("counting n-grams"))
    ngram = _counted(corpus)
    places = choose_words(part.stretches())
    if not places:
        raise TextgenError(f"the held-out text of {corpus.name!r} has no words to look at")
    analyzer = TextAnalyzer(corpus.split.train.text, load_lexicon(corpus.language), corpus.language)
    text = _Text(corpus, stretches, HeldOutWords(stretches, counts), places, analyzer)
    looked = [
        _looked_at(run, text, filled_in(report, entry=run.entry, index=number, total=len(runs)))
        for number, run in enumerate(runs, start=1)
    ]
    costs = [bits for _, bits in looked]
    of_ngram = bits_of_chars(ngram, stretches, CPU)
    by_word = any(run.saved.tokenizer.table.num_chars.max() > 1 for run in runs)
    return Look(
        corpus=corpus.name,
        part=corpus.split.scored_on,
        num_chars=sum(map(len, stretches)),
        entries=tuple(_with_known([entry for entry, _ in looked], costs, text.words)),
        ngram=measure_contexts(ngram, part.stretches(), places, CPU),
        ngram_order=ORDER,
        mistakes=find_mistakes(stretches, costs, of_ngram, counts, by_word=by_word),
        by_word=by_word,
        num_words=len(places),
    )


def _looked_at(run: Run, text: _Text, report: Report) -> tuple[LookedAt, Bits]:
    """Return what is found in a run, and the bits of each character of the stretches."""
    split, device = text.corpus.split, run.config.device
    report(Step("reading"))
    bits = bits_of_chars(run.saved, text.stretches, device)
    report(Step("looking at units"))
    cells = find_cells(run.saved, split.validation.stretches(), text.corpus.language, device)
    report(Step("forgetting"))
    contexts = measure_contexts(run.saved, split.held_out.stretches(), text.places, device)
    report(Step("looking back"))
    score = run.result.test or run.result.validation
    moments = run.result.train.moments
    entry = LookedAt(
        name=run.entry,
        folder=str(run.folder),
        seed=run.result.seed,
        bits_per_char=score.bits_per_char if score else None,
        moments=moments,
        made_up=tuple(text.analyzer.made_up_share(each.text) for each in moments),
        learnt=tuple(_words_then(run, text)),
        cells=cells,
        contexts=contexts,
        words=text.words.at(text.words.costs(bits), None),
    )
    return entry, bits


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
    known = first.settings.corpus
    if not first.saved.sources.are_kept:
        raise TextgenError(f"the text of {first.entry!r} was not kept; train on a file or a corpus by name")
    corpus = load_again(first.saved.sources, known)
    if replace(corpus.info, name=known.name) != known:
        raise TextgenError(f"{known.name!r} has changed since {first.entry!r} was trained; train it again")
    return corpus


def _words_then(run: Run, text: _Text) -> Iterator[WordsThen]:
    """Yield the bits of words at each validation whose weights are kept."""
    before: NDArray[np.float64] | None = None
    for point in run.snapshots:
        then = load(run.folder, device=run.config.device.type, after=point.num_updates)
        costs = text.words.costs(bits_of_chars(then.saved, text.stretches, run.config.device))
        yield WordsThen(share=point.fraction, words=text.words.at(costs, before))
        before = costs


def _with_known(
    entries: Sequence[LookedAt], costs: Sequence[Bits], words: HeldOutWords
) -> Iterator[LookedAt]:
    """Yield entries with the words that each knows better than another."""
    by_entry = [words.costs(each) for each in costs]
    known = {
        (one, other): words.known_to_one(by_entry[one], by_entry[other])
        for one, other in permutations(range(len(entries)), 2)
    }
    for one, entry in enumerate(entries):
        yield replace(entry, known={entries[b].name: found for (a, b), found in known.items() if a == one})
