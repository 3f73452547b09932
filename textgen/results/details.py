"""Details of a comparison, beyond scores: passages read token by token, samples with marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain

from textgen.defaults import SAMPLE_CHARS, SWEEP
from textgen.evaluation.metrics import TextMetrics
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import Sample, SampleSet
from textgen.experiment.samples import SampleWriter, WrittenSamples
from textgen.experiment.saved_run import SavedRun
from textgen.registry.options import write_value
from textgen.registry.registry import describe_error
from textgen.results.passages import Passage, PassageReading, read_passages
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.json_records import SCHEMA_VERSION, Count
from textgen.training.progress import Report, Step

Span = tuple[int, int]
"""The first character of a part of a text, and the one after its last."""


@dataclass(frozen=True, kw_only=True)
class MarkedSample(Sample):
    """A sample, and what is conspicuous in it."""

    made_up: tuple[Span, ...]
    """Words that neither the lexicon nor the training text has."""
    copied: tuple[Span, ...]
    """Spans that the training text has too."""


@dataclass(frozen=True)
class SamplerMetrics:
    """Metrics of what an entry writes with one sampler."""

    sampler: str
    metrics: TextMetrics


@dataclass(frozen=True, kw_only=True)
class EntryDetails:
    """One entry, trained with the first seed."""

    name: str
    settings: dict[str, str]
    """Components and options, defaults included."""
    reading: PassageReading | None
    """None if the run has no rank or cannot be read."""
    writing: tuple[SamplerMetrics, ...]
    samples: tuple[MarkedSample, ...]
    errors: tuple[str, ...] = ()
    """Why something is missing."""
    description: str = ""
    """What the entry is, as its components say."""


@dataclass(frozen=True, kw_only=True)
class WrittenTexts:
    """Continuations of the held-out passages by one run and one sampler, from which metrics are taken."""

    name: str
    """The entry."""
    seed: int
    """The training seed."""
    sampler: str
    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Details:
    """The passages and how the entries read them, and what the entries write."""

    schema_version: int = SCHEMA_VERSION
    passages: tuple[Passage, ...]
    entries: tuple[EntryDetails, ...]
    sample_chars: Count = SAMPLE_CHARS
    """Characters of each sample."""
    texts: tuple[WrittenTexts, ...] = ()
    """Not on the page, but kept to be measured again."""


@dataclass(frozen=True)
class DetailsReader:
    """Reads and samples a run once it is trained, before it is forgotten."""

    writer: SampleWriter
    passages: Sequence[Passage]
    device_config: DeviceConfig

    def read(
        self, run: SavedRun, written: SampleSet, seed: int, report: Report
    ) -> tuple[EntryDetails, tuple[Sample, ...], tuple[WrittenTexts, ...]]:
        """Read the passages with a run and let it write with each sampler of the sweep.

        `written` is what it has written already. Returns the details, whose samples are added by
        `marked`, all samples, and the texts that the sweep is measured by. What fails is named in `errors`.
        """
        errors: list[str] = []
        swept: tuple[WrittenSamples, ...] = ()
        with _noted(errors):
            speed = (written.generate and written.generate.chars_per_second) or 0.0
            swept = self.writer.sweep(run, SWEEP, seed, self.device_config, speed)
        report(Step("writing samples", fraction=0.8))
        reading = None
        with _noted(errors):
            if run.result.is_comparable:
                device = self.device_config.device
                reading = read_passages(run, self.writer.held_out, self.passages, device)
        known = {sampler.sampler for sampler in swept}
        samples = [sample for sample in written.samples if sample.sampler not in known]
        samples += chain.from_iterable(each.samples for each in swept)
        details = EntryDetails(
            name=run.entry.name,
            settings=all_settings(run.entry),
            reading=reading,
            writing=tuple(
                SamplerMetrics(each.sampler, self.writer.analyzer.measure(each.texts).metrics)
                for each in swept
            ),
            samples=(),
            errors=tuple(errors),
            description=run.entry.description,
        )
        name = run.entry.name
        texts = [WrittenTexts(name=name, seed=seed, sampler=each.sampler, texts=each.texts) for each in swept]
        return details, tuple(samples), tuple(texts)

    def details(
        self, found: Sequence[tuple[EntryDetails, Sequence[Sample]]], texts: Sequence[WrittenTexts]
    ) -> Details:
        """Return the details of several entries, with all their samples, and the texts of all runs."""
        return Details(
            passages=tuple(self.passages),
            entries=tuple(marked(self.writer.analyzer, found)),
            sample_chars=self.writer.num_chars,
            texts=tuple(texts),
        )


def marked(
    analyzer: TextAnalyzer, found: Sequence[tuple[EntryDetails, Sequence[Sample]]]
) -> Iterator[EntryDetails]:
    """Yield the details of entries with their samples, in which all that is conspicuous is marked."""
    # One search for all samples, since it reads the whole training text.
    spans = iter(analyzer.verbatim_spans([each.text for _, samples in found for each in samples]))
    for details, samples in found:
        each_marked = tuple(
            MarkedSample(
                **vars(sample), made_up=tuple(analyzer.made_up_spans(sample.text)), copied=tuple(next(spans))
            )
            for sample in samples
        )
        yield replace(details, samples=each_marked)


def differing_settings(entries: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the settings in which entries differ, with the value in each of them, empty where it has none.

    Left out are options that several entries have and share, though others lack such a component.
    """
    names = dict.fromkeys(chain(*entries))
    rows = {name: tuple(each.get(name, "") for each in entries) for name in names}
    return {name: values for name, values in rows.items() if _differ(name, values)}


def _differ(name: str, values: Sequence[str]) -> bool:
    known = list(filter(None, values))
    is_component = name.isalpha()
    return len(set(values)) > 1 and (is_component or len(known) == 1 or len(set(known)) > 1)


def all_settings(entry: Entry) -> dict[str, str]:
    """Return the components and options of an entry by name, such as `model.num_layers`, with defaults."""
    settings = entry.parts | entry.written_options
    if entry.is_trainable:
        trained_with = asdict(entry.train_options())
        settings |= {f"train.{name}": write_value(value) for name, value in trained_with.items()}
    return settings


@contextmanager
def _noted(errors: list[str]) -> Iterator[None]:
    """Add what fails to `errors`, since the score and the samples of an entry are worth having."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        errors.append(describe_error(error))
