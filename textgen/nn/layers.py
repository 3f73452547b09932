"""Layers of models whose features pass through one output layer: embedding, dropout, softmax, base class."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Le, Lt, doc
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import PretrainedVectors, Search, State
from textgen.nn.quantized import pack_linear
from textgen.nn.weights import num_parameters


class TokenEmbedding(nn.Module):
    """A layer from token ids [...] to vectors [..., size], with an initial norm of about 1.

    With `vectors`, the rows that were found start from them, scaled to that norm on average, and `size` is
    their dimension. Frozen rows are in a separate buffer that no gradient reaches.
    """

    layer_role: ClassVar[str] = "input"
    fixed: Tensor
    is_fixed: Tensor

    def __init__(self, vocab_size: int, size: int, vectors: PretrainedVectors | None = None) -> None:
        super().__init__()
        self.size = size if vectors is None else vectors.table.shape[1]
        scale = self.size**-0.5  # the standard deviation of an entry
        table = torch.randn(vocab_size, self.size) * scale
        frozen = vectors is not None and vectors.frozen
        if vectors is not None:
            known = vectors.table[vectors.found]
            spread = known.square().mean().sqrt() if len(known) else torch.tensor(1.0)
            table[vectors.found] = known / spread.clamp(min=1e-12) * scale
        self.weight = nn.Parameter(table)
        if frozen and vectors is not None:
            self.register_buffer("is_fixed", vectors.found[:, None].clone())
            self.register_buffer("fixed", torch.where(self.is_fixed, table, 0.0))
        self.frozen = frozen

    @property
    def num_frozen_parameters(self) -> int:
        """The number of values in the frozen rows; the same rows of `weight` are never read."""
        return int(self.is_fixed.sum()) * self.size if self.frozen else 0

    def table(self) -> Tensor:
        """Return the vectors of all tokens, [vocab_size, size]."""
        return torch.where(self.is_fixed, self.fixed, self.weight) if self.frozen else self.weight

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.table())


@dataclass(frozen=True)
class SharedRows:
    """The rows `begin` to `end` of a token embedding, as an output layer shares them."""

    embedding: TokenEmbedding
    begin: int
    end: int

    def table(self) -> Tensor:
        """Return the rows, [end - begin, size]."""
        return self.embedding.table()[self.begin : self.end]


MAX_DROPOUT = 0.3
"""Automatic probability, at most."""


def automatic_dropout(num_epochs: float, parameters_per_token: float) -> float:
    """Return the dropout probability for this number of epochs and of parameters per token of the text.

    A model memorises a text by reading it often and by having room for it, so what counts is the product of
    both, where fewer parameters than tokens are no reason for more epochs without dropout: 0 up to 3, then
    0.05 more for each factor of 3. The fit is in docs/scores.md.
    """
    exposure = num_epochs * max(1.0, parameters_per_token)
    return min(max(0.05 * math.log(max(exposure, 1) / 3, 3), 0.0), MAX_DROPOUT)


class Dropout(nn.Module):
    """A probability that is given, or follows what the budget allows; `forward` is defined by subclasses."""

    def __init__(self, probability: float | None) -> None:
        super().__init__()
        self.is_automatic = probability is None
        self.probability = probability or 0.0

    def follow(self, automatic: float) -> None:
        """Take the result of `automatic_dropout`, unless the probability is given."""
        if self.is_automatic:
            self.probability = automatic


LARGE_VOCABULARY = 4000
"""Vocabulary size above which `output_layer` prefers the adaptive softmax, then several times faster."""

UNSEEN = 0.5
"""Count of a token that does not occur in the training text, and what is added to all others."""

CHUNK_LOGITS = 2**23
"""Number of logits that `linear_cross_entropy` holds at a time: 32 MB in fp32."""


def output_layer(
    hidden_size: int, vocab_size: int, softmax: str, tied_to: TokenEmbedding | None
) -> FullSoftmax | AdaptiveSoftmax:
    """Return the output layer named by `softmax`: full, adaptive, or auto to choose by the vocabulary size.

    The full one, and the head of the adaptive one, share their weights with the embedding `tied_to` (Press
    and Wolf 2017) if both have the same size; the clusters of the adaptive one always do, by a projection. On
    wiki, where most words occur a few times, that is worth 0.03 bits per character to `word-lstm-glove`.
    """
    if softmax == "adaptive" or (softmax == "auto" and vocab_size > LARGE_VOCABULARY):
        return AdaptiveSoftmax(hidden_size, vocab_size, cutoffs(vocab_size), tied_to)
    return FullSoftmax(hidden_size, vocab_size, _shared(tied_to, hidden_size, 0, vocab_size))


def _shared(tied_to: TokenEmbedding | None, size: int, begin: int, end: int) -> SharedRows | None:
    """Return the rows of an embedding that an output layer for features of this size can share."""
    return SharedRows(tied_to, begin, end) if tied_to is not None and tied_to.size == size else None


def cutoffs(vocab_size: int) -> list[int]:
    """Return the first ids of the clusters of the adaptive softmax; the head has the most frequent tokens."""
    return [cutoff for cutoff in (2000, 8000) if cutoff < vocab_size] or [vocab_size // 2]


class FullSoftmax(nn.Module):
    """Logits = features · weightsᵀ + bias; the first weights are rows of a token embedding if some are given.

    The others are the layer's own.
    """

    layer_role: ClassVar[str] = "output"

    def __init__(self, hidden_size: int, vocab_size: int, shared: SharedRows | None = None) -> None:
        super().__init__()
        self._shared = shared
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        num_own = vocab_size - (shared.end - shared.begin if shared else 0)
        if num_own:
            self.weight = nn.Parameter(torch.randn(num_own, hidden_size) * hidden_size**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits [..., vocab_size] for features [..., hidden_size]."""
        return F.linear(features, self.weights(), self.bias)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats, without holding all logits at once."""
        return linear_cross_entropy(features.flatten(0, -2), self.weights(), self.bias, targets.flatten())

    def for_generation(self, dtype: torch.dtype, bound: float = math.inf) -> Callable[[Tensor], Tensor]:
        """Return `forward` for features [batch, hidden_size] in [-bound, bound], quantized if faster."""
        layer = pack_linear(self.weights(), self.bias, dtype, bound)
        return lambda features: layer(layer.prepare_input(features))

    @torch.no_grad()
    def start_from(self, counts: Tensor) -> None:
        """Let the bias start from the log-probabilities of tokens with these `counts` [vocab_size]."""
        smoothed = counts + UNSEEN
        self.bias.copy_((smoothed / smoothed.sum()).log())

    def weights(self) -> Tensor:
        """Return the weights [vocab_size, hidden_size], shared and own."""
        if self._shared is None:
            return self.weight
        rows = self._shared.table()
        return torch.cat((rows, self.weight)) if len(rows) < len(self.bias) else rows


class AdaptiveSoftmax(nn.Module):
    """An output layer that predicts rare tokens by cluster, then token (Grave et al. 2017, arXiv:1609.04309).

    Ids must be ordered by falling frequency. The head predicts the tokens below `cutoffs[0]` and the
    clusters of the others. Training computes only the rows whose target is in a cluster. Each cluster has a
    quarter of the width of the one before, or that of the embedding `tied_to`, whose rows are its weights.
    """

    def __init__(
        self, hidden_size: int, vocab_size: int, cutoffs: list[int], tied_to: TokenEmbedding | None = None
    ) -> None:
        super().__init__()
        self.bounds = [*cutoffs, vocab_size]
        head = _shared(tied_to, hidden_size, 0, cutoffs[0])
        self.head = FullSoftmax(hidden_size, cutoffs[0] + len(cutoffs), head)
        self.projections, self.tails = nn.ModuleList(), nn.ModuleList()
        for index, (low, high) in enumerate(pairwise(self.bounds), start=1):
            size = tied_to.size if tied_to else max(1, hidden_size // 4**index)
            self.projections.append(nn.Linear(hidden_size, size, bias=False))
            self.tails.append(FullSoftmax(size, high - low, _shared(tied_to, size, low, high)))

    def forward(self, features: Tensor) -> Tensor:
        """Return log-probabilities [..., vocab_size], which are used as logits."""
        return self._join(
            self.head(features), [tail(project(features)) for project, tail in self._clusters()]
        )

    def start_from(self, counts: Tensor) -> None:
        """Let the biases start from the log-probabilities of tokens with these `counts` [vocab_size]."""
        clusters = [counts[low:high] for low, high in pairwise(self.bounds)]
        self.head.start_from(torch.cat([counts[: self.bounds[0]], *(each.sum()[None] for each in clusters)]))
        for (_, tail), each in zip(self._clusters(), clusters, strict=True):
            tail.start_from(each)

    def for_generation(self, dtype: torch.dtype, bound: float = math.inf) -> Callable[[Tensor], Tensor]:
        """Return `forward` for features [batch, hidden_size] in [-bound, bound], quantized if faster."""
        head = self.head.for_generation(dtype, bound)
        tails = [
            (project.weight.detach().t().to(dtype).contiguous(), tail.for_generation(dtype))
            for project, tail in self._clusters()
        ]

        def forward(features: Tensor) -> Tensor:
            inputs = features.to(dtype)
            return self._join(head(features), [tail(inputs @ projection) for projection, tail in tails])

        return forward

    def _clusters(self) -> Iterator[tuple[nn.Linear, FullSoftmax]]:
        for projection, tail in zip(self.projections, self.tails, strict=True):
            assert isinstance(projection, nn.Linear)
            assert isinstance(tail, FullSoftmax)
            yield projection, tail

    def _join(self, head: Tensor, tails: list[Tensor]) -> Tensor:
        """Return the log-probabilities of all tokens, given the logits of the head and of each tail."""
        head = head.float().log_softmax(-1)
        parts = [head[..., : self.bounds[0]]]
        for index, tail in enumerate(tails, start=self.bounds[0]):
            parts.append(head[..., index, None] + tail.float().log_softmax(-1))
        return torch.cat(parts, dim=-1)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats."""
        features, targets = features.flatten(0, -2), targets.flatten()
        in_head = targets
        tail_loss = features.new_zeros((), dtype=torch.float32)
        for index, (projection, tail) in enumerate(self._clusters()):
            low, high = self.bounds[index : index + 2]
            inside = (targets >= low) & (targets < high)
            rows = inside.nonzero()[:, 0]
            in_head = torch.where(inside, self.bounds[0] + index, in_head)
            if len(rows):
                projected = projection(features[rows])
                tail_loss = tail_loss + len(rows) * tail.loss(projected, targets[rows] - low)
        return self.head.loss(features, in_head) + tail_loss / len(targets)


def linear_cross_entropy(features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of cross_entropy(features · weightᵀ + bias, targets) in nats, chunk by chunk.

    Shapes: `features` [count, size], `weight` [vocab_size, size], `bias` [vocab_size], `targets` [count].
    Matmuls are computed in the type of `features`, the softmax in fp32. The gradients are computed along with
    the loss, so that no logits are kept or computed twice.
    """
    loss: Tensor = _LinearCrossEntropy.apply(features, weight, bias, targets)  # type: ignore[no-untyped-call, unused-ignore]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        count, dtype = len(features), features.dtype
        rounded = weight.to(dtype)
        learns = any(ctx.needs_input_grad)
        d_features = torch.empty_like(features) if learns else None
        d_weight = torch.zeros_like(weight) if learns else None
        d_bias = torch.zeros_like(bias) if learns else None
        loss = bias.new_zeros(())
        rows = max(1, CHUNK_LOGITS // len(weight))
        bounds = [*range(0, count, rows), count]
        with torch.autocast(features.device.type, enabled=False):
            for start, end in pairwise(bounds):
                chunk, wanted = features[start:end], targets[start:end, None]
                logits = (chunk @ rounded.t()).to(torch.promote_types(dtype, torch.float32)).add_(bias)
                log_probs = logits.log_softmax(-1)
                loss -= log_probs.gather(1, wanted).sum()
                if d_features is None or d_weight is None or d_bias is None:
                    continue
                # The gradient of the logits is the probabilities, minus 1 at the target.
                d_logits = log_probs.exp_()
                d_logits.scatter_add_(1, wanted, -torch.ones_like(wanted, dtype=d_logits.dtype))
                d_bias += d_logits.sum(0)
                d_logits = d_logits.to(dtype)
                torch.mm(d_logits, rounded, out=d_features[start:end])
                d_weight += d_logits.t() @ chunk
        if learns:
            ctx.save_for_backward(d_features, d_weight, d_bias)
        ctx.count = count
        return loss / count

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        d_features, d_weight, d_bias = ctx.saved_tensors
        scale = d_loss / ctx.count
        return d_features * scale.to(d_features.dtype), d_weight * scale, d_bias * scale, None


NumLayers = Annotated[int, Ge(1), Le(1000), doc("Number of stacked layers."), Search(1, 4)]
HiddenSize = Annotated[
    int, Ge(1), Le(65_536), doc("Size of the hidden layers."), Search(64, 512, log=True, step=32)
]
EmbeddingSize = Annotated[int, Ge(0), Le(65_536), doc("Embedding size; 0 means hidden_size.")]
DropoutProbability = Annotated[
    Annotated[float, Ge(0), Lt(1)] | None,
    doc("Dropout probability, one mask per window; none: automatic."),
    Search(values=(None, 0.0, 0.1, 0.2, 0.3, 0.5)),
]
TieWeights = Annotated[bool, doc("Tie input and output embeddings."), Search()]
Softmax = Annotated[
    Literal["auto", "full", "adaptive"],
    doc("auto: adaptive above 4,000 tokens, where it is several times faster."),
]


class FeatureModel(nn.Module):
    """A base class for models; a subclass defines `initial_state` and `features`, and creates two layers.

    It provides the `forward` of the contract, a `loss` that does not hold all logits at once, an output layer
    that starts from the frequencies of the tokens, and a dropout that follows the expected number of epochs
    unless its probability is given.
    """

    output: FullSoftmax | AdaptiveSoftmax
    parameters_per_token = 0.0
    """Trained parameters for each token of the training text; zero until `set_token_counts`."""

    def features(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        raise NotImplementedError

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits [batch, time, vocab_size] and the state after the last token."""
        features, following = self.features(ids, state)
        return self.output(features), following

    def loss(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the mean loss in nats per token and the next state."""
        features, following = self.features(ids, state)
        return self.output.loss(features, targets), following

    def set_token_counts(self, counts: Tensor) -> None:
        """Let the output layer start from the frequencies of the tokens, `counts` [vocab_size]."""
        self.parameters_per_token = num_parameters(self) / max(1.0, float(counts.sum()))
        self.output.start_from(counts)

    def set_expected_epochs(self, num_epochs: float) -> None:
        """Choose the dropouts for this number of epochs whose probability is not given."""
        strength = automatic_dropout(num_epochs, self.parameters_per_token)
        for layer in self.modules():
            if isinstance(layer, Dropout):
                layer.follow(strength)
