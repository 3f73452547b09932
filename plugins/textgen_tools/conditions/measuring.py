"""What labels are worth: the bits of held-out text with each label, without any, and texts by label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.data.cleaning import DOCUMENT_END
from textgen.data.corpus import Corpus
from textgen.data.labels import Label, without_signs
from textgen.evaluation.intervals import SHIPPED_PRIORS, MeasuredValue, difference, estimate
from textgen.evaluation.scoring import ScoredUnits
from textgen.experiment.entry_result import EntryResult
from textgen.library.runs import Run, load
from textgen.results.judge import score_sample
from textgen.results.names import HAS_RUNS, find
from textgen.results.row import row_of
from textgen.runtime.messages import UsageError
from textgen.training.progress import Report, Step
from textgen_tools.conditions.recognition import LabelClassifier, pieces, share
from textgen_tools.conditions.result import ByLabel, EntryByLabel, LabelledText
from textgen_tools.inside.looking import text_of
from textgen_tools.inside.reading import bits_of_chars

MAX_CHARS = 100_000
"""Characters of the held-out text that are scored with each label."""
MIN_PARAGRAPH = 100
"""Characters of a paragraph whose label can be told."""
Bits = list[NDArray[np.float64]]
"""By stretch: the bits of each character, signs left out."""


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Held-out stretches with signs, and whose each character is."""

    stretches: Sequence[str]
    labels: Sequence[Label]

    @cached_property
    def plain(self) -> list[str]:
        """The stretches without signs."""
        return [without_signs(text, self.labels) for text in self.stretches]

    @cached_property
    def is_sign(self) -> list[NDArray[np.bool_]]:
        """By stretch: which characters are signs."""
        signs = {each.sign for each in self.labels}
        return [np.array([char in signs for char in text]) for text in self.stretches]

    @cached_property
    def owners(self) -> list[NDArray[np.int64]]:
        """By stretch: the index of the label of each character but signs; each stretch begins with a sign."""
        index = {each.sign: place for place, each in enumerate(self.labels)}
        found = []
        for text, is_sign in zip(self.stretches, self.is_sign, strict=True):
            signs = np.array([index[char] for char in np.array(list(text))[is_sign]])
            found.append(signs[np.cumsum(is_sign) - 1][~is_sign])
        return found

    @cached_property
    def paragraphs(self) -> list[NDArray[np.int64]]:
        """By stretch: the index of the paragraph of each character but signs."""
        return [(np.cumsum(is_sign) - 1)[~is_sign] for is_sign in self.is_sign]

    def bits(self, run: Run, given: Label | None = None) -> Bits:
        """Return the bits of a run that is given one label everywhere, or those of the text."""
        texts = self.stretches
        if given:
            texts = [text.translate({ord(each.sign): given.sign for each in self.labels}) for text in texts]
        found = _bits_of_paragraphs(run, texts)
        return [bits[~is_sign] for bits, is_sign in zip(found, self.is_sign, strict=True)]

    def bits_without(self, run: Run) -> Bits:
        """Return the bits of a run that was trained without labels."""
        return _bits_of_paragraphs(run, self.plain)

    def measured(self, runs: Sequence[Run], found: Sequence[Bits], label: int | None = None) -> MeasuredValue:
        """Return the bits per character that runs of one entry need for all text, or for that of a label."""
        is_of = [owners == label if label is not None else owners >= 0 for owners in self.owners]
        sizes = [int(each.sum()) for each in is_of]
        rows = [
            replace(
                row_of(EntryResult(**vars(run.result)), "test" if run.result.test else "validation"),
                problem=None,
                units=ScoredUnits(
                    tuple(filter(None, sizes)),
                    tuple(
                        float(each[mask].sum())
                        for each, mask, size in zip(bits, is_of, sizes, strict=True)
                        if size
                    ),
                ),
            )
            for run, bits in zip(runs, found, strict=True)
        ]
        value = score_sample(rows, SHIPPED_PRIORS["bits_per_char"], f"label {label}")
        assert value is not None
        return value

    def recognized(self, given: Sequence[Bits]) -> list[tuple[int, int]]:
        """Return the label of each long paragraph, and the one with which it costs least."""
        found = []
        for stretch, (owners, paragraphs) in enumerate(zip(self.owners, self.paragraphs, strict=True)):
            sizes = np.bincount(paragraphs)
            costs = np.array([np.bincount(paragraphs, bits[stretch], len(sizes)) for bits in given])
            for paragraph in np.flatnonzero(sizes >= MIN_PARAGRAPH):
                own, cost = int(owners[np.argmax(paragraphs == paragraph)]), costs[:, paragraph]
                best = int(cost.argmin()) if (cost == cost.min()).sum() == 1 else -1  # which tells nothing
                found.append((own, best))
        return found


def _bits_of_paragraphs(run: Run, texts: Sequence[str]) -> Bits:
    """Return the bits of each character of texts, before which a paragraph has ended as in training."""
    found = bits_of_chars(run.saved, [DOCUMENT_END + text for text in texts], run.config.device)
    return [bits[len(DOCUMENT_END) :] for bits in found]


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How texts are written: `number` for each label."""

    number: int
    num_chars: int
    sampler: str
    seed: int


def measure(
    names: Sequence[str], against: Sequence[str], writing: Writing, device: str, report: Report
) -> ByLabel:
    """Return what labels are worth; see `textgen_tools.labels`."""
    runs, others = _by_entry(names, device), _by_entry(against, device)
    first = next(iter(runs.values()))
    report(Step("reading the text"))
    corpus = text_of([run for each in runs.values() for run in each])
    if not corpus.labels:
        raise UsageError("the text has no labels; train with --condition")
    stretches = corpus.split.held_out.first(MAX_CHARS).stretches()
    labels = tuple(each for each in corpus.labels if any(each.sign in text for text in stretches))
    if len(labels) < 2:
        raise UsageError(f"only {labels[0].name!r} has held-out text; give more text, or another split")
    held_out = _HeldOut(stretches, labels)
    if others:
        if any(_settings(own[0]) != _settings(others.get(name, own)[0]) for name, own in runs.items()):
            raise UsageError("the runs without labels have another budget or precision; train both alike")
        _check_same(corpus, text_of([run for each in others.values() for run in each]), others.keys() & runs)
    train = _by_label(corpus.split.train.text[:], corpus.labels)
    known = {each.name: list(pieces(train[each.name], writing.num_chars)) for each in labels}
    if not all(known.values()):
        raise UsageError(
            f"a label has fewer than {writing.num_chars} characters of training; give a --length"
        )
    classifier = LabelClassifier.of(known)
    tested = [
        name == classifier.label(piece)
        for name, text in _by_label("".join(held_out.stretches), labels).items()
        for piece in pieces(text, writing.num_chars)
    ]
    entries, paragraphs = [], [0] * len(labels)
    for number, (name, own) in enumerate(runs.items(), start=1):

        def tell(state: str, number: int = number, name: str = name) -> None:
            report(Step(state, name, index=number, total=len(runs)))

        tell("scoring")
        entry, found = _measured(name, own, others.get(name, []), held_out)
        tell("writing")
        texts = tuple(_written(own[0], labels, writing, classifier))
        right = sum(text.label == text.taken_for for text in texts)
        paragraphs = [sum(each == place for each, _ in found) for place in range(len(labels))]
        recognized = share(right, len(texts))
        entries.append(replace(entry, samples=texts, samples_recognized=recognized))
    condition = first[0].saved.sources.condition
    return ByLabel(
        corpus=corpus.name,
        condition=condition or "",
        part=corpus.split.scored_on,
        num_chars=sum(map(len, held_out.plain)),
        labels=labels,
        paragraphs=tuple(paragraphs),
        entries=tuple(entries),
        classifier=share(sum(tested), len(tested)),
        sample_chars=writing.num_chars,
        sampler=writing.sampler,
    )


def _by_entry(names: Sequence[str], device: str) -> dict[str, list[Run]]:
    """Return the runs that names mean by their entries; a bench stands for all of its runs."""
    runs: dict[str, list[Run]] = {}
    for folder in dict.fromkeys(folder for name in names for folder in _folders(name)):
        run = load(folder, device=device)
        runs.setdefault(run.entry, []).append(run)
    for name, own in runs.items():
        if len({run.settings.seed for run in own}) < len(own) or len(set(map(_settings, own))) > 1:
            raise UsageError(f"the runs of {name!r} differ in more than the seed; give those of one bench")
    return runs


def _settings(run: Run) -> tuple[str, str]:
    return run.settings.budget, run.settings.precision


def _folders(name: str) -> Sequence[Path]:
    found = find(name, chosen=HAS_RUNS)
    return [found.path] if found.is_run else sorted(found.runs)


def _check_same(corpus: Corpus, other: Corpus, shared: set[str]) -> None:
    """Raise `UsageError` unless two corpora have the same parts but for signs, and an entry is in both."""
    is_same = not other.labels and all(
        without_signs(getattr(corpus.split, part).text[:], corpus.labels)
        == getattr(other.split, part).text[:]
        for part in ("train", "test")
    )
    if not is_same:
        raise UsageError("the runs without labels are of another text or split; train them on the same one")
    if not shared:
        raise UsageError("no entry is among both; give runs of the same entries")


def _by_label(text: str, labels: Sequence[Label]) -> dict[str, str]:
    """Return the text of each label, without signs."""
    names = {each.sign: each.name for each in labels}
    found: dict[str, list[str]] = {each.name: [] for each in labels}
    own = labels[0].name
    begin = 0
    for place, char in enumerate(text):
        if char in names:
            found[own].append(text[begin:place])
            own, begin = names[char], place + 1
    found[own].append(text[begin:])
    return {name: "".join(parts) for name, parts in found.items()}


def _measured(
    name: str, runs: Sequence[Run], others: Sequence[Run], held_out: _HeldOut
) -> tuple[EntryByLabel, list[tuple[int, int]]]:
    """Return an entry without texts, and whose paragraphs are and are taken for."""
    labels = held_out.labels
    own = [held_out.bits(run) for run in runs]
    given = [[held_out.bits(run, label) for run in runs] for label in labels]
    with_labels, rows = held_out.measured(runs, own), list[tuple[MeasuredValue, ...]]()
    for place in range(len(labels)):
        rows.append(tuple(held_out.measured(runs, found, place) for found in given))
    found = held_out.recognized([each[0] for each in given])
    others_bits = [held_out.bits_without(run) for run in others]
    entry = EntryByLabel(
        name=name,
        folder=str(runs[0].folder),
        num_seeds=len(runs),
        bits_per_char=estimate(with_labels),
        without=difference(with_labels, held_out.measured(others, others_bits)) if others else None,
        given=tuple(
            tuple(estimate(_within_runs(each, row[place])) for each in row) for place, row in enumerate(rows)
        ),
        own=tuple(estimate(row[place]) for place, row in enumerate(rows)),
        recognized=share(sum(own == best for own, best in found), len(found)),
        samples_recognized=share(0, 0),
        samples=(),
    )
    return entry, found


def _within_runs(value: MeasuredValue, own: MeasuredValue) -> MeasuredValue:
    """Return the difference of values of the same runs, whose seeds are the same too."""
    found = value.pseudovalues - own.pseudovalues
    return replace(value, values=value.values - own.values, pseudovalues=found, prior=None)


def _written(
    run: Run, labels: Sequence[Label], writing: Writing, classifier: LabelClassifier
) -> Iterator[LabelledText]:
    """Yield texts for each label."""
    settings: dict[str, Any] = {"length": writing.num_chars, "sampler": writing.sampler, "seed": writing.seed}
    for label in labels:
        for seed, text in enumerate(run.samples(writing.number, label=label.name, **settings), writing.seed):
            yield LabelledText(label=label.name, seed=seed, text=text, taken_for=classifier.label(text))
