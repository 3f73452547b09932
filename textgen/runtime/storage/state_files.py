"""States on disk: nested values and tensors as JSON and safetensors, complete or absent, never unpickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from textgen.runtime.storage.files import (
    DamagedFileError,
    check_digests,
    new_folder,
    read_json,
    write_digests,
)

VALUES, TENSORS = "state.json", "tensors.safetensors"


def save_state(folder: Path, state: Any) -> None:
    """Write dictionaries, lists, tuples, tensors and JSON values to `folder`, which must not exist yet."""
    tensors: dict[str, Tensor] = {}
    values = json.dumps(_encode(state, tensors))
    with new_folder(folder) as made:
        (made / VALUES).write_text(values, "utf-8")
        save_file(tensors, made / TENSORS)
        write_digests(made)


def load_state(folder: Path) -> Any:
    """Return the state in `folder`; named tuples become tuples.

    Raises `OSError`, `ValueError`, `LookupError` or `safetensors.SafetensorError` if it is damaged.
    """
    try:
        check_digests(folder, (VALUES, TENSORS))
        return _decode(read_json(folder / VALUES), load_file(folder / TENSORS))
    except (DamagedFileError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _encode(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return JSON values, with tensors as names in `tensors`, and what JSON lacks marked by its type."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"pairs": [[_encode(key, tensors), _encode(each, tensors)] for key, each in value.items()]}
    if isinstance(value, (tuple, list)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(each, tensors) for each in value]}
    if isinstance(value, float):
        return {"float": value.hex()}  # exact, and JSON has no infinity
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"cannot save {type(value).__name__} in a state")


def _decode(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "float":
        return float.fromhex(content)
    if kind == "pairs":
        return {_decode(key, tensors): _decode(each, tensors) for key, each in content}
    parts = [_decode(each, tensors) for each in content]
    return tuple(parts) if kind == "tuple" else parts
