"""The text as it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Raw:
    """Changes nothing."""

    def clean(self, text: str) -> str:
        """Return `text`."""
        return text
