"""What a model writes at some moments of its training, as in Karpathy (2015), so that people see it learn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from textgen.contracts import TextgenError
from textgen.nn.language_model import LanguageModel
from textgen.training.progress import Moment, Progress

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""The moments, as shares of the budget of an entry."""
NUM_CHARS = 100
MAX_SHARE = 0.02
"""Share of a budget in seconds that writing may add to it, in equal parts; what one leaves is the next's."""
FIRST_SECONDS = 0.1
"""What writing is taken to cost before it was timed."""


@dataclass
class Writing:
    """Writes at the moments of one model's training."""

    write: Callable[[LanguageModel], str]
    shares: list[float]
    """The moments to come, as shares of the budget of this model."""
    max_seconds: float
    moments: list[Moment] = field(default_factory=list)
    seconds: float = 0.0
    """Spent so far."""
    last_seconds: float = FIRST_SECONDS

    def resume(self, moments: list[Moment]) -> None:
        self.moments = moments
        last = moments[-1].progress.fraction if moments else 0.0
        self.shares = [share for share in self.shares if share > last]

    def at(self, model: LanguageModel, progress: Progress) -> None:
        """Write if a moment has come, unless it would take too long."""
        if not self.shares or progress.fraction < self.shares[0]:
            return
        self.shares = [share for share in self.shares if share > progress.fraction]
        allowed = self.max_seconds * (1 - len(self.shares) / len(SHARES))
        if self.seconds + self.last_seconds > allowed:
            return
        start = time.perf_counter()
        module = model.module
        module.eval()
        try:
            self.moments.append(Moment(progress, self.write(model)))
        except TextgenError:  # which is said where it is asked for samples
            self.shares = []
        finally:
            module.train()
        self.last_seconds = time.perf_counter() - start
        self.seconds += self.last_seconds


def shares_of(number: int, total: int) -> list[float]:
    """Return the moments of one of `total` models that are trained in turn, as shares of its own budget."""
    own = [share * total - number for share in SHARES]
    return [share for share in own if 1e-9 < share <= 1 + 1e-9]
