"""The weights of a mixture, fitted to the validation part by expectation-maximisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.nn.mixture import Mixture
from textgen.nn.state import take_rows
from textgen.nn.windows import windows
from textgen.runtime.device import DeviceConfig

MAX_FITTED_LOGITS, MAX_FITTED_TOKENS, MIN_FITTED_TOKENS = 2**27, 30_000, 64
"""Logits of each member, and tokens, that weights are fitted to: 7,000 tokens of 20,000 words give nearly the
same weights as more. They are the first of each stretch, at least `MIN_FITTED_TOKENS`."""
PRIOR_TOKENS = 30.0
"""Tokens with the weights of all contexts that are added to each point, so that rare ones stay near them."""
MIN_GAIN, MAX_ITERATIONS = 1e-6, 500
"""Gain in nats per token below which the iteration ends, and its limit."""
LEAST_WEIGHT, LEAST_LOG_LIKELIHOOD = 1e-6, -1e4
"""Bounds, so that no token becomes impossible that one member can predict."""

Floats = NDArray[np.float64]
Points = NDArray[np.int64]


def fit_mixture(mixture: Mixture, stretches: Sequence[TokenIds], device_config: DeviceConfig) -> None:
    """Fit the weights of a mixture to the beginnings of stretches of text, as long as is worthwhile."""
    num_tokens = min(MAX_FITTED_TOKENS, MAX_FITTED_LOGITS // mixture.members[0].vocab_size)
    longest = max(MIN_FITTED_TOKENS, num_tokens // max(1, len(stretches)))
    evidence = gather_evidence(mixture, [ids[:longest] for ids in stretches], device_config)
    mixture.set_weights(torch.from_numpy(fit_weights(*evidence, len(mixture.weights))))


@torch.inference_mode()
def gather_evidence(
    mixture: Mixture, stretches: Sequence[TokenIds], device_config: DeviceConfig
) -> tuple[Floats, Points, Floats]:
    """Return the `Evidence` of all tokens of stretches of text but the first of each, [tokens, ...]."""
    num_members, state = len(mixture.members), None
    empty = np.zeros((0, num_members)), np.zeros((0, 2**num_members), np.int64), np.zeros((0, 2**num_members))
    chunks: list[tuple[NDArray[Any], ...]] = [empty]
    for window in windows(stretches, mixture.members[0].vocab_size, device_config.device):
        num_rows = len(window.inputs)
        state = mixture.initial_state(num_rows) if state is None else take_rows(state, 0, num_rows)
        with device_config.autocast():
            evidence, state = mixture.evidence(window.inputs, window.targets, state)
        chunks.append(tuple(part.cpu().numpy()[window.is_text] for part in evidence))
    log_likelihoods, points, shares = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    return log_likelihoods.astype(np.float64), points, shares.astype(np.float64)


def fit_weights(log_likelihoods: Floats, points: Points, shares: Floats, num_points: int) -> Floats:
    """Return the weights [num_points, members] that maximise the likelihood of a text (see `Evidence`).

    First one set of weights is fitted to all tokens, then one per point, with `PRIOR_TOKENS` more tokens that
    the former weights explain: a Dirichlet prior. So the text is never less likely than by the best member.
    """
    num_members = log_likelihoods.shape[1]
    uniform = np.full((1, num_members), 1 / num_members)
    if not len(points):
        return np.repeat(uniform, num_points, axis=0)
    bounded = log_likelihoods.clip(LEAST_LOG_LIKELIHOOD)
    likelihoods = np.exp(bounded - bounded.max(axis=1, keepdims=True))
    whole = np.zeros((len(points), 1), np.int64)
    shared = _maximise(likelihoods, whole, np.ones_like(whole, np.float64), uniform, 0.0)
    return _maximise(likelihoods, points, shares, np.repeat(shared, num_points, axis=0), PRIOR_TOKENS)


def _maximise(
    likelihoods: Floats, points: Points, shares: Floats, prior: Floats, prior_tokens: float
) -> Floats:
    """Return the weights by point after expectation-maximisation from `prior` (Dempster et al. 1977)."""
    weights, before = prior, -np.inf
    for _ in range(MAX_ITERATIONS):
        parts = weights[points] * shares[..., None] * likelihoods[:, None]  # [tokens, points, members]
        totals = parts.sum(axis=(1, 2), keepdims=True)
        objective = np.log(totals).mean() + prior_tokens / len(points) * (prior * np.log(weights)).sum()
        if objective < before + MIN_GAIN:
            break
        before = objective
        parts /= totals
        counts = [
            np.bincount(points.ravel(), parts[..., member].ravel(), len(prior))
            for member in range(prior.shape[1])
        ]
        weights = np.stack(counts, axis=1) + prior_tokens * prior
        weights = (weights / weights.sum(axis=1, keepdims=True)).clip(LEAST_WEIGHT)
        weights /= weights.sum(axis=1, keepdims=True)
    return weights
