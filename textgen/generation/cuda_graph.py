"""A generation step on a GPU, recorded once and replayed: no kernel is launched from Python any more."""

from __future__ import annotations

import torch
from torch import Tensor

from textgen.api import State
from textgen.nn.language_model import Step
from textgen.nn.state import shapes, tensors


class RecordedStep:
    """The same as `step`, for ids of one batch size, as a CUDA graph.

    The step must compute on the device alone, without reading values, and the tensors of its state must keep
    their shapes; a step whose state grows is called directly. Logits and state that are returned are
    overwritten by the next call.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by one token; the second call records the graph, when all kernels have run once."""
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
        with torch.cuda.stream(stream):  # libraries reserve their memory at the first calls on a stream
            for _ in range(3):
                self._step(self._ids, state)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._logits, following = self._step(self._ids, state)
            # Cloned first: a part of the next state may be another part of this one.
            for old, new in zip(tensors(state), [new.clone() for new in tensors(following)], strict=True):
                old.copy_(new)
