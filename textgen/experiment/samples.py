"""Samples that a run writes after held-out passages, with their metrics, and those kept by its user."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from textgen.data.words import has_unspaced, is_phrase_start, is_word_end, is_word_start, without_cut_word
from textgen.defaults import SAMPLE_CHARS
from textgen.evaluation.metrics import MeasuredText, TextMetrics
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry_result import Freedom, GenerationSpeed, Sample, SampleSet
from textgen.experiment.saved_run import Trained
from textgen.generation.bound_sampler import BoundSampler, EntropyRecorder, build_sampler
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import describe_error
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record, write_record
from textgen.runtime.storage.result_folders import locked

NUM_MEASURED = 24
"""Continuations of held-out passages that the metrics of generated text are taken from."""
SHOWN = range(0, NUM_MEASURED, NUM_MEASURED // 2)
"""The passages whose continuations are shown, unless the user gives prompts."""
PROMPT_CHARS = 60
MAX_SKIPPED = 200
"""Characters that are skipped to begin a prompt with a word."""
MAX_SWEEP_SECONDS = 15.0
"""The time after which no other sampler of a sweep begins."""


class Continuation(NamedTuple):
    """A held-out prompt, and the text after it: how the author continued."""

    prompt: str
    continuation: str


@dataclass(frozen=True, kw_only=True)
class MeasuredSamples:
    """Continuations of the held-out passages by one sampler, and their metrics."""

    texts: tuple[str, ...]
    """One continuation of each passage."""
    measured: MeasuredText
    chars_per_second: float
    freedom: Freedom


@dataclass(frozen=True, kw_only=True)
class WrittenSamples:
    """Texts of a run by one sampler: the samples that are shown, and metrics of many."""

    sampler: str
    metrics: TextMetrics
    samples: tuple[Sample, ...]
    texts: tuple[str, ...]
    """Those that the metrics are taken from."""


@dataclass
class SampleWriter:
    """Lets runs continue the same held-out passages, with the same lengths and seeds."""

    held_out: Sequence[str]
    """Stretches of held-out text."""
    analyzer: TextAnalyzer
    num_chars: int = SAMPLE_CHARS
    """The length of every sample."""
    prompts: Sequence[str] = ()
    """Prompts of the samples that are shown; held-out passages, if none are given."""
    passages: list[Continuation] = field(init=False)

    def __post_init__(self) -> None:
        self.passages = held_out_passages(self.held_out, NUM_MEASURED, PROMPT_CHARS, self.num_chars)

    @property
    def passages_overlap(self) -> bool:
        """True if the text is too short for as many passages and their continuations."""
        return sum(map(len, self.held_out)) < NUM_MEASURED * (PROMPT_CHARS + self.num_chars)

    def measure(
        self, trained: Trained, sampler: BoundSampler, seed: int, device_config: DeviceConfig
    ) -> MeasuredSamples:
        """Continue every passage; the seeds of the samples follow from that of the training run."""
        with preserve_process_state():
            prompts = [passage.prompt for passage in self.passages]
            # Those of different training seeds do not overlap.
            seeds = [seed * NUM_MEASURED + row for row in range(NUM_MEASURED)]
            generator = trained.generator(device_config)
            sampler = generator.resolved(sampler)
            ids = list(map(generator.encode_prompt, prompts))
            entropy = EntropyRecorder(sampler, ids, generator.vocabulary, self.num_chars)
            began = time.perf_counter()
            texts = generator.generate(prompts, self.num_chars, sampler, seeds, entropy.record)
            seconds = time.perf_counter() - began
        return MeasuredSamples(
            texts=tuple(texts),
            measured=self.analyzer.measure(texts),
            chars_per_second=sum(map(len, texts)) / max(seconds, 1e-9),
            freedom=Freedom(sampler.temperature, entropy.bits_per_char),
        )

    def write(
        self, trained: Trained, samplers: Mapping[str, BoundSampler], seed: int, device_config: DeviceConfig
    ) -> tuple[SampleSet, tuple[str, ...]]:
        """Return samples by all samplers, the metrics of what the first one writes, and those texts.

        A sampler that fails is named in `sample_errors`; without the first one there are no metrics.
        """
        samples: list[Sample] = []
        errors: list[str] = []
        measured: MeasuredSamples | None = None
        for index, (spec, sampler) in enumerate(samplers.items()):
            try:
                if index == 0:
                    measured = self.measure(trained, sampler, seed, device_config)
                known = measured if index == 0 else None
                samples += self._shown(trained, spec, sampler, seed, device_config, measured=known)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # the score and what other samplers write are worth having
                errors.append(f"no samples by {spec}: {describe_error(error)}")
        texts = measured.texts if measured else ()
        written = SampleSet(
            generate=GenerationSpeed(measured.chars_per_second if measured else None, NUM_MEASURED),
            freedom=measured.freedom if measured else None,
            samples=tuple(samples),
            sample_metrics=measured.measured.metrics if measured else None,
            metric_pseudovalues=measured.measured.pseudovalues if measured else {},
            sample_errors=tuple(errors),
            made_up_words=tuple(self.made_up_words(texts, samples)),
        )
        return written, texts

    def made_up_words(self, texts: Sequence[str], samples: Sequence[Sample]) -> list[str]:
        """Return the made-up words of all that a run wrote for a comparison, the most frequent first."""
        return self.analyzer.made_up_words([*texts, *(sample.text for sample in samples)])

    def sweep(
        self, trained: Trained, specs: Sequence[str], seed: int, device_config: DeviceConfig
    ) -> Iterator[WrittenSamples]:
        """Yield what several samplers write, until `MAX_SWEEP_SECONDS` have passed."""
        began = time.perf_counter()
        for spec in specs:
            if time.perf_counter() - began > MAX_SWEEP_SECONDS:
                return
            sampler = build_sampler(spec)
            measured = self.measure(trained, sampler, seed, device_config)
            shown = self._shown(trained, spec, sampler, seed, device_config, measured=measured)
            yield WrittenSamples(
                sampler=spec, metrics=measured.measured.metrics, samples=tuple(shown), texts=measured.texts
            )

    @property
    def author_texts(self) -> tuple[str, ...]:
        """How the author continued the passages."""
        return tuple(passage.continuation[: self.num_chars] for passage in self.passages)

    def measure_held_out(self) -> MeasuredText:
        """Return the metrics of how the author continued the passages."""
        return self.analyzer.measure(self.author_texts)

    def shown_prompts(self) -> list[str]:
        """Return the prompts of the samples that are shown."""
        return list(self.prompts) or [self.passages[row].prompt for row in SHOWN]

    def shown_seeds(self, seed: int) -> list[int]:
        """Return the seeds of the samples that are shown of a run with this training seed."""
        rows = range(len(self.prompts)) if self.prompts else SHOWN
        return [seed * NUM_MEASURED + row for row in rows]

    def _shown(
        self,
        trained: Trained,
        spec: str,
        sampler: BoundSampler,
        seed: int,
        device_config: DeviceConfig,
        *,
        measured: MeasuredSamples | None,
    ) -> Iterator[Sample]:
        """Yield the samples that are shown; those of held-out passages are among the `measured` ones."""
        prompts = self.shown_prompts()
        seeds = self.shown_seeds(seed)
        if measured and not self.prompts:
            texts = [measured.texts[row] for row in SHOWN]
        else:
            with preserve_process_state():
                generator = trained.generator(device_config)
                texts = generator.generate(prompts, self.num_chars, sampler, seeds)
        for prompt, each, text in zip(prompts, seeds, texts, strict=True):
            yield Sample(prompt, spec, each, without_cut_word(text))


def held_out_passages(
    stretches: Sequence[str], number: int, prompt_chars: int, continuation_chars: int
) -> list[Continuation]:
    """Return `number` passages, evenly spaced, with prompts of about `prompt_chars` characters.

    A prompt begins and ends with a whole word, and where a script has no spaces, it begins with a phrase.
    Where a stretch is long enough, `continuation_chars` characters follow.
    """
    owners = [index * len(stretches) // number for index in range(number)]
    passages = []
    for index, owner in enumerate(owners):
        text = stretches[owner]
        room = max(0, len(text) - prompt_chars - continuation_chars)
        start = room * (index - owners.index(owner)) // owners.count(owner)
        if start:  # a stretch begins with a whole word
            start = _prompt_start(text, start)
        end = min(start + prompt_chars, len(text))
        while start + prompt_chars // 2 < end < len(text) and not is_word_end(text, end):
            end -= 1
        passages.append(Continuation(text[start:end], text[end:]))
    return passages


def _prompt_start(text: str, position: int) -> int:
    """Return where the next prompt can begin, within `MAX_SKIPPED` characters after `position`."""
    nearby = range(position + 1, min(position + MAX_SKIPPED, len(text)) + 1)
    rules = [is_word_start]
    if has_unspaced(text[nearby.start : nearby.stop]):
        rules.insert(0, is_phrase_start)
    return next((place for rule in rules for place in nearby if rule(text, place)), position)


SAMPLES = "samples.json"
"""The file in the folder of a run; not covered by its digests, since it grows."""


@dataclass(frozen=True, kw_only=True)
class KeptSamples:
    """The contents of `samples.json`."""

    schema_version: int = SCHEMA_VERSION
    samples: tuple[Sample, ...]


def kept_samples(folder: Path) -> tuple[Sample, ...]:
    """Return the samples kept with a run, the oldest first; raises `TextgenError` if the file is damaged."""
    path = folder / SAMPLES
    return read_record(KeptSamples, path).samples if path.exists() else ()


def keep_samples(folder: Path, samples: Sequence[Sample]) -> int:
    """Add samples to those kept with a run, each once; return the number of all of them.

    Raises `TextgenError` if the file is damaged, which is left unchanged, and `OSError` if it cannot be
    written.
    """
    with locked(folder):
        kept = tuple(dict.fromkeys([*kept_samples(folder), *samples]))
        write_record(folder / SAMPLES, KeptSamples(samples=kept))
    return len(kept)
