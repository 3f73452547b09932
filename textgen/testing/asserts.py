"""Assertions of checks: what they raise, and when two tensors count as equal."""

from __future__ import annotations

from torch import Tensor

__tracebackhide__ = True

TOLERANCE = 1e-4
"""Allowed difference of logits computed in another order; relative to the largest one if that exceeds 1."""

FAR_TOLERANCE = 1e-3
"""The same after hundreds of tokens, over which rounding errors add up."""

EXACT = 1e-6
"""The same for logits computed in the same order."""


class CheckError(AssertionError):
    """A component breaks its contract. The message is one line: what was expected, and what it did."""


class CheckSkipped(Exception):  # noqa: N818 - it is not an error
    """A check does not apply to a component. The message is the reason, one line."""


def require(condition: bool, message: str) -> None:
    """Raise `CheckError` with this message unless the condition holds."""
    if not condition:
        raise CheckError(message)


def shown(value: object, size: int = 60) -> str:
    """Return a value as one short line of ASCII, for messages."""
    text = ascii(value)
    return text if len(text) <= size else f"{text[: size - 3]}..."


def difference(before: str | bytes, after: str | bytes) -> str:
    """Return where two texts begin to differ, and what surrounds that place in each, in words."""
    pairs = enumerate(zip(before, after, strict=False))
    place = next((index for index, (a, b) in pairs if a != b), min(len(before), len(after)))
    around = slice(max(0, place - 10), place + 20)
    unit = "bytes" if isinstance(before, bytes) else "characters"
    first, second = (shown(text[around], size=120) for text in (before, after))
    return f"after {place} {unit} {first} became {second}"


def require_close(found: Tensor, expected: Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """Raise `CheckError` unless two tensors are equal up to `tolerance`, relative above 1."""
    require(
        found.shape == expected.shape,
        f"expected {what}; got shape {list(found.shape)} instead of {list(expected.shape)}",
    )
    if not expected.numel():
        return
    found, expected = found.double(), expected.double()
    difference = float((found - expected).abs().max())
    allowed = tolerance * max(1.0, float(expected.abs().max()))
    require(difference <= allowed, f"expected {what}; they differ by {difference:.2g}")
