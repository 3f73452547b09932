"""Samples of a run: continuations to be read side by side, and continuations to be measured."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from textgen.evaluation.text_metrics import Measures, TextAnalyzer
from textgen.experiment.run import Run
from textgen.generation.bound_sampler import BoundSampler
from textgen.generation.generator import Generator
from textgen.registry.attribution import describe_error
from textgen.registry.isolation import preserve_process_state
from textgen.runtime.device import DeviceConfig

NUM_MEASURED = 24
"""How many continuations of held-out passages the measures of generated text are taken from."""
NUM_SHOWN = 2
"""How many held-out passages are prompts of the samples shown, unless the user gives prompts."""
PROMPT_CHARS = 60


@dataclass
class SampleWriter:
    """What every entry of a comparison writes: the same prompts, length, samplers and seeds."""

    held_out_text: str
    measures: TextAnalyzer
    samplers: dict[str, BoundSampler]
    """By their specs. The first one also writes the text that is measured."""
    num_chars: int
    """The length of every sample."""
    prompts: Sequence[str] = ()
    """Held-out passages, if none are given."""
    passages: list[tuple[str, str]] = field(init=False)
    """Held-out passages, each with the text that follows it."""

    def __post_init__(self) -> None:
        self.passages = held_out_prompts(self.held_out_text, NUM_MEASURED, PROMPT_CHARS)
        shown = self.passages[:: NUM_MEASURED // NUM_SHOWN]
        self.prompts = list(self.prompts) or [prompt for prompt, _ in shown]

    def write(self, run: Run, seed: int, device_config: DeviceConfig) -> dict[str, Any]:
        """Return the samples of a run, their measures and the speed, as JSON values.

        `sample_errors` tells why a sampler wrote nothing; without the first one there are no measures.
        """
        with preserve_process_state():
            return self._write(run, seed, device_config)

    def _write(self, run: Run, seed: int, device_config: DeviceConfig) -> dict[str, Any]:
        generator = Generator(run.model, run.tokenizer, device_config)
        prompts = list(self.prompts) + [prompt for prompt, _ in self.passages]
        seeds = [seed + row for row in range(len(prompts))]
        samples: list[dict[str, Any]] = []
        errors: list[str] = []
        speed, measured = None, None
        for index, (spec, sampler) in enumerate(self.samplers.items()):
            # All prompts for the first sampler, in one batch; the others only write what is shown.
            rows = len(prompts) if index == 0 else len(self.prompts)
            start = time.perf_counter()
            try:
                texts = generator.generate(prompts[:rows], self.num_chars, sampler, seeds[:rows])
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # the score and what other samplers write are worth having
                errors.append(f"no samples by {spec}: {describe_error(error)}")
                continue
            if index == 0:
                speed = sum(map(len, texts)) / (time.perf_counter() - start)
                measured = texts[len(self.prompts) :]
            samples += [
                {"prompt": prompt, "sampler": spec, "seed": seeds[row], "text": texts[row]}
                for row, prompt in enumerate(self.prompts)
            ]
        texts = (measured or []) + [str(row["text"]) for row in samples]
        return {
            "generate": {"chars_per_second": speed, "batch_size": len(prompts)},
            "samples": samples,
            "sample_metrics": None if measured is None else self.measures.measure(measured),
            "sample_errors": errors,
            "invented_words": self.measures.invented_words(texts),
        }

    def held_out_measures(self) -> Measures:
        """Return the same measures of how the authors themselves went on."""
        return self.measures.measure([text[: self.num_chars] for _, text in self.passages])


def held_out_prompts(text: str, number: int, num_chars: int) -> list[tuple[str, str]]:
    """Return `number` prompts of about `num_chars` characters, evenly spaced, each ending with a word.

    Beside each prompt stands all of the text after it: how the author went on.
    """
    prompts = []
    for index in range(number):
        start = len(text) * index // number
        nearby = text[start : start + 200]
        start += next((place + 1 for place, char in enumerate(nearby) if char.isspace()), 0)
        end = min(start + num_chars, len(text))
        while start + num_chars // 2 < end < len(text) and not text[end].isspace():
            end -= 1
        prompts.append((text[start:end], text[end:]))
    return prompts
