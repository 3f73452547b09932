"""A generation step on a GPU, recorded once and then replayed without launching kernels from Python."""

from __future__ import annotations

import torch
from torch import Tensor

from textgen.contracts import State
from textgen.nn.language_model import Step
from textgen.nn.state import shapes, tensors


class RecordedStep:
    """The function `step` as a CUDA graph, for ids of one batch size.

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
