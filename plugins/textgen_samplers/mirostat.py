"""Mirostat, which controls how surprising the text is (Basu et al. 2021, arXiv:2007.14966)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Gt, Le
from numpy.typing import NDArray
from torch import Tensor

from textgen.api import Search, TokenIds
from textgen.generation.sampling import sample_categorical


@dataclass
class Mirostat:
    """Keeps the surprise of what it writes near a target by leaving out tokens above a limit.

    After each draw the limit moves against the error, as in version 2 of the algorithm. The target is per
    character, not per token as in the paper, so that one value means the same at every level.
    """

    tau: Annotated[float, Gt(0), Search(0.5, 4, step=0.1)] = 1.5
    """The target in bits per character; real text surprises a model by about its score."""
    eta: Annotated[float, Gt(0), Le(1)] = 0.1
    """How much of the error is corrected after each token."""

    renamed_options: ClassVar[dict[str, str]] = {"rate": "eta", "surprise": "tau"}

    def start(
        self, prompts: Sequence[TokenIds], num_chars: NDArray[Any]
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Start a batch of samples, each with a limit of twice the target for tokens as in its prompt."""
        lengths = torch.tensor([max(1.0, num_chars[ids].mean()) if len(ids) else 1.0 for ids in prompts])
        target = self.tau * torch.from_numpy(num_chars).float()
        limit = 2 * self.tau * lengths

        def choose(logits: Tensor, uniforms: Tensor) -> Tensor:
            nonlocal limit, target
            limit, target = limit.to(logits.device), target.to(logits.device)
            surprise = -logits.float().log_softmax(dim=-1) / math.log(2)
            bound = torch.maximum(limit, surprise.amin(dim=-1))[:, None]
            ids = sample_categorical(
                (-surprise * math.log(2)).masked_fill(surprise > bound, float("-inf")), uniforms
            )
            error = surprise.gather(1, ids[:, None])[:, 0] - target[ids]
            # A limit far above all there is would be long in coming down again.
            most = 2 * surprise.masked_fill(surprise.isinf(), 0.0).amax(dim=-1)
            limit = (limit - self.eta * error).clamp(min=0.0).minimum(most)
            return ids

        return choose
