"""What a check raises, and how it says what it expected."""

from __future__ import annotations

__tracebackhide__ = True


class CheckError(AssertionError):
    """A component breaks its contract. The message is one line: what was expected, and what came."""


class CheckSkipped(Exception):  # noqa: N818 - no error
    """A check does not apply to a component. The message is the reason, one line."""


def require(condition: bool, message: str) -> None:
    """Raise `CheckError` with this message unless the condition holds."""
    if not condition:
        raise CheckError(message)


def shown(value: object, size: int = 60) -> str:
    """Return a value in one short line of plain characters, for messages."""
    text = ascii(value)
    return text if len(text) <= size else f"{text[: size - 3]}..."
