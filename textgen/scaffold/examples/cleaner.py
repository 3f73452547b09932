"""Plain text for small models: lower case, and no long numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge


@dataclass
class Example:
    """Letters in lower case; numbers with many digits are dropped."""

    lower_case: bool = True
    """Whether capitals become small letters."""
    max_digits: Annotated[int, Ge(0)] = 4
    """The most digits of a number that stays; 0 drops all numbers."""

    joint: ClassVar[str] = ""
    """What stands between two parts of a large text that were cleaned apart."""

    def clean(self, text: str) -> str:
        """Return the cleaned text."""
        text = re.sub(rf" ?\d{{{self.max_digits + 1},}}", "", text)
        return text.lower() if self.lower_case else text
