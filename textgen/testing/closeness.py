"""Whether computed numbers are the same, but for rounding."""

from __future__ import annotations

from torch import Tensor

from textgen.testing.asserts import require

__tracebackhide__ = True

TOLERANCE = 1e-4
"""By which logits may differ that are computed in another order, times their size if that is above 1."""

FAR_TOLERANCE = 1e-3
"""The same after hundreds of tokens, over which rounding errors add up."""

EXACT = 1e-6
"""The same for logits that are computed in the same order."""


def require_close(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """Raise `CheckError` unless two tensors are equal up to `tolerance`, relative above 1."""
    require(
        found.shape == expected.shape,
        f"expected {what}; got shape {list(found.shape)} in place of {list(expected.shape)}",
    )
    if not expected.numel():
        return
    found, expected = found.double(), expected.double()
    difference = float((found - expected).abs().max())
    allowed = tolerance * max(1.0, float(expected.abs().max()))
    require(difference <= allowed, f"expected {what}; they differ by {difference:.2g}")
