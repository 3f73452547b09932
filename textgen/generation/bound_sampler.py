"""The adapter through which the core uses a sampler, and the entropy of its choices: measured, or given."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import exp, log
from typing import Annotated, cast

import numpy as np
import torch
from annotated_types import Gt, Le
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import Sampler, StatefulSampler, TokenIds, Vocabulary
from textgen.data.text import Text
from textgen.data.vocabulary import TokenTable
from textgen.defaults import ENTROPY_SHARE
from textgen.generation.sampling import Choose, WordDistribution
from textgen.registry.options import Option, build, declared_options, parse_assignments
from textgen.registry.registry import contract_error, load
from textgen.runtime.messages import UsageError

ENTROPY = "entropy"
"""The option that the core adds to samplers with a temperature."""
AUTO = re.compile(rf"(?<=[:,]){ENTROPY}=auto\b")
COUNTED_CHARS = 1_000_000


class BoundSampler:
    """A sampler whose optional members are resolved and whose choices can be checked.

    With an `entropy` in bits per character, a generator finds the temperature at which its model's choices
    have it; `spec` is what it was built from, without the entropy.
    """

    def __init__(
        self, component: Sampler | StatefulSampler, spec: str = "", entropy: float | None = None
    ) -> None:
        self.component, self.spec, self.entropy = component, spec, entropy

    def at(self, temperature: float) -> BoundSampler:
        separator = "," if ":" in self.spec else ":"
        spec = f"{self.spec}{separator}temperature={temperature}"
        return BoundSampler(build("sampler", spec), spec)

    @property
    def temperature(self) -> float | None:
        """The divisor of the logits, or None if the sampler has none."""
        temperature = getattr(self.component, "temperature", None)
        return None if temperature is None else float(temperature)

    def start(self, prompts: Sequence[TokenIds], vocabulary: Vocabulary) -> Choose:
        """Return the function that chooses the next ids of a batch of samples, once per step.

        `prompts` are the ids of each row's prompt. A sampler without memory is that function itself.
        """
        start: Callable[..., Choose] | None = getattr(self.component, "start", None)
        return cast(Sampler, self.component) if start is None else start(prompts, vocabulary)

    def check(self, ids: Tensor, batch_size: int) -> None:
        """Raise `PluginError` unless chosen ids are one integer per row."""
        if not isinstance(ids, Tensor) or ids.shape != (batch_size,) or ids.is_floating_point():
            form = f"{ids.dtype} {list(ids.shape)}" if isinstance(ids, Tensor) else type(ids).__name__
            raise contract_error(self.component, f"returned {form} instead of ids [{batch_size}]")

    def read(self, ids: Tensor, vocab_size: int) -> NDArray[np.int64]:
        """Return chosen ids on the CPU; raises `PluginError` for other than tokens."""
        rows: NDArray[np.int64] = ids.cpu().numpy()
        if not 0 <= rows.min() <= rows.max() < vocab_size:
            raise contract_error(self.component, f"returned a token id outside 0…{vocab_size - 1}")
        return rows

    def try_out(self) -> None:
        """Choose once for a small batch; raises `PluginError` before any time is spent on training."""
        vocabulary = Vocabulary(list("abcd"), np.zeros(4, bool))
        choose = self.start([np.array([0, 1])] * 3, vocabulary)
        ids = choose(torch.tensor([[0.0, 1.0, 2.0, 0.5]] * 3), torch.tensor([0.1, 0.5, 0.9]))
        self.check(ids, batch_size=3)
        self.read(ids, vocab_size=4)


class SideBySide(BoundSampler):
    """Several samplers in one batch, each of which chooses for its own rows."""

    def __init__(self, samplers: Sequence[BoundSampler], num_rows: Sequence[int]) -> None:
        """`num_rows` are the numbers of rows of each sampler, in order."""
        super().__init__(samplers[0].component)
        ends = np.cumsum(num_rows).tolist()
        rows = [slice(end - number, end) for end, number in zip(ends, num_rows, strict=True)]
        self._parts = list(zip(samplers, rows, strict=True))

    def start(self, prompts: Sequence[TokenIds], vocabulary: Vocabulary) -> Choose:
        started = [(*part, part[0].start(prompts[part[1]], vocabulary)) for part in self._parts]

        def choose(logits: Tensor, uniforms: Tensor) -> Tensor:
            chosen = list[Tensor]()
            for sampler, rows, each in started:
                ids = each(logits[rows], uniforms[rows])
                sampler.check(ids, rows.stop - rows.start)
                chosen.append(ids)
            return torch.cat(chosen)

        return choose

    def read(self, ids: Tensor, vocab_size: int) -> NDArray[np.int64]:
        """Return chosen ids [steps, batch] on the CPU; raises `PluginError` for other than tokens."""
        return np.concatenate([sampler.read(ids[:, rows], vocab_size) for sampler, rows in self._parts], 1)


def build_sampler(spec: str) -> BoundSampler:
    """Return the sampler of a spec such as `top-p:p=0.9`; raises `TextgenError` if there is none.

    Every sampler with a temperature also takes `entropy=…` instead.
    """
    name, _, text = spec.partition(":")
    options = parse_assignments(f"sampler {name!r}", text)
    if options.get(ENTROPY) == "auto":
        raise UsageError("entropy=auto needs a text, as in bench; give bits per character: entropy=1.2")
    if ENTROPY not in options or ENTROPY in declared_options(load("sampler", name)):
        return BoundSampler(build("sampler", spec), spec)
    entropy = Option(ENTROPY, Annotated[float, Gt(0), Le(100)], "that of the temperature").parse(
        f"sampler {name!r}", options.pop(ENTROPY)
    )
    if "temperature" in options:
        raise UsageError(f"sampler {spec!r}: give temperature or {ENTROPY}, not both")
    rest = ":".join([name, *([",".join(map("=".join, options.items()))] if options else [])])
    sampler = BoundSampler(build("sampler", rest), rest, entropy)
    if "temperature" not in declared_options(load("sampler", name)):
        raise UsageError(f"sampler {name!r} has no temperature, so its {ENTROPY} cannot be set; leave it out")
    return sampler


def suited_to(spec: str, train_text: Text) -> str:
    """Return a sampler whose entropy, if it is `auto`, is the default share of that of single characters."""
    if not AUTO.search(spec):
        return spec
    return AUTO.sub(f"{ENTROPY}={max(ENTROPY_SHARE * character_entropy(train_text), 0.1):.2f}", spec)


def character_entropy(text: Text) -> float:
    """Return the entropy in bits of single characters, from their frequencies at the beginning of a text."""
    beginning = text[:COUNTED_CHARS]
    shares = [number / len(beginning) for number in Counter(beginning).values()]
    return -sum(share * math.log2(share) for share in shares)


def tried_temperatures(specs: Iterable[str]) -> dict[str, float | None]:
    """Return the temperature of each sampler by its spec, after trying it out.

    None for one that has none, or gets that of an entropy. Raises as `build_sampler` and `try_out` do.
    """
    samplers = {spec: build_sampler(spec) for spec in specs}
    for sampler in samplers.values():
        sampler.try_out()
    return {spec: None if each.entropy is not None else each.temperature for spec, each in samplers.items()}


class EntropyRecorder:
    """The entropy per character, in bits, of the tempered distribution that a sampler chooses from.

    It is that before the sampler truncates. The probabilities are those of the logits divided by the
    sampler's `temperature`, if it has one, or those of words at that temperature, if it acts on words.
    `prompts` are the ids of each row's prompt. A row counts up to `num_chars` characters, in which the last
    token has its share, since rows are chosen until the slowest has as many.
    """

    def __init__(
        self,
        sampler: BoundSampler,
        prompts: Sequence[TokenIds],
        vocabulary: Vocabulary,
        num_chars: float = math.inf,
    ) -> None:
        self._temperature = sampler.temperature or 1.0
        is_of_words = getattr(sampler.component, "tempers_words", False) and vocabulary.spellings
        self._words = WordDistribution(prompts, vocabulary, self._temperature) if is_of_words else None
        self._lengths = torch.from_numpy(TokenTable(vocabulary.tokens).num_chars)
        self._left = torch.full((len(prompts),), num_chars, dtype=torch.float64)
        self._nats, self._chars = 0.0, 0.0

    def record(self, logits: Tensor, ids: Tensor) -> None:
        """Add the choice of `ids` [batch], valid token ids, from `logits` [batch, vocab_size]."""
        ids = ids.long()
        if self._words is None:
            log_weights = logits.float() / self._temperature
        else:
            log_weights = self._words.log_weights(logits)
            self._words.advance(ids)
        entropies = torch.special.entr(log_weights.softmax(-1)).sum(-1).cpu().double()
        lengths = self._lengths[ids.cpu()].double()
        counted = torch.minimum(lengths, self._left)
        # A token without characters of its own, such as the first byte of one, counts before the end.
        shares = torch.where(lengths > 0, counted / lengths.clamp(min=1), (self._left > 0).double())
        self._nats += float(shares @ entropies)
        self._chars += float(counted.sum())
        self._left -= counted

    @property
    def bits_per_char(self) -> float:
        return self._nats / math.log(2) / max(1.0, self._chars)


COLDEST, HOTTEST = 0.05, 8.0
"""The temperatures that are searched."""
SLOPE = 1.4
"""The change of the entropy, as a share of the one asked for, with the logarithm of the temperature, until it
is measured: that of English at about 1.1 bits per character."""
MAX_STEP, LEAST_STEP, MAX_TRIED = 1.1, 0.02, 12
"""Changes of that logarithm at a time: the largest, and the one that is so small that the next would be lost
in rounding; and the most temperatures that are tried."""
DECIMALS = 2
"""Those of the temperature, as shown: rounding in bf16 moves the third one between processes."""
NUM_MEASURED, MEASURED_CHARS = 16, 150
"""Samples without a prompt from which the entropy at one temperature is measured, and their length."""


def at_entropy(sampler: BoundSampler, measure: Callable[[BoundSampler], float]) -> BoundSampler:
    """Return a sampler at the temperature at which its choices have the entropy that it asks for.

    `measure` returns the bits per character of the choices of a sampler; it rises with the temperature, so
    that three or four are tried (the secant method). If no temperature has this entropy, as for a model that
    gives every token the same probability, it is the one that comes nearest of those, beginning with 1.

    One temperature is not the same freedom for every model: at 0.8 a character model's choices may have 2.1
    bits per character and a word model's 1.4.
    """
    wanted = sampler.entropy
    assert wanted is not None  # the caller has asked
    tried: dict[float, float] = {}
    place, slope = 0.0, SLOPE * wanted
    while place not in tried and len(tried) < MAX_TRIED:
        tried[place] = measure(sampler.at(exp(place))) - wanted
        if len(tried) > 1:
            before, last = list(tried)[-2:]
            rise = (tried[last] - tried[before]) / (last - before)
            slope = rise if rise > 0 else slope
        step = min(max(-tried[place] / slope, -MAX_STEP), MAX_STEP)
        if len(tried) > 1 and abs(step) < LEAST_STEP:
            return sampler.at(max(round(exp(place + step), DECIMALS), 0.1**DECIMALS))
        place = min(max(place + step, log(COLDEST)), log(HOTTEST))
    return sampler.at(exp(min(tried, key=lambda each: round(abs(tried[each]), 3))))
