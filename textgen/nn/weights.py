"""Weights of a model: as named tensors for a file, their number, those of input and output layers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of `model.state_dict()` on the CPU; a tensor with two names keeps the first."""
    state = model.state_dict()
    first_names = _first_names(state)
    weights: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, value in state.items():
        if first_names[name] == name:
            tensor = value.detach().cpu().contiguous()
            storage = tensor.untyped_storage().data_ptr()
            # A file cannot hold a view of another tensor.
            weights[name] = tensor.clone() if storage in storages else tensor
            storages.add(storage)
    return weights


def set_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load weights that `weights_of` returned into a model; raises `RuntimeError` if they do not fit.

    Buffers may have another size than in a new model, since the size of counts depends on the text.
    """
    state = model.state_dict()
    tied = {name: weights[first] for name, first in _first_names(state).items() if first in weights}
    for name, value in weights.items():
        module_name, _, buffer = name.rpartition(".")
        if name in state and value.shape != state[name].shape:
            buffers = model.get_submodule(module_name)._buffers
            if buffer in buffers:
                buffers[buffer] = torch.empty_like(value, device=state[name].device)
    model.load_state_dict({**tied, **weights})


def _first_names(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the first name of each tensor, by all of its names."""
    names: dict[tuple[object, ...], str] = {}
    return {
        name: names.setdefault((value.data_ptr(), value.shape, value.stride()), name)
        if value.numel()
        else name
        for name, value in state.items()
    }


def num_parameters(module: nn.Module) -> int:
    """Return the number of trained parameters: trainable ones, without those that a layer keeps frozen."""
    trainable = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    return trainable - sum(_declared_frozen(module).values())


def num_frozen_parameters(module: nn.Module) -> int:
    """Return the number of frozen parameters: those with `requires_grad=False`.

    A layer with the attribute `num_frozen_parameters` reports its own number instead: the values in its
    trainable tensors that training leaves unchanged, such as the frozen rows of a `TokenEmbedding`.
    """
    declared = _declared_frozen(module)
    counted = {id(parameter) for layer in declared for parameter in layer.parameters(recurse=False)}
    others = (parameter for parameter in module.parameters() if id(parameter) not in counted)
    return sum(declared.values()) + sum(each.numel() for each in others if not each.requires_grad)


def _declared_frozen(module: nn.Module) -> dict[nn.Module, int]:
    """Return the layers that report their own number of frozen parameters, with that number."""
    layers = (layer for layer in module.modules() if hasattr(type(layer), "num_frozen_parameters"))
    return {layer: int(layer.num_frozen_parameters) for layer in layers}  # type: ignore[arg-type]


def nonhidden_parameters(module: nn.Module, vocab_size: int) -> list[nn.Parameter]:
    """Return the parameters of a model's input and output layers, which Muon leaves to AdamW.

    These are every layer with a `layer_role`, such as `TokenEmbedding` and `FullSoftmax`, every
    `nn.Embedding` and, if no layer has the role "output", the last `nn.Linear` with one output per token.
    """
    roles = {
        layer: getattr(type(layer), "layer_role", "input" if isinstance(layer, nn.Embedding) else None)
        for layer in module.modules()
    }
    nonhidden = [layer for layer, role in roles.items() if role is not None]
    if "output" not in roles.values():
        linear = (layer for layer in roles if isinstance(layer, nn.Linear))
        nonhidden += [layer for layer in linear if layer.out_features == vocab_size][-1:]
    return [parameter for layer in nonhidden for parameter in layer.parameters()]
