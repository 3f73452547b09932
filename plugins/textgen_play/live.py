"""What a run makes of a text that someone writes: it reads it token by token, and goes on from there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from textgen import defaults
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.generation.bound_sampler import BoundSampler, build_sampler
from textgen.generation.generator import Generator
from textgen.library.options import check_numbers
from textgen.library.runs import Run
from textgen.results.passages import NUM_ALTERNATIVES, Passage, PassageReading, choose_passages, read_passages


@dataclass(frozen=True)
class WrittenToken:
    """A token that a run has written."""

    text: str
    """Empty while the bytes of a character are incomplete."""
    bits: float
    """What the model needed for it, before the sampler."""
    alternatives: tuple[tuple[str, float], ...]
    """The most likely tokens at this place, and their probabilities."""


def read(run: Run, text: str) -> PassageReading:
    """Return how a run predicts each token of a text, which is not cleaned, and why.

    Raises `TextgenError` if its tokenizer loses text.
    """
    run.saved.encode(text)  # which refuses what it does not preserve
    return read_passages(run.saved, [text], [Passage(0, 0, text)], run.config.device)


@dataclass(frozen=True)
class Writing:
    """A continuation that a run is writing."""

    temperature: float | None
    """That of the sampler, given or found; None if it has none."""
    tokens: Iterator[WrittenToken]


def write(
    run: Run,
    prompt: str = "",
    *,
    length: int = defaults.SAMPLE_CHARS,
    sampler: str = defaults.SAMPLER,
    seed: int = 0,
) -> Writing:
    """Return the tokens of `Run.sample` while it is written, each with its bits and its alternatives.

    Several may be consumed in turns, since none leaves a mode of torch switched on between two tokens.
    """
    check_numbers(seed, length=length)
    generator = run.generator
    bound = generator.resolved(build_sampler(sampler))
    written = _choices(generator, prompt, length, bound, seed)
    told = _told(written, generator.tokenizer.tokens, generator.owes_space(prompt))
    return Writing(bound.temperature, told)


def _choices(
    generator: Generator, prompt: str, length: int, sampler: BoundSampler, seed: int
) -> Iterator[tuple[str, int, Tensor]]:
    """Yield the pieces of `Generator.stream`, each with its token and the log-probabilities [vocab_size].

    These are the model's, before the sampler.
    """
    chosen = list[tuple[Tensor, Tensor]]()

    def on_choice(logits: Tensor, ids: Tensor) -> None:
        chosen.append((logits, ids))

    pieces = generator.stream(prompt, length, sampler, seed, on_choice)
    while True:
        with torch.inference_mode():
            piece = next(pieces, None)
            if piece is None:
                return
            logits, ids = chosen.pop()
            log_probabilities = logits[0].float().log_softmax(-1)
        yield piece, int(ids[0]), log_probabilities


def _told(
    written: Iterable[tuple[str, int, Tensor]], tokens: Sequence[str], owed: int
) -> Iterator[WrittenToken]:
    """Yield what was written; `owed` characters of its first token are in the prompt."""
    for piece, token, log_probabilities in written:
        top = log_probabilities.topk(min(NUM_ALTERNATIVES, len(log_probabilities)))
        bits = -float(log_probabilities[token]) / math.log(2)
        likeliest = zip(top.indices.tolist(), top.values.exp().tolist(), strict=True)
        yield WrittenToken(piece, bits, tuple((tokens[each][owed:], chance) for each, chance in likeliest))
        owed = 0


@dataclass(frozen=True)
class Marks:
    """Spans of a text, each from its first character to the one after its last."""

    made_up: tuple[tuple[int, int], ...]
    """Words that neither the lexicon nor the training text has."""
    copied: tuple[tuple[int, int], ...]
    """What is in the training text, from a minimum length on."""


class TextOfRun:
    """The text that a run was trained on and scored by; raises `TextgenError` if it cannot be read again."""

    def __init__(self, run: Run) -> None:
        self._corpus = run.corpus()

    def passages(self) -> list[tuple[str, str]]:
        """Return passages of its held-out part, each after what precedes it in its stretch."""
        stretches = self._corpus.split.held_out.stretches()
        return [(stretches[each.stretch][: each.begin], each.text) for each in choose_passages(stretches)]

    def marks(self, written: str) -> Marks:
        """Return what is conspicuous in a text that the run has written."""
        (copied,) = self._analyzer.verbatim_spans([written])
        return Marks(tuple(self._analyzer.made_up_spans(written)), tuple(copied))

    @cached_property
    def _analyzer(self) -> TextAnalyzer:
        language = self._corpus.language
        return TextAnalyzer(self._corpus.split.train.text, load_lexicon(language), language)
