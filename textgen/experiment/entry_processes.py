"""What runs an entry's code while it is scored: its tokenizer and its model, each asked from afar.

In a comparison each is in a process of its own (`textgen.workers.assistant`), which knows no more of the text
than it is told; what they return are JSON values and tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import State, TextgenError, TokenIds, Vocabulary
from textgen.data.bound_tokenizer import START, BoundTokenizer, FrozenTokenizer
from textgen.data.sources import withhold_texts
from textgen.evaluation.token_bits import measure_spellings, score_stretches
from textgen.experiment.encoding import EmbeddingAudit
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import seed_prior
from textgen.experiment.saved_run import RunFiles, SavedRun, build_trained, load_run
from textgen.generation.generator import RecordedStep
from textgen.nn.language_model import LanguageModel, Step
from textgen.nn.state import map_tensors, take_rows
from textgen.nn.weights import num_frozen_parameters, num_parameters
from textgen.registry.single_file import load_plugin_files
from textgen.runtime.storage.json_records import from_plain, to_values
from textgen.training import progress
from textgen.training.progress import Report
from textgen.workers.assistant import Assistant, Host, OpensHost
from textgen.workers.process import shared_memory, tell


def say(step: progress.Step) -> None:
    """Send a step to the process that asks this one."""
    tell(to_values(step))


def heard(report: Report) -> Callable[[Any], None]:
    """Return what reports the steps that another process says."""

    def hear(values: Any) -> None:
        with suppress(ValueError):  # a plugin has sent it
            report(from_plain(progress.Step, values))

    return hear


def assistants(plugin_files: Sequence[Path], num_threads: int | None = None) -> OpensHost:
    """Return a function that opens hosts in assistants of this process, which load plugins, have that many
    threads of torch, or as many as it has, and read no corpus.
    """
    set_threads = partial(torch.set_num_threads, num_threads or torch.get_num_threads())
    load_plugins = partial(load_plugin_files, plugin_files)
    return lambda make: Assistant(make, set_threads, withhold_texts, load_plugins)


@dataclass(frozen=True, eq=False)
class TokenizerHost:
    """A fitted tokenizer."""

    tokenizer: BoundTokenizer

    @classmethod
    def of(cls, entry: Entry, state: Mapping[str, Any]) -> TokenizerHost:
        """Return the tokenizer of an entry in the state after training."""
        tokenizer = entry.build_tokenizer()
        tokenizer.restore(dict(state))
        return cls(tokenizer)

    def describe(self) -> dict[str, Any]:
        """Return its vocabulary and promises, before it is told any scored text."""
        vocabulary = self.tokenizer.vocabulary
        return {
            "tokens": list(self.tokenizer.tokens),
            "is_fallback": torch.from_numpy(self.tokenizer.is_fallback),
            "spells": torch.from_numpy(np.asarray(vocabulary.fallback)),
            "has_speller": vocabulary.has_speller,
            "is_lossless": self.tokenizer.is_lossless,
            "start_ids": _sent(self.tokenizer.encode(START)),
        }

    def encode(self, texts: Sequence[str]) -> list[Tensor]:
        """Return the ids of each text."""
        return [_sent(self.tokenizer.encode(text)) for text in texts]


def frozen(host: Host) -> FrozenTokenizer:
    """Ask a tokenizer for its vocabulary, which later answers are checked against."""
    told = host.ask("describe")
    try:
        return FrozenTokenizer(
            tokens=tuple(map(str, told["tokens"])),
            is_fallback=np.asarray(told["is_fallback"], bool),
            spells=np.asarray(told["spells"], bool),
            has_speller=bool(told["has_speller"]),
            is_lossless=bool(told["is_lossless"]),
            start_ids=np.asarray(told["start_ids"], np.int64),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise TextgenError("the process of its tokenizer answers nonsense") from error


def encoded(host: Host, tokenizer: FrozenTokenizer, texts: Sequence[str]) -> tuple[TokenIds, ...]:
    """Return the ids of each text; raises `TextgenError` for anything but ids of the vocabulary."""
    answer = [np.asarray(ids) for ids in host.ask("encode", list(texts))]
    size = len(tokenizer.tokens)
    is_valid = len(answer) == len(texts) and all(
        ids.ndim == 1 and ids.dtype == np.int64 and (not len(ids) or 0 <= ids.min() <= ids.max() < size)
        for ids in answer
    )
    if not is_valid:
        raise TextgenError("its tokenizer returns ids that its vocabulary, as it was after training, lacks")
    return tuple(ids.astype(tokenizer.id_type) for ids in answer)


def _sent(ids: TokenIds) -> Tensor:
    return torch.from_numpy(np.asarray(ids, np.int64))


@dataclass(frozen=True, eq=False)
class ModelParts:
    """All that a trained model is built from."""

    entry: Entry
    """With the number of copies of its models."""
    vocabulary: Vocabulary
    audit: EmbeddingAudit | None
    weights: Mapping[str, Tensor]
    device: torch.device

    def build(self) -> LanguageModel:
        """Return a new model with these weights."""
        return build_trained(self.entry, self.vocabulary, self.audit, self.weights, self.device)


class ModelHost:
    """A trained model, which reads what it is told."""

    def __init__(self, parts: ModelParts) -> None:
        self._parts, self.model, self._device = parts, parts.build(), parts.device
        self._logits: Tensor | None = None
        """Memory that the process which asks reads too."""

    def describe(self) -> dict[str, Any]:
        """Return sizes, and what it says of its logits."""
        return {
            "num_parameters": num_parameters(self.model.module),
            "num_frozen_parameters": num_frozen_parameters(self.model.module),
            "state_bytes": self.model.state_bytes,
            "vocab_size": self.model.vocab_size,
            "reads_on": self._parts.entry.reads_on,
            "is_normalized": self.model.is_normalized,
        }

    def spellings(self, stretches: Sequence[TokenIds], start_ids: TokenIds) -> list[list[float]]:
        """Return the log-probabilities of spelled words of validation."""
        found = measure_spellings(self.model, self._parts.vocabulary, stretches, start_ids, self._device)
        return [list(word) for word in found]

    def score_windows(self, stretches: Sequence[TokenIds], start_ids: TokenIds) -> tuple[list[Tensor], float]:
        """Return the bits of each token, and the largest error of a sum of probabilities.

        The tokens are told at once; so this is for texts that nobody is ranked by.
        """
        texts = [""] * len(stretches)
        scored = score_stretches(self.model, texts, stretches, start_ids, device=self._device)
        error = max((each.max_normalization_error for each in scored), default=0.0)
        return [torch.from_numpy(each.bits) for each in scored], error

    def score_again(
        self, stretches: Sequence[TokenIds], start_ids: TokenIds, chunk: int, is_new: bool
    ) -> list[Tensor]:
        """Return the bits of each token of stretches that it has been told, one after the other, in windows.

        With `is_new` a new model reads them.
        """
        model = self._parts.build() if is_new else self.model
        scored = [
            score_stretches(model, [""], [ids], start_ids, device=self._device, chunk=chunk)[0]
            for ids in stretches
        ]
        return [torch.from_numpy(each.bits) for each in scored]

    def use_memory(self) -> None:
        """Write logits to the memory that the process which asks has shared."""
        self._logits = torch.frombuffer(shared_memory(), dtype=torch.float32)

    @torch.inference_mode()
    def begin(self, num_rows: int, start_ids: TokenIds) -> Tensor | None:
        """Return the logits [num_rows, vocab_size] after the start, or write them to shared memory."""
        self._num_told = 0
        ids = torch.from_numpy(np.tile(np.asarray(start_ids, np.int64), (num_rows, 1))).to(self._device)
        logits, self._read = self.model.forward(ids, self.model.initial_state(num_rows))
        first = logits[:, -1].clone()
        self._step = self._working_step(ids[:, -1])
        return self._answer(first)

    def _working_step(self, ids: Tensor) -> Step:
        """Return the model's own step, or `forward` with one token if that step fails."""

        def by_forward(ids: Tensor, state: State) -> tuple[Tensor, State]:
            logits, following = self.model.forward(ids[:, None], state)
            return logits[:, -1], following

        try:
            step = self.model.prepare_step(torch.float32)
            step(ids, map_tensors(Tensor.clone, self._read))
        except Exception:  # whatever a plugin raises: then it cannot write, but it can be scored
            return by_forward
        return step

    @torch.inference_mode()
    def tell(self, ids: TokenIds) -> Tensor | None:
        """Return the same after one more token of each of the first stretches, `ids` [rows]."""
        if not self._num_told:  # a step may change its state in place
            self._told = map_tensors(Tensor.clone, self._read)
        if len(ids) != self._num_told:
            self._num_told, self._told = len(ids), take_rows(self._told, 0, len(ids))
            is_recorded = self._device.type == "cuda" and self.model.is_step_recordable
            self._next = RecordedStep(self._step) if is_recorded else self._step
        logits, self._told = self._next(torch.from_numpy(ids).to(self._device), self._told)
        return self._answer(logits)

    @torch.inference_mode()
    def read(self, ids: TokenIds) -> Tensor | None:
        """Return the logits [rows, time, vocab_size] after each of several tokens, `ids` [rows, time]."""
        rows = torch.from_numpy(np.ascontiguousarray(ids)).to(self._device)
        logits, self._read = self.model.forward(rows, take_rows(self._read, 0, len(ids)))
        self._num_told = 0
        return self._answer(logits)

    def _answer(self, logits: Tensor) -> Tensor | None:
        logits = logits.float().cpu()
        if self._logits is None:
            return logits
        self._logits[: logits.numel()].view_as(logits).copy_(logits)
        return None

    def run(self, files: RunFiles) -> SavedRun:
        """Return the run that the model is of; its weights need not be in `files`."""
        manifest = files.manifest
        return SavedRun(
            manifest.entry,
            TokenizerHost.of(manifest.entry, files.tokenizer).tokenizer,
            self.model,
            settings=manifest.settings,
            result=manifest.result,
            sources=manifest.sources,
            spellings=files.spellings,
            seed_prior=seed_prior(manifest.result.train),
        )

    def write(self, write: Callable[[SavedRun, Report], Any], files: RunFiles) -> Any:
        """Return what a function makes of the run, as JSON values; by then the text is no secret any more."""
        return to_values(write(self.run(files), say))


class RunHost:
    """A run that was made before."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self._run = load_run(folder, device)

    def write(self, write: Callable[[SavedRun, Report], Any]) -> Any:
        """Return what a function makes of the run, as JSON values."""
        return to_values(write(self._run, say))


class HostedPredictor:
    """A model in another process, or in this one, as `textgen.evaluation.lockstep` asks it."""

    def __init__(self, host: Host, vocab_size: int, num_logits: int, *, is_normalized: bool) -> None:
        """`num_logits` is the most that one answer has."""
        self._host, self._vocab_size, self.is_normalized = host, vocab_size, is_normalized
        self._memory = host.share(4 * num_logits) if isinstance(host, Assistant) else None
        if self._memory is not None:
            host.ask("use_memory")

    def begin(self, num_rows: int, start_ids: TokenIds) -> Tensor:
        """Return the logits [num_rows, vocab_size] after the start."""
        return self._logits(self._host.ask("begin", num_rows, start_ids), num_rows)

    def tell(self, ids: TokenIds) -> None:
        """Tell one more token of each of the first stretches, `ids` [rows]."""
        self._num_told = len(ids)
        self._host.begin("tell", ids)

    def answer(self) -> Tensor:
        """Return the logits [rows, vocab_size] after the tokens that were told last."""
        return self._logits(self._host.answer(), self._num_told)

    def read(self, ids: TokenIds) -> Tensor:
        """Return the logits [rows, time, vocab_size] after each of several tokens, `ids` [rows, time]."""
        return self._logits(self._host.ask("read", ids), *ids.shape)

    def _logits(self, answer: Any, *shape: int) -> Tensor:
        shape = (*shape, self._vocab_size)
        if self._memory is not None:
            # A copy, which nobody can change any more when the next token is told.
            number = math.prod(shape)
            return torch.frombuffer(self._memory, dtype=torch.float32, count=number).view(shape).clone()
        if not isinstance(answer, Tensor) or answer.shape != shape:
            raise TextgenError("the process of its model answers nonsense")
        return answer.float().clone()
