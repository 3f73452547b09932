"""Generation token by token, many samples at once, each with its own seed."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import State, TokenIds
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.generation.bound_sampler import (
    MEASURED_CHARS,
    NUM_MEASURED,
    BoundSampler,
    EntropyRecorder,
    at_entropy,
)
from textgen.nn.language_model import LanguageModel, Step
from textgen.nn.state import join, shapes, tensors
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.runtime.threads import paced

DRAWS_AHEAD = 256
"""Number of steps whose uniform random numbers are drawn at once."""

OnChoice = Callable[[Tensor, Tensor], None]
"""A function that is told each choice: the logits [batch, vocab_size] and the ids [batch], once checked."""


def ignore_choice(logits: Tensor, ids: Tensor) -> None:
    """Do nothing."""


class Generator:
    """A model prepared for generation.

    The step is the model's own (`prepare_step`), recorded as a CUDA graph on a GPU, or `forward` with one
    token at a time. `spellings` are those of `Vocabulary`. Without `spells` no token that spells
    out-of-vocabulary words is written, whatever the sampler.
    """

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: BoundTokenizer,
        device_config: DeviceConfig,
        spellings: Sequence[Sequence[float]] = (),
        *,
        spells: bool = True,
    ) -> None:
        self.model, self.tokenizer, self.device = model, tokenizer, device_config.device
        self.table = tokenizer.table
        self.vocabulary = tokenizer.sampler_vocabulary(spellings if spells else ())
        left_out = self.vocabulary.fallback & (not spells)
        self._left_out = torch.from_numpy(left_out).to(self.device) if left_out.any() else None
        carries = np.array([piece.startswith(b" ") for piece in self.table.pieces])
        self._carries_space = carries if spells else carries & ~self.vocabulary.fallback
        """[vocab_size], the tokens that begin with a space and may be written."""
        self._step = model.prepare_step(device_config.dtype)
        self._is_recordable = model.is_step_recordable and self.device.type == "cuda"
        self._found: dict[tuple[str, float | None], BoundSampler] = {}

    def resolved(self, sampler: BoundSampler) -> BoundSampler:
        """Return a sampler at a temperature; that of one with an entropy is found by writing with it."""
        if sampler.entropy is None:
            return sampler
        key = sampler.spec, sampler.entropy
        if key not in self._found:
            self._found[key] = at_entropy(sampler, self._measured_entropy)
        return self._found[key]

    def _measured_entropy(self, sampler: BoundSampler) -> float:
        prompts = [self.tokenizer.encode("")] * NUM_MEASURED
        recorder = EntropyRecorder(sampler, prompts, self.vocabulary, MEASURED_CHARS)
        self.generate([""] * NUM_MEASURED, MEASURED_CHARS, sampler, range(NUM_MEASURED), recorder.record)
        return recorder.bits_per_char

    def generate(
        self,
        prompts: Sequence[str],
        num_chars: int,
        sampler: BoundSampler,
        seeds: Sequence[int],
        on_choice: OnChoice = ignore_choice,
    ) -> list[str]:
        """Return a continuation of `num_chars` characters for each prompt (without the prompt).

        A sample depends only on its prompt and seed, not on what it is batched with, but for rounding where
        the step computes in fp32.
        """
        if not prompts:
            return []
        chosen, owed = list[Tensor](), list(map(self.owes_space, prompts))
        counts, num_read, longest = -np.array(owed, np.int64), 0, int(self.table.num_chars.max())
        for ids in paced(self._ids(prompts, sampler, seeds, on_choice)):
            chosen.append(ids)
            is_last = len(chosen) > 4 * num_chars + 16  # of a model that generates only continuation bytes
            if is_last or (len(chosen) - num_read) * longest > num_chars - counts.min():  # to read is to wait
                rows = sampler.read(torch.stack(chosen[num_read:]), len(self.table.pieces))
                counts, num_read = counts + self.table.num_chars[rows].sum(0), len(chosen)
                # One character more than requested, so that the last one is complete.
                if counts.min() > num_chars or is_last:
                    break
        # Not by the tokenizer, which restores lone surrogates only if everything after them is valid.
        tokens = torch.stack(chosen, dim=1).cpu().numpy()
        spelled = (b"".join([self.table.pieces[token] for token in row]) for row in tokens)
        texts = [text.decode("utf-8", "replace") for text in spelled]
        return [text[begin : begin + num_chars] for text, begin in zip(texts, owed, strict=True)]

    def stream(
        self,
        prompt: str,
        num_chars: int,
        sampler: BoundSampler,
        seed: int,
        on_choice: OnChoice = ignore_choice,
    ) -> Iterator[str]:
        """Yield one continuation piece by piece; joined, the pieces are what `generate` returns."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        num_left, owed = num_chars, self.owes_space(prompt)
        for num_steps, ids in enumerate(paced(self._ids([prompt], sampler, [seed], on_choice)), start=1):
            token = sampler.read(ids, len(self.table.pieces))[0]
            text = decoder.decode(self.table.pieces[token])[owed:][:num_left]
            num_left, owed = num_left - len(text), 0
            yield text
            if not num_left or num_steps > 4 * num_chars + 16:
                return

    @torch.inference_mode()  # only while it computes: a `with` around a yield would be left in any order
    def _ids(
        self,
        prompts: Sequence[str],
        sampler: BoundSampler,
        seeds: Sequence[int],
        on_choice: OnChoice = ignore_choice,
    ) -> Iterator[Tensor]:
        """Yield the next ids [batch] forever; a row that owes a space begins with it."""
        sampler = self.resolved(sampler)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        step = RecordedStep(self._step) if self._is_recordable else self._step
        logits, state = self._read(prompts)
        owed = torch.tensor(list(map(self.owes_space, prompts)), dtype=torch.bool)[:, None]
        without_space = owed & ~torch.from_numpy(self._carries_space)
        logits = logits.masked_fill(without_space.to(self.device), -torch.inf)
        choose = sampler.start(list(map(self.encode_prompt, prompts)), self.vocabulary)
        while True:
            rows = [torch.rand(DRAWS_AHEAD, generator=generator) for generator in generators]
            for uniforms in torch.stack(rows, dim=1).to(self.device):
                if self._left_out is not None:
                    logits = logits.masked_fill(self._left_out, -torch.inf)
                ids = choose(logits, uniforms)
                sampler.check(ids, len(prompts))
                known = ids.clamp(0, len(self.table.pieces) - 1)  # others are found when ids are read
                on_choice(logits, known)
                yield ids
                logits, state = step(known, state)

    def _read(self, prompts: Sequence[str]) -> tuple[Tensor, State]:
        """Return the logits [batch, vocab_size] after the prompts, and the state."""
        # One by one, since the last digits of a row would depend on what it is batched with.
        ends = {prompt: self._read_one(prompt) for prompt in dict.fromkeys(prompts)}
        logits, states = zip(*(ends[prompt] for prompt in prompts), strict=True)
        return torch.cat(logits), join(states)

    def encode_prompt(self, prompt: str) -> TokenIds:
        """Return the ids of a prompt, without a space at its end that begins the next word."""
        return self.tokenizer.encode(prompt[: len(prompt) - self.owes_space(prompt)])

    def owes_space(self, prompt: str) -> int:
        """Return 1 if a prompt ends with a space that the next word carries in a text, otherwise 0.

        No word of a text follows a space that is a token of its own: after one, a model writes half a word or
        a line break.
        """
        if not isinstance(prompt, str):
            raise UsageError(f"prompt must be a string, not {prompt!r}; for several samples use samples(3)")
        if not prompt.endswith(" ") or not (self._carries_space & (self.table.num_chars > 1)).any():
            return 0
        last = self.tokenizer.encode(prompt)[-1:]
        return int(len(last) > 0 and not self.table.pieces[last[0]].strip(b" "))

    def _read_one(self, prompt: str) -> tuple[Tensor, State]:
        ids = self.tokenizer.encode(START + prompt[: len(prompt) - self.owes_space(prompt)])
        row = torch.from_numpy(ids.astype(np.int64)).to(self.device)[None]
        outputs, state = self.model.forward(row, self.model.initial_state(1))
        return outputs[:, -1].float(), state


class RecordedStep:
    """A generation step on a GPU, recorded once and then replayed without launching kernels from Python.

    It is the function `step` as a CUDA graph, for ids of one batch size.

    The step must compute on the device alone, without reading values, and the tensors of its state must keep
    their shapes; a step whose state grows is called directly. The next call overwrites the logits and the
    state that are returned.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by one token. The first call runs all kernels once and then records the graph."""
        if self._graph is not None and state is self._state:
            self._ids.copy_(ids)
            self._graph.replay()
            return self._logits, self._state
        logits, following = self._step(ids, state)
        if self._graph is None and shapes(state) == shapes(following):
            self._record(ids, following)
            return logits, self._state
        return logits, following

    def _record(self, ids: Tensor, state: State) -> None:
        self._ids, self._state = ids.clone(), state
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # libraries allocate memory in the first calls on a stream
            for _ in range(3):
                self._step(self._ids, state)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._logits, following = self._step(self._ids, state)
            # Cloned first, since one tensor of the next state may be another tensor of this one.
            for old, new in zip(tensors(state), [new.clone() for new in tensors(following)], strict=True):
                old.copy_(new)
