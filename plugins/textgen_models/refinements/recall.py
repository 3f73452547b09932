"""Predictions refined by what followed earlier places whose last tokens are the same.

P_k(token) = (c_k(token) + α_k P_{k-1}(token)) / (n_k + α_k), where n_k is the number of earlier places with
the last k tokens in common, or the sum of their weights, c_k(token) that of those which the token followed,
and P of no context the prediction that is refined: the Dirichlet prior of MacKay and Peto (1995), with counts
as in the cache of Kuhn and De Mori (1990). How far that prediction is trusted depends on its confidence, and
on the number d_k of different tokens that followed: log α_k = a_k + b_k log(1 + n_k) + e_k log(1 + d_k) +
w_k · f, with features f of it. All are fitted to held-out text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import TokenIds
from textgen.runtime.memory import require_memory

START = (3.0, 0.5, 0.0, 0.0, 0.0, 0.0)
"""Coefficients before anything is fitted: the constant, those of log(1 + n) and log(1 + d), and of the
entropy, the highest probability and its logarithm of what is refined."""
PENALTY = 1.0
"""Nats that a distance of 1 from `START` costs, so that contexts that hardly occur keep it."""
LARGEST_EXPONENT = 20.0
NUM_ITERATIONS = 60
NUM_SAMPLED = 2**21
"""Tokens of the training text by which the length of the shortest contexts is chosen."""
BYTES_PER_TOKEN = 48
"""Memory of a token of a text, while it is indexed."""
HASH_FACTOR = 0x9E3779B97F4A7C15 - 2**64  # odd, and far from a power of 2

Integers = NDArray[np.integer]


class Places(NamedTuple):
    """Pairs of a position and an earlier place whose last tokens are the same."""

    positions: Integers
    """[pairs], the index of the position among those that are predicted."""
    lengths: Integers
    """[pairs], how many tokens are the same, at most the longest context's."""
    earlier: Integers
    """[pairs], the earlier place, in the text that it is in."""
    following: Integers
    """[pairs], the token after it."""
    weights: NDArray[np.float32]
    """[pairs], how much each counts."""


class Evidence(NamedTuple):
    """Data that coefficients are fitted to, for each token of a text."""

    features: Tensor
    """[tokens, 3], those of the prediction that is refined."""
    log_likelihoods: Tensor
    """[tokens], the log-probability of the token by it."""
    counts: Tensor
    """[tokens, longest], the weight of places with contexts of each length."""
    kinds: Tensor
    """[tokens, longest], how many different tokens followed them."""
    hits: Tensor
    """[tokens, longest], the weight of those that the token followed."""


class Recall(nn.Module):
    """The refinement, for contexts of up to `longest` tokens."""

    coefficients: Tensor
    """[longest, 6], by the length of the context (see `START`)."""
    shortest: Tensor
    """The length of the shortest contexts."""

    def __init__(self, vocab_size: int, longest: int) -> None:
        super().__init__()
        self.vocab_size, self.longest = vocab_size, longest
        self.register_buffer("coefficients", torch.tensor([START] * longest))
        self.register_buffer("shortest", torch.tensor(1))

    def choose_shortest(self, ids: TokenIds, max_agreement: float) -> None:
        """Take the first length at which two places of a text have the same context this rarely."""
        ids = ids[:NUM_SAMPLED]
        length, codes, num_pairs = 0, np.zeros(len(ids), np.int64), max(1, len(ids) * (len(ids) - 1))
        while length < self.longest:
            length += 1
            _, codes = np.unique(codes * self.vocab_size + np.roll(ids, length - 1), return_inverse=True)
            counts = np.bincount(codes)
            if (counts * (counts - 1)).sum() / num_pairs <= max_agreement:
                break
        self.shortest = self.shortest.new_tensor(length)

    def forward(self, log_probabilities: Tensor, places: Places) -> Tensor:
        """Return the refined log-probabilities [positions, vocab_size]."""
        counts, kinds = (each.to(log_probabilities) for each in self.count(places, len(log_probabilities)))
        log_kept, gained = shares(self.coefficients, features_of(log_probabilities), counts, kinds)
        refined = log_probabilities + log_kept[:, None]
        if not len(places.positions):
            return refined
        of_places = gained.cumsum(1).cpu().numpy()[places.positions, places.lengths - 1] * places.weights
        keys = places.positions * self.vocab_size + places.following
        keys, inverse = np.unique(keys, return_inverse=True)
        added = torch.from_numpy(np.bincount(inverse, of_places)).to(refined)
        where = torch.from_numpy(keys).to(refined.device)
        flat = refined.view(-1)
        flat[where] = torch.logaddexp(flat[where], added.log())
        return refined

    def count(self, places: Places, num_positions: int) -> tuple[Tensor, Tensor]:
        """Return the weight of the places of each position with contexts of each length, and the number of
        different tokens that follow them, both [positions, longest]."""
        counts = self._by_length(places.positions, places.lengths, places.weights, num_positions)
        keys, first = places.positions * self.vocab_size + places.following, -places.lengths
        order = np.lexsort((first, keys))  # of the same token, the one with the longest context
        is_first = np.ones(len(keys), bool)
        is_first[1:] = keys[order][1:] != keys[order][:-1]
        chosen = order[is_first]
        kinds = self._by_length(places.positions[chosen], places.lengths[chosen], None, num_positions)
        return counts, kinds

    def _by_length(
        self, positions: Integers, lengths: Integers, weights: NDArray[np.float32] | None, num_positions: int
    ) -> Tensor:
        """Return the sum over places with contexts of at least each length, [positions, longest]."""
        keys = positions * self.longest + lengths - 1
        exact = np.bincount(keys, weights, num_positions * self.longest).reshape(-1, self.longest)
        sums = exact[:, ::-1].cumsum(1)[:, ::-1].astype(np.float32)
        sums[:, : int(self.shortest) - 1] = 0  # those contexts are not looked for
        return torch.from_numpy(sums)

    def evidence(self, log_probabilities: Tensor, targets: Tensor, places: Places) -> Evidence:
        """Return what coefficients are fitted to, for predictions [positions, vocab_size] of `targets`."""
        num_positions = len(targets)
        hits = places.following == targets.cpu().numpy()[places.positions]
        hit = Places(*(part[hits] for part in places))
        likelihoods = log_probabilities.gather(-1, targets[:, None])[:, 0]
        counts, kinds = self.count(places, num_positions)
        hit_counts = self._by_length(hit.positions, hit.lengths, hit.weights, num_positions)
        return Evidence(features_of(log_probabilities).cpu(), likelihoods.cpu(), counts, kinds, hit_counts)

    def fit(self, evidence: Sequence[Evidence]) -> None:
        """Fit the coefficients to a text, given as its parts."""
        together = (torch.cat(parts).double() for parts in zip(*evidence, strict=True))
        features, likelihoods, counts, kinds, hits = together
        start = torch.tensor([START] * len(self.coefficients), dtype=torch.float64)
        coefficients = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([coefficients], max_iter=NUM_ITERATIONS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            log_kept, gained = shares(coefficients, features, counts, kinds)
            likelihood = (log_kept + likelihoods).exp() + (gained * hits).sum(1)
            penalty = PENALTY * (coefficients - start).square().sum()
            total: Tensor = penalty - likelihood.log().sum()
            (mean := total / len(likelihoods)).backward()  # type: ignore[no-untyped-call]
            return mean

        with torch.enable_grad():
            optimizer.step(loss)  # type: ignore[no-untyped-call]
        if coefficients.isfinite().all():
            self.coefficients = coefficients.detach().to(self.coefficients)


def hashes(tokens: Integers, length: int) -> NDArray[np.int64]:
    """Return a number for the last `length` tokens at each place of rows [..., time]; 0 if there are fewer.

    Those of equal tokens are equal; those of others may be, so that tokens have to be compared.
    """
    numbers, is_text = np.zeros(tokens.shape, np.int64), np.ones(tokens.shape, bool)
    is_text[..., : length - 1] = False
    for back in range(min(length, tokens.shape[-1])):
        before = tokens[..., : tokens.shape[-1] - back]
        numbers[..., back:] = numbers[..., back:] * HASH_FACTOR + before  # wraps around
        is_text[..., back:] &= before >= 0
    return np.where(is_text, numbers + 1, 0)


def shared_lengths(
    tokens: Integers, here: Integers, others: Integers, there: Integers, longest: int
) -> NDArray[np.int64]:
    """Return how many tokens up to `here` in a text are those up to `there` in another, at most `longest`.

    In the first text, at least `longest` tokens precede each place; -1 marks a missing token.
    """
    lengths, same = np.zeros(len(here), np.int64), np.arange(len(here))
    for back in range(longest):
        token, earlier = tokens[here[same] - back], there[same] - back
        same = same[(token >= 0) & (earlier >= 0) & (token == others[earlier])]
        lengths[same] += 1
    return lengths


def sorted_hashes(tokens: Integers, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the hashes of a text in order, and their places; raises `TextgenError` if memory is short."""
    require_memory(BYTES_PER_TOKEN * len(tokens), "an index of the training text", "leave out match")
    numbers = hashes(tokens, length)
    places = np.argsort(numbers, kind="stable")
    return numbers[places], places


def features_of(log_probabilities: Tensor) -> Tensor:
    """Return the entropy, the highest probability and its logarithm, [positions, 3]."""
    highest = log_probabilities.amax(-1)
    finite = log_probabilities.clamp(min=-1e4)
    entropy = -(finite.exp() * finite).sum(-1)
    return torch.stack((entropy, highest.exp(), highest), dim=-1)


def shares(coefficients: Tensor, features: Tensor, counts: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log of the share of what is refined, [positions], and of each place its share by length.

    The latter is [positions, longest]. A place whose context has length k gets the shares of all lengths up
    to k, times its weight.
    """
    logits = coefficients[:, 0] + features @ coefficients[:, 3:].T
    logits = logits + coefficients[:, 1] * counts.log1p() + coefficients[:, 2] * kinds.log1p()
    alpha = logits.clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT).exp()
    log_kept = -(counts / alpha).log1p()  # in logarithms, since a product of many may underflow
    longer = log_kept.flip(1).cumsum(1).flip(1)  # of this length and all longer ones
    gained = (longer - log_kept).exp() / (counts + alpha)
    return longer[:, 0], torch.where(counts > 0, gained, 0)
