"""Roles of layers that are not hidden: those that turn tokens into vectors, and vectors into logits.

Muon is meant for the matrices of hidden layers (Jordan et al. 2024); AdamW updates all other parameters.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

LayerRole = Literal["input", "output"]
"""Value of the class attribute `layer_role` of a layer that is not hidden."""


def nonhidden_parameters(module: nn.Module, vocab_size: int) -> list[nn.Parameter]:
    """Return the parameters of a model's input and output layers.

    These are every layer with a `layer_role`, such as `TokenEmbedding` and `FullSoftmax`, every
    `nn.Embedding` and, if no layer has the role "output", the last `nn.Linear` with one output per token.
    """
    layers = list(module.modules())
    roles = [_role(layer) for layer in layers]
    nonhidden = [layer for layer, role in zip(layers, roles, strict=True) if role is not None]
    if "output" not in roles:
        is_output = (isinstance(layer, nn.Linear) and layer.out_features == vocab_size for layer in layers)
        nonhidden += [layer for layer, is_last in zip(layers, is_output, strict=True) if is_last][-1:]
    return [parameter for layer in nonhidden for parameter in layer.parameters()]


def _role(layer: nn.Module) -> LayerRole | None:
    role: LayerRole | None = getattr(type(layer), "layer_role", None)
    return "input" if role is None and isinstance(layer, nn.Embedding) else role
