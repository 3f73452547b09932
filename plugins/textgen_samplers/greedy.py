"""Always the most probable token."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Greedy:
    """Greedy decoding: always the most probable token; deterministic, and prone to loops."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:  # noqa: ARG002 - the contract's argument
        """Return ids [batch]."""
        return logits.argmax(dim=-1)
