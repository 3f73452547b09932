"""Plain text for small models: lower case, and no long numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge


@dataclass
class Example:
    """Letters in lower case, without numbers of many digits."""

    lower_case: bool = True
    """True if capitals become small letters."""
    max_digits: Annotated[int, Ge(0)] = 4
    """Maximum number of digits of a number that is kept; 0 removes all numbers."""

    joint: ClassVar[str] = ""
    """The text between two blocks of a large text that were cleaned separately."""

    def clean(self, text: str) -> str:
        """Return the cleaned text."""
        text = re.sub(rf" ?\d{{{self.max_digits + 1},}}", "", text)
        return text.lower() if self.lower_case else text
