"""The model `adapt`: a log-linear layer that is trained on the text while that is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, NamedTuple

import torch
from annotated_types import Ge, Le, doc
from torch import Tensor

from textgen.contracts import BaseModel, Search, TokenIds
from textgen.nn.state import take_rows
from textgen_models.refinements.base import Refinement

RATES = (0.0, 0.05, 0.1, 0.2)
"""Learning rates of which the best on held-out text is taken; that of the exponents is a tenth."""
EXPONENT_RATE = 0.1
FIRST_SQUARE = 0.1
"""What the sums of squared gradients begin with (ε of AdaGrad)."""
LEAST = -20.0
"""Log-probabilities below are not told apart by the exponents."""
UNUSED = 0
"""A context that no prediction has: what is learnt before the first one has no effect."""
HASH_FACTORS = (0x9E3779B97F4A7C15 - 2**64, 0x5851F42D4C957F2D)


class Memory(NamedTuple):
    """What was learnt from the text so far, batch first."""

    weights: Tensor
    """[batch, contexts, vocab_size]."""
    exponents: Tensor
    """[batch, contexts], in addition to 1."""
    squares: Tensor
    """[batch, contexts, 2], sums of the squared gradients of both."""
    recent: Tensor
    """[batch, longest], the last tokens, -1 before the first."""
    contexts: Tensor
    """[batch, longest + 1], those of the last prediction; `UNUSED` before the first."""
    base: Tensor
    """[batch, vocab_size], the log-probabilities of the base there."""
    predicted: Tensor
    """[batch, vocab_size], the probabilities predicted there."""


class Adapt(Refinement):
    """Learns on from each token of the text that it reads, in a layer above the other models.

    This is dynamic evaluation (Krause et al. 2018, arXiv:1709.07432) of one layer:
    p(v) ∝ base(v)^(1 + Σ_c a_c) · exp Σ_c w_cv, where the contexts c are the last 0 to `longest` tokens,
    hashed to rows of a table (Mikolov et al. 2011, "Strategies for training large scale neural network
    language models"). All are zero when a text begins. After each token comes one step against the gradient
    of its loss, divided by the root of the summed squares of those before in this context (AdaGrad, Duchi et
    al. 2011). On `wiki` it is as good as the same for the output layer of `hier`, with a mixture and a
    `cache` above.
    """

    reads_on: ClassVar[bool] = True
    rate: Tensor
    """The learning rate, fitted to held-out text."""

    def __init__(
        self,
        vocab_size: int,
        *,
        base: BaseModel | None = None,
        longest: Annotated[
            int, Ge(0), Le(16), doc("Length of the longest contexts in tokens."), Search(0, 5)
        ] = 3,
        table_size: Annotated[
            int,
            Ge(1),
            Le(2**24),
            doc("Numbers in the table of each text that is read."),
            Search(values=(2**17, 2**19, 2**21)),
        ] = 2**19,
    ) -> None:
        super().__init__(vocab_size, base)
        self.longest, self.num_contexts = longest, max(3, table_size // vocab_size)
        self.register_buffer("rate", torch.tensor(RATES[1]))

    @torch.inference_mode()
    def fit_held_out(self, stretches: Sequence[TokenIds]) -> None:
        """Choose the learning rate that is best on whole stretches of text, each from an initial state."""
        nats, memories = torch.zeros(len(RATES), dtype=torch.float64), list[Memory]()
        for window, predictions in self.held_out(stretches):
            num_rows = len(window.inputs)
            memories = memories or [self.initial_memory(num_rows)] * len(RATES)
            is_text = torch.from_numpy(window.is_text).to(predictions.device)
            for index, rate in enumerate(RATES):
                self.rate.fill_(rate)
                memory = take_rows(memories[index], 0, num_rows)
                refined, memories[index] = self.refine(predictions, window.inputs, memory)
                nats[index] -= refined.gather(-1, window.targets[..., None])[..., 0][is_text].sum().cpu()
        is_measured = bool(memories) and bool(nats.isfinite().all())
        self.rate.fill_(RATES[int(nats.argmin())] if is_measured else RATES[1])

    def initial_memory(self, batch_size: int) -> Memory:
        """Return zeros, and that nothing was predicted."""
        size, none = (batch_size, self.num_contexts), self.rate.new_full((), -1, dtype=torch.int64)
        return Memory(
            weights=self.rate.new_zeros(*size, self.vocab_size),
            exponents=self.rate.new_zeros(size),
            squares=self.rate.new_full((*size, 2), FIRST_SQUARE),
            recent=none.repeat(batch_size, self.longest),
            contexts=torch.full_like(none, UNUSED).repeat(batch_size, self.longest + 1),
            base=self.rate.new_zeros(batch_size, self.vocab_size),
            predicted=self.rate.new_zeros(batch_size, self.vocab_size),
        )

    def refine(self, predictions: Tensor, ids: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Return the refined log-probabilities [batch, time, vocab_size], and the memory after `ids`."""
        if not self.rate:
            return predictions, memory
        tokens = torch.cat((memory.recent, ids), dim=1)
        contexts = self._contexts(tokens, ids.shape[1])
        rows = self._rows(contexts)
        bases, refined = predictions.clamp(min=LEAST), torch.empty_like(predictions)
        layer = _Layer(memory, float(self.rate))
        last = _Prediction(memory.base, memory.predicted, self._rows(memory.contexts[:, None])[:, 0])
        for time, targets in enumerate(ids.unbind(1)):
            layer.learn(last, targets)
            refined[:, time] = scores = layer.score(predictions[:, time], bases[:, time], rows[:, time])
            last = _Prediction(bases[:, time], scores.exp(), rows[:, time])
        return refined, Memory(
            *layer.memory(),
            recent=tokens[:, ids.shape[1] :].clone(),  # not views, which would keep the whole window
            contexts=contexts[:, -1].clone(),
            base=last.base.clone(),
            predicted=last.probabilities,
        )

    def _contexts(self, tokens: Tensor, num_new: int) -> Tensor:
        """Return the rows of the contexts of the last `num_new` tokens, [batch, num_new, longest + 1]."""
        numbers = tokens.new_zeros(len(tokens), num_new)
        rows = [numbers + 1]
        for length in range(1, self.longest + 1):
            end = tokens.shape[1] - length + 1
            numbers = (numbers + tokens[:, end - num_new : end] + 2) * HASH_FACTORS[0]  # wraps around
            mixed = (numbers ^ (numbers >> 29)) * HASH_FACTORS[1]
            rows.append(2 + (mixed >> 33).remainder(self.num_contexts - 2))
        return torch.stack(rows, dim=-1)

    def _rows(self, contexts: Tensor) -> Tensor:
        """Return the rows of contexts [batch, time, longest + 1] in the table of all texts."""
        first = self.num_contexts * torch.arange(len(contexts), device=contexts.device)
        return contexts + first[:, None, None]


class _Prediction(NamedTuple):
    """A prediction from which the layer learns when the next token is known, batch first."""

    base: Tensor
    """[batch, vocab_size], what the base gave, in logarithms."""
    probabilities: Tensor
    """[batch, vocab_size], what was predicted; all 0 before the first token."""
    rows: Tensor
    """[batch, longest + 1], its contexts."""


class _Layer:
    """The weights of all texts of a batch, which change in place."""

    def __init__(self, memory: Memory, rate: float) -> None:
        self._weights, self._exponents, self._squares = (
            part.clone() for part in (memory.weights, memory.exponents, memory.squares)
        )
        self._rate, self._minus_one = rate, -torch.ones_like(memory.base[:, :1])
        self._all_weights, self._all_exponents = self._weights.flatten(0, 1), self._exponents.flatten()
        self._all_squares = self._squares.flatten(0, 1)

    def memory(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return weights, exponents and sums of squares."""
        return self._weights, self._exponents, self._squares

    def score(self, prediction: Tensor, base: Tensor, rows: Tensor) -> Tensor:
        """Return the refined log-probabilities [batch, vocab_size]."""
        exponents = self._all_exponents[rows].sum(1, keepdim=True)
        return torch.addcmul(prediction + self._all_weights[rows].sum(1), exponents, base).log_softmax(-1)

    def learn(self, last: _Prediction, targets: Tensor) -> None:
        """Take a step against the gradient of the loss of a prediction, whose target [batch] is known now."""
        gradient = last.probabilities.scatter_add(1, targets[:, None], self._minus_one)
        of_exponents = (gradient * last.base).sum(1)
        squared = torch.stack((gradient.square().sum(1), of_exponents.square()), dim=1)
        rows, num_rows = last.rows.flatten(), last.rows.shape[1]
        self._all_squares.index_add_(0, rows, squared.repeat_interleave(num_rows, 0))
        steps = self._all_squares[last.rows].rsqrt()
        weights = (steps[..., :1] * gradient[:, None]).flatten(0, 1)
        self._all_weights.index_add_(0, rows, weights, alpha=-self._rate)
        exponents = (steps[..., 1] * of_exponents[:, None]).flatten()
        self._all_exponents.index_add_(0, rows, exponents, alpha=-EXPONENT_RATE * self._rate)
