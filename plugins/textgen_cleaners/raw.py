"""The unchanged text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass
class Raw:
    """No cleaning: the text is unchanged."""

    joint: ClassVar[str] = ""

    def clean(self, text: str) -> str:
        """Return `text`."""
        return text
