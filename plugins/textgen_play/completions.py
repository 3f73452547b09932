"""Completions of a run: what it reads and writes token by token, with probabilities, up to a stop text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import TokenIds
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.evaluation.scoring import token_starts
from textgen.evaluation.token_bits import log_softmax, predict_stretches
from textgen.generation.bound_sampler import build_sampler
from textgen.library.runs import Run
from textgen.runtime.messages import UsageError
from textgen_play.live import choices

READ_AT_ONCE = 256
"""Tokens of a text that are read while others wait."""
LEAST = -9999.0
"""The log-probability that is told of what has none, since JSON has no infinity."""


@dataclass(frozen=True)
class Token:
    """A token that was read or written, as the model predicts it, before the sampler."""

    text: str
    """Its string in the vocabulary; `<0xE2>` is a byte."""
    begin: int
    """The character of prompt and completion that it begins with, or continues."""
    logprob: float
    top: dict[str, float]
    """The log-probabilities of the likeliest tokens, and its own; of several with one string, the largest."""


@dataclass(frozen=True)
class Part:
    """A part of a completion: usually one token, of which a character may be incomplete."""

    text: str = ""
    tokens: tuple[Token, ...] = ()
    """Empty unless log-probabilities are wanted."""
    num_written: int = 0
    """Tokens that were written for it."""
    finish_reason: Literal["stop", "length"] | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a completion is to be."""

    max_tokens: int
    sampler: str
    seed: int
    stop: tuple[str, ...] = ()
    """Texts before which it ends."""
    num_top: int | None = None
    """The likeliest tokens whose log-probabilities are told at each place; None: none are told."""
    echo: bool = False
    """Whether it begins with the prompt."""


def complete(run: Run, prompt: str | Sequence[int], settings: Settings) -> tuple[int, Iterator[Part]]:
    """Return the number of prompt tokens, and the parts of the completion, generated lazily.

    Raises `TextgenError` if the prompt or the sampler is not valid.
    """
    generator, sampler = run.generator, build_sampler(settings.sampler)
    text = prompt if isinstance(prompt, str) else _text_of(run.saved.tokenizer, prompt)
    read = text[: len(text) - generator.owes_space(text)] if settings.max_tokens else text
    is_told = settings.echo and settings.num_top is not None
    ids = run.saved.encode(read) if is_told else run.saved.tokenizer.encode(read)
    begin = _read(run, text, ids, settings.num_top or 0) if is_told else iter([Part(text)])
    written = choices(
        generator, text, settings.max_tokens * int(generator.table.num_chars.max()), sampler, settings.seed
    )
    parts = until(_written(written, run.saved.tokenizer, settings, text, len(read)), settings.stop, len(text))
    return len(ids), chain(begin if settings.echo else [], parts)


def _text_of(tokenizer: BoundTokenizer, prompt: Sequence[int]) -> str:
    """Return the text of ids; raises `UsageError` unless they are those of a text."""
    if (largest := max(prompt)) >= (size := tokenizer.vocab_size):
        raise UsageError(f"id {largest} is out of range: this model's ids are below {size}")
    text = tokenizer.decode(prompt)
    if not np.array_equal(tokenizer.encode(text), prompt):
        raise UsageError(f"no text is encoded as these ids; give the text, such as {text[:99]!r}")
    return text


def _read(run: Run, text: str, ids: TokenIds, num_top: int) -> Iterator[Part]:
    """Yield a text part by part, with its tokens, which are predicted as in its score."""
    tokenizer = run.saved.tokenizer
    begins = [*token_starts(ids, tokenizer.table).tolist(), len(text)]
    windows = predict_stretches(
        run.saved.model, [ids], tokenizer.encode(START), run.config.device, chunk=READ_AT_ONCE
    )
    while True:
        with torch.inference_mode():
            window = next(windows, None)
            if window is None:
                return
            read, likely = window.targets[0].tolist(), log_softmax(window.logits)[0]
        places = begins[window.begin :][: len(read) + 1]
        yield Part(text[places[0] : places[-1]], tuple(_tokens(tokenizer, read, places, likely, num_top)))


def _written(
    written: Iterable[tuple[str, int, Tensor]],
    tokenizer: BoundTokenizer,
    settings: Settings,
    prompt: str,
    begin: int,
) -> Iterator[Part]:
    """Yield what is written as one part for each token; the first one begins at the character `begin`."""
    if not settings.max_tokens:
        yield Part(finish_reason="length")
    end = len(prompt)
    for number, (text, token, likely) in enumerate(islice(written, settings.max_tokens), start=1):
        is_last, tokens = number == settings.max_tokens, tuple[Token, ...]()
        if settings.num_top is not None:
            tokens = tuple(_tokens(tokenizer, [token], [begin], likely[None], settings.num_top))
        end += len(text)
        begin = end
        yield Part(text, tokens, 1, "length" if is_last else None)


def _tokens(
    tokenizer: BoundTokenizer, ids: Sequence[int], begins: Iterable[int], likely: Tensor, num_top: int
) -> Iterator[Token]:
    """Yield tokens by the log-probabilities `likely` [number of tokens, vocab_size] at their places."""
    top, strings = likely.topk(min(num_top, tokenizer.vocab_size)), tokenizer.tokens
    own = likely.gather(1, torch.tensor(ids, device=likely.device)[:, None])[:, 0].tolist()
    rows = zip(ids, own, top.indices.tolist(), top.values.tolist(), begins, strict=False)
    for token, value, likeliest, values, begin in rows:
        told = dict[str, float]()
        for each, its_value in zip([*likeliest, token], [*values, value], strict=True):
            told.setdefault(strings[each], max(LEAST, its_value))
        yield Token(strings[token], begin, max(LEAST, value), told)


def until(parts: Iterable[Part], stops: Sequence[str], begin: int) -> Iterator[Part]:
    """Yield parts up to the first of the stop texts; what may be the beginning of one is held back.

    `begin` is the character that the first part begins with.
    """
    held, text = deque[Part](), ""
    for part in parts:
        held.append(part)
        text += part.text
        places = [text.index(stop) for stop in stops if stop in text]
        if places:
            kept = [token for each in held for token in each.tokens if token.begin < begin + min(places)]
            num_written = sum(each.num_written for each in held)
            yield Part(text[: min(places)], tuple(kept), num_written, "stop")
            return
        sizes = (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size]))
        num_held = max(sizes, default=0)
        while held and len(text) - len(held[0].text) >= num_held:
            first = held.popleft()
            text, begin = text[len(first.text) :], begin + len(first.text)
            yield first
    yield from held
