"""Samples that a run writes after held-out passages, with their metrics, and those kept by its user."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from torch import Tensor

from textgen.data.words import has_unspaced, is_phrase_start, is_word_end, is_word_start, without_cut_word
from textgen.defaults import SAMPLE_CHARS
from textgen.evaluation.metrics import MeasuredText
from textgen.evaluation.text_metrics import TextAnalyzer
from textgen.experiment.entry_result import Freedom, GenerationSpeed, Sample, SampleSet
from textgen.experiment.saved_run import Trained
from textgen.generation.bound_sampler import BoundSampler, EntropyRecorder, SideBySide, build_sampler
from textgen.generation.generator import Generator
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import describe_error
from textgen.runtime.device import DeviceConfig

NUM_MEASURED = 24
"""Continuations of held-out passages that the metrics of generated text are taken from, one for each slice of
a default split: with 400 characters each, 95 % intervals of two percentage points on either side for real
words and of four for different pairs of words. Half as many would make that three and six."""
LOGITS_AT_ONCE = 2**20
"""Logits of a step up to which a sweep writes with several samplers side by side: a step of a model of
characters costs hardly more for five than for one, that of a model of words nearly five times as much."""
SHOWN = range(0, NUM_MEASURED, NUM_MEASURED // 2)
"""The passages whose continuations are shown, unless the user gives prompts."""
PROMPT_CHARS = 60
MAX_SKIPPED = 200
"""Characters that are skipped to begin a prompt with a word."""
MAX_SWEEP_SECONDS = 15.0
"""The time that a sweep may take by the speed of its run; a slower one has fewer samplers, at least one."""


class Continuation(NamedTuple):
    """A held-out prompt, and the text after it: how the author continued."""

    prompt: str
    continuation: str


@dataclass(frozen=True, kw_only=True)
class WrittenSamples:
    """Texts of a run by one sampler."""

    sampler: str
    texts: tuple[str, ...]
    """One continuation of each held-out passage, from which metrics are taken; none if that was not asked."""
    samples: tuple[Sample, ...]
    """The samples that are shown."""


@dataclass(frozen=True)
class SampleBatch:
    """Texts by several samplers that were written side by side."""

    written: tuple[WrittenSamples, ...]
    speed: GenerationSpeed
    freedom: Freedom
    """That of the first sampler, if it was recorded."""


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

    def write(
        self, trained: Trained, samplers: Mapping[str, BoundSampler], seed: int, device_config: DeviceConfig
    ) -> tuple[SampleSet, tuple[str, ...]]:
        """Return samples by all samplers, the metrics of what the first one writes, and those texts.

        A sampler that fails is named in `sample_errors`; without the first one there are no metrics.
        """
        first, errors = next(iter(samplers)), list[str]()
        batches = list(self._tried(trained, samplers, [first], seed, device_config, errors))
        written = [each for batch in batches for each in batch.written]
        samples = [sample for each in written for sample in each.samples]
        has_first = bool(written) and written[0].sampler == first
        texts = written[0].texts if has_first else ()
        measured = self.analyzer.measure(texts) if has_first else None
        shown = SampleSet(
            generate=batches[0].speed if has_first else GenerationSpeed(None, NUM_MEASURED),
            freedom=batches[0].freedom if has_first else None,
            samples=tuple(samples),
            sample_metrics=measured.metrics if measured else None,
            metric_pseudovalues=measured.pseudovalues if measured else {},
            sample_errors=tuple(errors),
            made_up_words=tuple(self.made_up_words(texts, samples)),
        )
        return shown, texts

    def _tried(  # noqa: PLR0917
        self,
        trained: Trained,
        samplers: Mapping[str, BoundSampler],
        measured: Collection[str],
        seed: int,
        device_config: DeviceConfig,
        errors: list[str],
    ) -> Iterator[SampleBatch]:
        """Yield what samplers write, in one batch unless one of them fails, which is added to `errors`."""
        try:
            with preserve_process_state():
                yield self.batch(trained.generator(device_config), samplers, measured, seed)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the score and what other samplers write are worth having
            if len(samplers) == 1:
                errors.append(f"no samples by {next(iter(samplers))}: {describe_error(error)}")
                return
            for spec, sampler in samplers.items():
                yield from self._tried(trained, {spec: sampler}, measured, seed, device_config, errors)

    def batch(
        self,
        generator: Generator,
        samplers: Mapping[str, BoundSampler],
        measured: Collection[str],
        seed: int,
        *,
        has_freedom: bool = True,
    ) -> SampleBatch:
        """Let samplers write side by side.

        Those in `measured` continue every passage. The seeds of samples follow from that of the training run.
        """
        used = [generator.resolved(sampler) for sampler in samplers.values()]
        rows = [self._rows(spec in measured, seed) for spec in samplers]
        prompts, seeds = ([*chain.from_iterable(each)] for each in zip(*rows, strict=True))
        sizes = [len(each) for each, _ in rows]
        ids = list(map(generator.encode_prompt, prompts[: sizes[0]]))
        entropy = EntropyRecorder(used[0], ids, generator.vocabulary, self.num_chars)

        def record(logits: Tensor, chosen: Tensor) -> None:
            if has_freedom:
                entropy.record(logits[: sizes[0]], chosen[: sizes[0]])

        began = time.perf_counter()
        texts = generator.generate(prompts, self.num_chars, SideBySide(used, sizes), seeds, record)
        seconds = time.perf_counter() - began
        parts = iter(zip(prompts, seeds, texts, strict=True))
        return SampleBatch(
            tuple(
                self._written(spec, [*islice(parts, size)], is_measured=spec in measured)
                for spec, size in zip(samplers, sizes, strict=True)
            ),
            GenerationSpeed(sum(map(len, texts)) / max(seconds, 1e-9), len(texts)),
            Freedom(used[0].temperature, entropy.bits_per_char),
        )

    def made_up_words(self, texts: Sequence[str], samples: Sequence[Sample]) -> list[str]:
        """Return the made-up words of all that a run wrote for a comparison, the most frequent first."""
        return self.analyzer.made_up_words([*texts, *(sample.text for sample in samples)])

    def sweep(
        self,
        trained: Trained,
        specs: Sequence[str],
        seed: int,
        device_config: DeviceConfig,
        chars_per_second: float,
    ) -> tuple[WrittenSamples, ...]:
        """Return what several samplers write: all, or the first ones if the run is slow.

        `chars_per_second` is the speed at which it has written before.
        """
        each_seconds = NUM_MEASURED * self.num_chars / max(chars_per_second, 1e-9)
        number = max(1, int(min(len(specs), MAX_SWEEP_SECONDS / each_seconds)))
        at_once = max(1, LOGITS_AT_ONCE // (NUM_MEASURED * trained.model.vocab_size))
        written = list[WrittenSamples]()
        with preserve_process_state():
            generator = trained.generator(device_config)
            for begin in range(0, number, at_once):
                samplers = {spec: build_sampler(spec) for spec in specs[:number][begin : begin + at_once]}
                written += self.batch(generator, samplers, samplers, seed, has_freedom=False).written
        return tuple(written)

    @property
    def author_texts(self) -> tuple[str, ...]:
        """How the author continued the passages."""
        return tuple(passage.continuation[: self.num_chars] for passage in self.passages)

    def measure_held_out(self) -> MeasuredText:
        return self.analyzer.measure(self.author_texts)

    def shown_prompts(self) -> list[str]:
        return list(self.prompts) or [self.passages[row].prompt for row in SHOWN]

    def shown_seeds(self, seed: int) -> list[int]:
        """Return the seeds of the samples that are shown of a run with this training seed."""
        rows = range(len(self.prompts)) if self.prompts else SHOWN
        return [seed * NUM_MEASURED + row for row in rows]

    def _rows(self, is_measured: bool, seed: int) -> tuple[list[str], list[int]]:
        """Return the prompts and seeds of the texts by one sampler: the passages, then what is shown."""
        prompts, seeds = list[str](), list[int]()
        if is_measured:
            prompts += [passage.prompt for passage in self.passages]
            # Those of different training seeds do not overlap.
            seeds += [seed * NUM_MEASURED + row for row in range(NUM_MEASURED)]
        if self.prompts or not is_measured:
            prompts += self.shown_prompts()
            seeds += self.shown_seeds(seed)
        return prompts, seeds

    def _written(
        self, spec: str, rows: Sequence[tuple[str, int, str]], *, is_measured: bool
    ) -> WrittenSamples:
        """Return the texts of a sampler by the prompt, seed and text of each of its rows."""
        texts = tuple(text for _, _, text in rows[:NUM_MEASURED]) if is_measured else ()
        shown = rows[len(texts) :] or [rows[row] for row in SHOWN]
        samples = (Sample(prompt, spec, seed, without_cut_word(text)) for prompt, seed, text in shown)
        return WrittenSamples(sampler=spec, texts=texts, samples=tuple(samples))


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
