"""Verification of what the runs of a comparison wrote and read, as the details of it hold it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import cycle
from typing import Any

import torch

from textgen.data.corpus import Corpus
from textgen.evaluation.text_metrics import TextAnalyzer, TextMetrics, load_lexicon
from textgen.experiment.entry_result import EntryResult, Freedom, Sample
from textgen.experiment.samples import SampleWriter
from textgen.experiment.saved_run import SavedRun
from textgen.generation.bound_sampler import build_sampler
from textgen.results.comparison import Comparison
from textgen.results.details import Details, MarkedSample, marked
from textgen.results.passages import PassageReading, choose_passages, read_passages
from textgen.results.verification import RELATIVE_TOLERANCE, Disagreement, VerificationCheck, compared
from textgen.results.verify_bench import row_name
from textgen.runtime.device import DeviceConfig

IN_DETAILS = "details.json/"
"""What the kinds of numbers in details begin with."""
SAME_FREEDOM = 0.1
"""Relative difference of a temperature that was found again, and of the entropy of choices, where texts are
not the same: on another machine a sample may differ from some character on."""
SAME_BITS, SAME_PER_MILLE = 2e-3, 2
"""The difference of rounded bits of tokens and of rounded probabilities."""


@dataclass
class WrittenAgain:
    """The texts that runs wrote, measured again; and what the runs do with the same passages now."""

    result: Comparison
    details: Details
    writer: SampleWriter
    config: DeviceConfig
    knows_words: bool
    """False if real words were looked up in lexicons that are not installed here."""
    num_written: int = 0
    num_same: int = 0
    """Runs that wrote again, and those of them that wrote the same texts."""
    other_freedom: list[Disagreement] = field(default_factory=list)
    readings: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """By run: as saved, and as read again."""
    unlikely: list[Disagreement] = field(default_factory=list)
    """Tokens that are not among the likeliest ones, or not with this probability."""

    @classmethod
    def of(
        cls, result: Comparison, details: Details, corpus: Corpus, device: torch.device
    ) -> WrittenAgain | None:
        """Return what is compared; None for results from before texts were kept."""
        if details.sample_chars is None:
            return None
        lexicon = load_lexicon(corpus.language)
        analyzer = TextAnalyzer(corpus.split.train.text, lexicon, corpus.language)
        stretches = corpus.split.held_out.stretches()
        writer = SampleWriter(stretches, analyzer, details.sample_chars, spells=details.spells)
        if result.prompts != tuple(writer.shown_prompts()):
            writer.prompts = result.prompts
        config = DeviceConfig(device, result.precision if result.device == device.type else "fp32")
        return cls(result, details, writer, config, lexicon.sources == result.lexicons)

    @cached_property
    def _metrics(self) -> list[str]:
        """The metrics that can be measured here."""
        names = [each.name for each in fields(TextMetrics)]
        return [name for name in names if self.knows_words or not name.startswith("real_word")]

    def checks(self) -> Iterator[VerificationCheck]:
        """Yield the checks of metrics, samples and marks, which need no run."""
        saved, again = dict[str, Any](), dict[str, Any]()
        for row in self.result.runs:
            name, texts = row_name(row), self._texts(row.name, row.seed, self.result.measured_sampler)
            metrics, pseudovalues = self._measured(texts)
            saved[name] = {
                "sample_metrics": self._known(row.sample_metrics),
                "metric_pseudovalues": self._known(row.metric_pseudovalues),
                "samples": {"seed": [sample.seed for sample in row.samples]},
            }
            again[name] = {
                "sample_metrics": metrics,
                "metric_pseudovalues": pseudovalues,
                "samples": {"seed": self._seeds(row.samples, row.seed)},
            }
            if self.knows_words:
                saved[name]["made_up_words"] = row.made_up_words
                again[name]["made_up_words"] = self.writer.made_up_words(texts, row.samples)
        held_out, author = self.result.held_out, self.writer.measure_held_out()
        saved["held_out"] = {
            "sample_metrics": self._known(held_out.sample_metrics),
            "pseudovalues": self._known(held_out.pseudovalues),
        }
        again["held_out"] = {
            "sample_metrics": self._known(author.metrics),
            "pseudovalues": {} if self.writer.passages_overlap else self._known(author.pseudovalues),
        }
        places = ["entries.*.sample_metrics", "entries.*.metric_pseudovalues"]
        places += ["held_out.sample_metrics", "held_out.pseudovalues"]
        covers = [
            "entries.*.samples.*.seed",
            *(f"{place}.{name}" for place in places for name in self._metrics),
        ]
        yield compared("metrics of kept texts", saved, again, covers=covers)
        yield self._check_of_details()

    def _check_of_details(self) -> VerificationCheck:
        """Return the check of the details but for what the runs read."""
        saved: dict[str, Any] = {"passages": self.details.passages}
        again: dict[str, Any] = {"passages": choose_passages(self.writer.held_out)}
        marks = [name for name in ("copied", "made_up") if self.knows_words or name == "copied"]
        unmarked = [(entry, list(map(_unmarked, entry.samples))) for entry in self.details.entries]
        for entry, found in zip(self.details.entries, marked(self.writer.analyzer, unmarked), strict=True):
            seed = self._first_seed(entry.name)
            saved[entry.name] = {
                "writing": {each.sampler: {"metrics": self._known(each.metrics)} for each in entry.writing},
                "samples": _fields(entry.samples, ["seed", *marks]),
            }
            texts = {each.sampler: self._texts(entry.name, seed, each.sampler) for each in entry.writing}
            again[entry.name] = {
                "writing": {spec: {"metrics": self._measured(each)[0]} for spec, each in texts.items()},
                "samples": {"seed": self._seeds(entry.samples, seed), **_fields(found.samples, marks)},
            }
        covers = ["passages", "sample_chars", "texts"]
        covers += [f"entries.*.writing.*.metrics.{name}" for name in self._metrics]
        covers += [f"entries.*.samples.*.{name}" for name in ("seed", *marks)]
        return compared("details", saved, again, covers=covers).within(IN_DETAILS)

    def _texts(self, name: str, seed: int, sampler: str) -> tuple[str, ...]:
        """Return the texts that a run wrote with a sampler; none if it wrote none."""
        wanted = (name, seed, sampler)
        kept = (each.texts for each in self.details.texts if (each.name, each.seed, each.sampler) == wanted)
        return next(kept, ())

    def _measured(self, texts: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return metrics and pseudo-values of texts; none of no texts."""
        if not texts:
            return {}, {}
        measured = self.writer.analyzer.measure(texts)
        return self._known(measured.metrics), self._known(measured.pseudovalues)

    def _known(self, values: TextMetrics | Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the metrics, or their pseudo-values, that can be measured here."""
        by_name = vars(values) if isinstance(values, TextMetrics) else values or {}
        return {name: by_name[name] for name in self._metrics if name in by_name}

    def _seeds(self, samples: Sequence[Sample], seed: int) -> list[int]:
        """Return the seeds that samples have, equally many of each sampler."""
        return [each for each, _ in zip(cycle(self.writer.shown_seeds(seed)), samples, strict=False)]

    def _first_seed(self, name: str) -> int:
        """Return the training seed of the run of an entry that has details."""
        return min(row.seed for row in self.result.runs if row.name == name)

    def read(self, row: EntryResult, run: SavedRun) -> None:
        """Let a run write with the first sampler, and read the passages if it is the one with details."""
        name = row_name(row)
        if row.freedom is not None:
            self._write(row, row.freedom, run)
        saved = next((each.reading for each in self.details.entries if each.name == row.name), None)
        if saved is not None and row.seed == self._first_seed(row.name):
            passages = choose_passages(self.writer.held_out)
            found = read_passages(run, self.writer.held_out, passages, self.config.device)
            self.readings[name] = ({"reading": _comparable(saved)}, {"reading": _comparable(found)})
            self.unlikely += _unlikely(f"{name}, reading", saved, found)

    def _write(self, row: EntryResult, saved: Freedom, run: SavedRun) -> None:
        """Let a run write at its temperature, and unless that gives the same texts, find that again too.

        Only where the texts are the same, as on the same machine, the entropy is exactly the same.
        """
        kept = self._texts(row.name, row.seed, self.result.measured_sampler)
        sampler = build_sampler(self.result.measured_sampler)
        tried = [sampler.at(saved.temperature)] if sampler.entropy and saved.temperature else []
        for each in [*tried, sampler]:
            written = self.writer.measure(run, each, row.seed, self.config)
            if written.texts == kept:
                break
        is_same = written.texts == kept
        self.num_written, self.num_same = self.num_written + 1, self.num_same + is_same
        pair = ({row_name(row): {"freedom": each}} for each in (saved, written.freedom))
        relative = RELATIVE_TOLERANCE if is_same else SAME_FREEDOM
        self.other_freedom += compared("", *pair, relative=relative).disagreements

    def checks_of_runs(self) -> Iterator[VerificationCheck]:
        """Yield the checks of what `read` has found."""
        remark = f"; {self.num_same} of these runs wrote the same texts again"
        number, wrong = self.num_written, tuple(self.other_freedom)
        yield VerificationCheck("entropies of choices", number, wrong, remark, ("entries.*.freedom",))
        read = [{name: pair[side] for name, pair in self.readings.items()} for side in range(2)]
        covers = ["entries.*.reading"]
        check = compared("passages read", *read, covers=covers, absolute=SAME_BITS).within(IN_DETAILS)
        yield replace(check, disagreements=(*check.disagreements, *self.unlikely))


def _fields(samples: Sequence[MarkedSample], names: Sequence[str]) -> dict[str, Any]:
    """Return some fields of samples."""
    return {name: [getattr(sample, name) for sample in samples] for name in names}


def _unmarked(sample: MarkedSample) -> Sample:
    return Sample(sample.prompt, sample.sampler, sample.seed, sample.text)


def _comparable(reading: PassageReading) -> dict[str, Any]:
    """Return what a run read without its likeliest tokens, of which several may have the same probability."""
    passages = [dict(vars(each)) for each in reading.passages]
    for each in passages:
        del each["alternatives"], each["per_mille"]
    return {"passages": passages}


def _unlikely(name: str, saved: PassageReading, again: PassageReading) -> Iterator[Disagreement]:
    """Yield the saved alternatives that have another probability, or that are too unlikely to be shown."""
    for number, (one, other) in enumerate(zip(saved.passages, again.passages, strict=False), start=1):
        rows = zip(one.alternatives, one.per_mille, other.alternatives, other.per_mille, strict=False)
        for place, (tokens, shares, found, found_shares) in enumerate(rows, start=1):
            known = dict(zip((again.tokens[token] for token in found), found_shares, strict=True))
            for token, share in zip(tokens, shares, strict=True):
                spelled = saved.tokens[token] if token < len(saved.tokens) else "?"
                recomputed = known.get(spelled, min(share, found_shares[-1]))  # that is the most if not shown
                if abs(recomputed - share) > SAME_PER_MILLE:
                    what = f"{name}, passages, {number}, {place}, per_mille"
                    yield Disagreement(what, f"{spelled!r} {share}", recomputed)
