"""Predictions refined by what followed earlier places whose last tokens are the same.

P_k(token) = (c_k(token) + α_k P_{k-1}(token)) / (n_k + α_k), where n_k is the number of earlier places with
the last k tokens in common, c_k(token) how many of them the token followed, and P of no context the
prediction that is refined: the Dirichlet prior of MacKay and Peto (1995), with counts as in the cache of Kuhn
and De Mori (1990). How far that prediction is trusted depends on how sure it is:
log α_k = a_k + b_k log(1 + n_k) + w_k · f, with features f of it. All are fitted to held-out text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from textgen.contracts import TokenIds

NUM_FEATURES = 4
"""log(1 + n), and the entropy, the highest probability and its logarithm of what is refined."""
START = (3.0, 0.5, 0.0, 0.0, 0.0)
"""Coefficients before anything is fitted."""
PENALTY = 1.0
"""Nats that a distance of 1 from these costs, so that contexts that hardly occur keep them."""
LARGEST_EXPONENT = 20.0
NUM_ITERATIONS = 60
HASH_FACTOR = 0x9E3779B97F4A7C15 - 2**64  # odd, and far from a power of 2

Integers = NDArray[np.integer]


class Places(NamedTuple):
    """Pairs of a position and an earlier place whose last tokens are the same."""

    positions: Integers
    """[pairs], the index of the position among those that are predicted."""
    lengths: Integers
    """[pairs], how many tokens are the same, at most the longest context's."""
    following: Integers
    """[pairs], the token after the earlier place."""


class Evidence(NamedTuple):
    """What coefficients are fitted to, for each token of a text."""

    features: Tensor
    """[tokens, 3], those of the prediction that is refined."""
    log_likelihoods: Tensor
    """[tokens], the log-probability of the token by it."""
    num_places: Tensor
    """[tokens, orders], the number of places with contexts of each length."""
    num_hits: Tensor
    """[tokens, orders], how many of them the token followed."""


class Recall(nn.Module):
    """The refinement, for contexts of up to `longest` tokens."""

    coefficients: Tensor
    """[longest, 1 + `NUM_FEATURES`], by the length of the context."""
    shortest: Tensor
    """The length of the shortest contexts."""

    def __init__(self, vocab_size: int, longest: int) -> None:
        super().__init__()
        self.vocab_size, self.longest = vocab_size, longest
        self.register_buffer("coefficients", torch.tensor([START] * longest))
        self.register_buffer("shortest", torch.tensor(1))

    def choose_shortest(self, ids: TokenIds, max_agreement: float) -> None:
        """Take the first length at which two places of a text have the same context this rarely."""
        length, codes = 0, np.zeros(len(ids), np.int64)
        while length < self.longest:
            length += 1
            _, codes = np.unique(codes * self.vocab_size + np.roll(ids, length - 1), return_inverse=True)
            if np.square(np.bincount(codes) / max(1, len(ids))).sum() <= max_agreement:
                break
        self.shortest = self.shortest.new_tensor(max(1, length))

    def forward(self, log_probabilities: Tensor, places: Places) -> Tensor:
        """Return the refined log-probabilities [positions, vocab_size]."""
        counts = torch.from_numpy(self.count(places, len(log_probabilities))).to(log_probabilities)
        kept, gained = shares(self.coefficients, features_of(log_probabilities), counts)
        refined = log_probabilities + kept.log()[:, None]
        if not len(places.positions):
            return refined
        of_places = gained.cumsum(1).cpu().numpy()[places.positions, places.lengths - 1]
        keys = places.positions * self.vocab_size + places.following
        keys, inverse = np.unique(keys, return_inverse=True)
        added = torch.from_numpy(np.bincount(inverse, of_places)).to(refined)
        where = torch.from_numpy(keys).to(refined.device)
        flat = refined.view(-1)
        flat[where] = torch.logaddexp(flat[where], added.log())
        return refined

    def count(self, places: Places, num_positions: int) -> NDArray[np.float32]:
        """Return the number of places of each position with contexts of each length, [positions, orders]."""
        keys = places.positions * self.longest + places.lengths - 1
        exact = np.bincount(keys, minlength=num_positions * self.longest).reshape(-1, self.longest)
        counts = exact[:, ::-1].cumsum(1)[:, ::-1].astype(np.float32)
        counts[:, : int(self.shortest) - 1] = 0  # those contexts are not looked for
        return counts

    def evidence(self, log_probabilities: Tensor, targets: Tensor, places: Places) -> Evidence:
        """Return what coefficients are fitted to, for predictions [positions, vocab_size] of `targets`."""
        num_positions = len(targets)
        hits = places.following == targets.cpu().numpy()[places.positions]
        hit = Places(*(part[hits] for part in places))
        counts = [torch.from_numpy(self.count(each, num_positions)) for each in (places, hit)]
        likelihoods = log_probabilities.gather(-1, targets[:, None])[:, 0]
        return Evidence(features_of(log_probabilities).cpu(), likelihoods.cpu(), *counts)

    def fit(self, evidence: Sequence[Evidence]) -> None:
        """Fit the coefficients to a text, given as its parts."""
        features, likelihoods, places, hits = (
            torch.cat(parts).double() for parts in zip(*evidence, strict=True)
        )
        start = torch.tensor([START] * len(self.coefficients), dtype=torch.float64)
        coefficients = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([coefficients], max_iter=NUM_ITERATIONS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            kept, gained = shares(coefficients, features, places)
            likelihood = kept * likelihoods.exp() + (gained * hits).sum(1)
            penalty = PENALTY * (coefficients - start).square().sum()
            total: Tensor = penalty - likelihood.log().sum()
            (mean := total / len(likelihoods)).backward()  # type: ignore[no-untyped-call]
            return mean

        with torch.inference_mode(False), torch.enable_grad():
            optimizer.step(loss)  # type: ignore[no-untyped-call]
        if coefficients.isfinite().all():
            self.coefficients = coefficients.detach().to(self.coefficients)


def hashes(tokens: Integers, length: int) -> NDArray[np.int64]:
    """Return a number for the last `length` tokens at each place of rows [..., time]; 0 where any lacks.

    Those of equal tokens are equal; those of others may be, so that tokens have to be compared.
    """
    numbers, is_text = np.zeros(tokens.shape, np.int64), np.ones(tokens.shape, bool)
    is_text[..., : length - 1] = False
    for back in range(length):
        before = tokens[..., : tokens.shape[-1] - back]
        numbers[..., back:] = numbers[..., back:] * HASH_FACTOR + before  # wraps around
        is_text[..., back:] &= before >= 0
    return np.where(is_text, numbers | 1, 0)


def features_of(log_probabilities: Tensor) -> Tensor:
    """Return the entropy, the highest probability and its logarithm, [positions, 3]."""
    highest = log_probabilities.amax(-1)
    finite = log_probabilities.clamp(min=-1e4)
    entropy = -(finite.exp() * finite).sum(-1)
    return torch.stack((entropy, highest.exp(), highest), dim=-1)


def shares(coefficients: Tensor, features: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of what is refined, [positions], and that of each place by order, [positions, orders].

    A place whose context has length k gets the shares of all orders up to k.
    """
    logits = coefficients[:, 0] + coefficients[:, 1] * counts.log1p() + features @ coefficients[:, 2:].T
    alpha = logits.clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT).exp()
    kept = alpha / (counts + alpha)
    longer = kept.flip(1).cumprod(1).flip(1)  # of this order and all longer ones
    after = torch.cat((longer[:, 1:], torch.ones_like(longer[:, :1])), dim=1)
    return longer[:, 0], torch.where(counts > 0, after / (counts + alpha), 0)
