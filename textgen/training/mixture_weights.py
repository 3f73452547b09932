"""The weights of a mixture, fitted to the validation part by expectation-maximisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.api import TokenIds
from textgen.nn.mixture import Mixture
from textgen.nn.state import first_rows
from textgen.runtime.device import DeviceConfig

MAX_LOGITS, MIN_CHUNK = 2**22, 8
"""Logits of each member that are computed at once, as in scoring, and at least this many tokens of each
stretch."""
MAX_FITTED_LOGITS, MIN_FITTED_TOKENS = 2**27, 64
"""Logits of each member that weights are fitted to: all tokens of a small vocabulary, or 7,000 of 20,000
words, which give nearly the same weights. They are the first of each stretch, and at least this many."""
PRIOR_TOKENS = 30.0
"""Tokens with the weights of all contexts that are added to each class, so that rare ones stay near them."""
MIN_GAIN, MAX_ITERATIONS = 1e-6, 500
"""Gain in nats per token below which the iteration ends, and its limit."""
LEAST_WEIGHT, LEAST_LOG_LIKELIHOOD = 1e-6, -1e4
"""Bounds, so that no token becomes impossible that one member can predict."""

Floats = NDArray[np.float64]


def fit_mixture(mixture: Mixture, stretches: Sequence[TokenIds], device_config: DeviceConfig) -> None:
    """Fit the weights of a mixture to the beginnings of stretches of text, as long as is worthwhile."""
    num_tokens = MAX_FITTED_LOGITS // mixture.members[0].vocab_size // max(1, len(stretches))
    beginnings = [ids[: max(MIN_FITTED_TOKENS, num_tokens)] for ids in stretches]
    log_likelihoods, classes = measure_members(mixture, beginnings, device_config)
    weights = fit_weights(log_likelihoods, classes, mixture.num_classes)
    mixture.set_weights(torch.from_numpy(weights))


@torch.inference_mode()
def measure_members(
    mixture: Mixture, stretches: Sequence[TokenIds], device_config: DeviceConfig
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the log-probabilities of the tokens by each member, [number of tokens, number of members], and
    the classes of their contexts.

    The first token of a stretch is not predicted.
    """
    stretches = sorted((ids for ids in stretches if len(ids) > 1), key=len, reverse=True)
    lengths = np.array([len(ids) - 1 for ids in stretches], np.int64)
    table = np.zeros((len(stretches), lengths.max(initial=0) + 1), np.int64)
    for row, ids in enumerate(stretches):
        table[row, : len(ids)] = ids
    tokens = torch.from_numpy(table).to(device_config.device)
    vocab_size, begin = mixture.members[0].vocab_size, 0
    state = mixture.initial_state(len(stretches))
    found, classes = [np.zeros((0, len(mixture.members)))], [np.zeros(0, np.int64)]
    while begin < table.shape[1] - 1:
        num_rows = int((lengths > begin).sum())  # the rows that have not ended yet
        end = min(begin + max(MIN_CHUNK, MAX_LOGITS // vocab_size // num_rows), table.shape[1] - 1)
        inputs, targets = tokens[:num_rows, begin:end], tokens[:num_rows, begin + 1 : end + 1]
        with device_config.autocast():
            values, kinds, state = mixture.log_likelihoods(inputs, targets, first_rows(state, num_rows))
        is_text = np.arange(begin, end) < lengths[:num_rows, None]
        found.append(values.cpu().double().numpy()[is_text])
        classes.append(kinds.cpu().numpy()[is_text])
        begin = end
    return np.concatenate(found), np.concatenate(classes)


def fit_weights(log_likelihoods: Floats, classes: NDArray[np.int64], num_classes: int) -> Floats:
    """Return the weights [num_classes, number of members] that maximise the likelihood of a text.

    First one set of weights is fitted to all tokens, then one per class, with `PRIOR_TOKENS` more tokens that
    the former weights explain: a Dirichlet prior. So the text is never less likely than by the best member.
    """
    num_members = log_likelihoods.shape[1]
    uniform = np.full((1, num_members), 1 / num_members)
    if not len(classes):
        return np.repeat(uniform, num_classes, axis=0)
    bounded = log_likelihoods.clip(LEAST_LOG_LIKELIHOOD)
    likelihoods = np.exp(bounded - bounded.max(axis=1, keepdims=True))
    shared = _maximise(likelihoods, np.zeros_like(classes), uniform, 0.0)
    return _maximise(likelihoods, classes, np.repeat(shared, num_classes, axis=0), PRIOR_TOKENS)


def _maximise(likelihoods: Floats, classes: NDArray[np.int64], prior: Floats, prior_tokens: float) -> Floats:
    """Return the weights by class after expectation-maximisation from `prior` (Dempster et al. 1977)."""
    weights, before = prior, -np.inf
    for _ in range(MAX_ITERATIONS):
        shares = weights[classes] * likelihoods
        totals = shares.sum(axis=1, keepdims=True)
        objective = np.log(totals).mean() + prior_tokens / len(classes) * (prior * np.log(weights)).sum()
        if objective < before + MIN_GAIN:
            break
        before = objective
        shares /= totals
        counts = [np.bincount(classes, member, len(prior)) for member in shares.T]
        weights = np.stack(counts, axis=1) + prior_tokens * prior
        weights = (weights / weights.sum(axis=1, keepdims=True)).clip(LEAST_WEIGHT)
        weights /= weights.sum(axis=1, keepdims=True)
    return weights
