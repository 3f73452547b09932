"""Checks over hundreds of tokens: in one pass, in chunks, and far into a text."""

from __future__ import annotations

from typing import Any

import torch

from textgen.evaluation.prediction_checks import MAX_NORMALIZATION_ERROR
from textgen.evaluation.token_bits import normalization_error
from textgen.testing.asserts import EXACT, FAR_TOLERANCE, require, require_close, shown
from textgen.testing.builders import VOCAB_SIZE, bound, in_chunks, logits_of, random_batch, trained_model
from textgen.testing.runner import check

__tracebackhide__ = True

LENGTH = 600
EDGES = (64, 128, 512)
"""Positions where windows, blocks and buffers of models often end."""
FAR = 3000


@check("model")
def check_model_probabilities(component: Any, /, **options: Any) -> None:
    """Logits are finite, and log-probabilities if the model says so, also far into a text.

    A token without probability makes the score of the whole text infinite. With `is_normalized`, the model
    says that its probabilities sum to 1 without a softmax.
    """
    model = trained_model(component, **options)
    claim = getattr(model, "is_normalized", False)
    require(isinstance(claim, bool), f"expected true or false in is_normalized; got {shown(claim)}")
    repeated = torch.full((1, LENGTH), VOCAB_SIZE - 1)
    for what, ids, sizes in (
        ("random tokens", random_batch(1, FAR), [FAR // 6] * 6),
        ("one repeated token", repeated, [LENGTH]),
        ("single tokens", random_batch(1, 40), [1] * 40),
    ):
        logits, _ = in_chunks(model, ids, sizes)
        is_wrong = (~logits.isfinite()).any(-1)[0]
        first = int(is_wrong.int().argmax())
        require(
            not is_wrong.any(),
            f"expected finite logits for {what}; from token {first} some are infinite or NaN",
        )
        error = normalization_error(bound(model), logits)
        require(
            error <= MAX_NORMALIZATION_ERROR,
            f"expected log-probabilities for {what}, since is_normalized is true; a sum of probabilities is "
            f"off by {error:.1g}",
        )


@check("model")
def check_model_chunks(component: Any, /, **options: Any) -> None:
    """A text in chunks has the same logits as in one pass, since the state is carried.

    Long texts are trained on and scored in chunks, and generated token by token.
    """
    model = trained_model(component, **options)
    ids = random_batch(2, 60)
    whole = logits_of(model, ids)
    for sizes in ([1] * 60, [7, 1, 20, 32], [59, 1]):
        found, _ = in_chunks(model, ids, sizes)
        require_close(found, whole, f"the logits of one pass in chunks of {shown(sizes, 20)} tokens")
    ids = random_batch(1, LENGTH)
    whole = logits_of(model, ids)
    for cuts in (EDGES, [edge + step for edge in EDGES for step in range(-4, 5)], [1]):
        ends = [*cuts, LENGTH]
        sizes = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
        found, _ = in_chunks(model, ids, sizes)
        what = f"the logits of one pass over {LENGTH} tokens in chunks of {shown(sizes, 40)}"
        require_close(found, whole, what, FAR_TOLERANCE)


@check("model")
def check_model_causal(component: Any, /, **options: Any) -> None:
    """A token's logits do not depend on later tokens.

    A model that sees what it should predict has an excellent score and writes nonsense.
    """
    model = trained_model(component, **options)
    for ids, places in ((random_batch(2, 20), (1, 10, 19)), (random_batch(1, LENGTH), (*EDGES, LENGTH - 1))):
        before = logits_of(model, ids)
        others = (ids + 1 + random_batch(len(ids), ids.shape[1], seed=1) % (VOCAB_SIZE - 1)) % VOCAB_SIZE
        for place in places:
            after = logits_of(model, torch.cat([ids[:, :place], others[:, place:]], 1))
            what = f"the same logits before token {place} when the tokens from there change"
            require_close(after[:, :place], before[:, :place], what, EXACT)
