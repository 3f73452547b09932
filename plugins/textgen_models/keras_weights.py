"""Networks saved by Keras, as `.keras` files of Keras 3 or as `.h5` files of Keras 2 and 3.

Only JSON and numeric arrays are read, by h5py. Nothing in a file is unpickled or executed: a network with
other layers, such as Lambda layers, is refused.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import numpy as np
import torch
from torch import Tensor

from textgen.contracts import TextgenError
from textgen.runtime.messages import import_extra, one_line
from textgen.runtime.storage.files import parse_json

IGNORED = ("InputLayer", "Dropout")
"""Layers without weights that do nothing when the network predicts."""
JSON_FILES = ("config.json", "metadata.json")
"""In a .keras file."""
MAX_JSON_BYTES = 2**24
MAX_RATIO = 20
"""Bytes that a byte of a file of more than `SMALL_BYTES` may stand for; Keras does not compress weights."""
SMALL_BYTES = 2**24
MAX_WINDOW = 10_000
DAMAGE = (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, BadZipFile, zlib.error)
"""Errors of reading a truncated or modified file."""

Layer = dict[str, Any]
Arrays = Callable[[int], Sequence[Any]]
"""A function from the index of a layer, not counting those `IGNORED`, to its arrays in the file."""


@dataclass(frozen=True)
class KerasNetwork:
    """The content of a file."""

    vocab_size: int
    options: dict[str, Any]
    """Options that make `Original` the same network; `window` is missing if the file leaves it open."""
    weights: dict[str, Tensor]
    """The `state_dict` of that `Original`."""


def read_keras(path: str | Path) -> KerasNetwork:
    """Return the network in a `.keras` or `.h5` file.

    Raises `TextgenError` for an unreadable file, and for another kind of network with the layer that differs.
    """
    h5py = import_extra("h5py", "keras", "weights of Keras need the package h5py")
    if not Path(path).is_file():
        raise TextgenError(f"no such file: {path}; give a .keras or .h5 file that Keras' model.save wrote")
    most = max(SMALL_BYTES, MAX_RATIO * Path(path).stat().st_size)
    try:
        if not is_zipfile(path):
            with h5py.File(path, "r") as file:
                config, version = parse_json(_bytes(file.attrs["model_config"])), file.attrs["keras_version"]
                arrays = partial(_arrays_of_h5, file, config)
                return _network(config, _bytes(version).decode(), _limited(arrays, most))
        with ZipFile(path) as archive:
            config, metadata = (parse_json(_member(archive, each)) for each in JSON_FILES)
            with h5py.File(BytesIO(_member(archive, "model.weights.h5", most)), "r") as file:
                arrays = partial(_arrays_of_keras, file, config)
                return _network(config, metadata["keras_version"], _limited(arrays, most))
    except _DifferentError as error:
        raise TextgenError(f"the network in {path} is not like the model original: {error}") from error
    except DAMAGE as error:
        raise TextgenError(
            f"cannot read {path} ({one_line(error)}); give a .keras or .h5 file that Keras' model.save wrote"
        ) from error


def _member(archive: ZipFile, name: str, max_bytes: int = MAX_JSON_BYTES) -> bytes:
    """Return a file in an archive; raises `ValueError` before a large one is unpacked."""
    member = archive.getinfo(name)
    if member.file_size > max_bytes:
        raise ValueError(f"{name} unpacks to more than {max_bytes / 2**20:,.0f} MiB")
    return archive.read(member)


def _limited(arrays: Arrays, max_bytes: int) -> Arrays:
    """Return the same function, which raises `ValueError` for arrays that the file cannot hold."""

    def checked(index: int) -> Sequence[Any]:
        checked_arrays = arrays(index)
        if sum(max(each.nbytes, 4 * each.size) for each in checked_arrays) > max_bytes:
            raise ValueError(f"its weights unpack to more than {max_bytes / 2**20:,.0f} MiB")
        return checked_arrays

    return checked


class _DifferentError(Exception):
    """The network in a file cannot be expressed as an `Original`."""


def _network(config: dict[str, Any], version: str, arrays: Arrays) -> KerasNetwork:
    layers = _layers(config)
    if len(layers) < 2:
        raise _DifferentError("it has fewer than two layers with weights, LSTM and Dense")
    hidden_size, activation = (layers[0]["config"].get(key) for key in ("units", "recurrent_activation"))
    for index, layer in enumerate(layers[:-1]):
        _compare(
            layer,
            "LSTM",
            units=hidden_size,
            activation="tanh",
            recurrent_activation=activation,
            use_bias=True,
            return_sequences=index < len(layers) - 2,
            go_backwards=False,
            stateful=False,
        )
    _compare(layers[-1], "Dense", activation="softmax", use_bias=True)
    vocab_size = layers[-1]["config"]["units"]
    options = {
        **_window(config),
        "hidden_size": hidden_size,
        "num_layers": len(layers) - 1,
        "recurrent_activation": _activation(layers[0], version),
    }
    weights: dict[str, Tensor] = {}
    for index, layer in enumerate(layers[:-1]):
        input_size, num_gates = hidden_size if index else 1, 4 * hidden_size
        shapes = [(input_size, num_gates), (hidden_size, num_gates), (num_gates,)]
        kernel, recurrent, bias = _read(layer, arrays(index), shapes)
        # Keras has the gates in the same order as torch: input, forget, cell, output.
        named = {"weight_ih": kernel.T, "weight_hh": recurrent.T, "bias_ih": bias, "bias_hh": 0 * bias}
        weights |= {f"layers.{2 * index}.{name}_l0": value for name, value in named.items()}
    shapes = [(hidden_size, vocab_size), (vocab_size,)]
    kernel, bias = _read(layers[-1], arrays(len(layers) - 1), shapes)
    return KerasNetwork(vocab_size, options, {**weights, "output.weight": kernel.T, "output.bias": bias})


def _layers(config: dict[str, Any]) -> list[Layer]:
    """Return the layers that are not `IGNORED`."""
    return [layer for layer in _all_layers(config) if layer["class_name"] not in IGNORED]


def _all_layers(config: dict[str, Any]) -> list[Layer]:
    if config["class_name"] != "Sequential":
        raise _DifferentError(f"it is a {config['class_name']}, not a Sequential")
    inner = config["config"]
    layers: list[Layer] = inner["layers"] if isinstance(inner, dict) else inner  # a list until Keras 2.2.2
    return layers


def _compare(layer: Layer, class_name: str, **wanted: Any) -> None:
    """Raise `_DifferentError` unless a layer has this class and configuration."""
    options, name = layer["config"], layer["config"].get("name")
    if layer["class_name"] != class_name:
        raise _DifferentError(f"layer {name!r} is a {layer['class_name']}, not a {class_name}")
    for key, value in wanted.items():
        if options.get(key) != value:
            raise _DifferentError(f"layer {name!r} has {key}={options.get(key)}, not {value}")


def _activation(layer: Layer, version: str) -> str:
    """Return a layer's recurrent activation as an option of `Original`; Keras 3 has another hard sigmoid."""
    name = layer["config"]["recurrent_activation"]
    names = {"sigmoid": "sigmoid", "hard_sigmoid": "hard_sigmoid"}
    if int(version.partition(".")[0]) >= 3:
        names["hard_sigmoid"] = "hard_sigmoid_keras3"
    if name not in names:
        raise _DifferentError(
            f"layer {layer['config']['name']!r} has recurrent_activation={name}, not sigmoid or hard_sigmoid"
        )
    return names[name]


def _window(config: dict[str, Any]) -> dict[str, int]:
    """Return the length of the input as an option, unless the first layer leaves it open."""
    first = _all_layers(config)[0]["config"]
    shape = first.get("batch_shape") or first.get("batch_input_shape") or (None, None)
    if shape[1] is None:
        return {}
    if type(shape[1]) is not int or not 1 <= shape[1] <= MAX_WINDOW:
        raise _DifferentError(f"its input has the length {shape[1]!r}")
    return {"window": shape[1]}


def _read(layer: Layer, arrays: Sequence[Any], shapes: list[tuple[int, ...]]) -> Iterator[Tensor]:
    """Return an iterator over a layer's arrays as tensors, after all shapes have been checked."""
    actual = [array.shape for array in arrays]
    if actual != shapes:
        raise _DifferentError(
            f"layer {layer['config']['name']!r} has weights of shapes {actual}, not {shapes}"
        )
    return (torch.from_numpy(np.asarray(array[()], np.float32)) for array in arrays)


def _arrays_of_keras(file: Any, config: dict[str, Any], index: int) -> Sequence[Any]:
    """Return a layer's arrays in a file of Keras 3, under its class and its index among that class."""
    classes = [layer["class_name"].lower() for layer in _layers(config)]
    name, place = classes[index], classes[:index].count(classes[index])
    group = file["layers"][f"{name}_{place}" if place else name]
    variables = (group["cell"] if name == "lstm" else group)["vars"]
    return [variables[str(number)] for number in range(len(variables))]


def _arrays_of_h5(file: Any, config: dict[str, Any], index: int) -> Sequence[Any]:
    """Return a layer's arrays in an `.h5` file, under its name and listed there."""
    group = file["model_weights"][_layers(config)[index]["config"]["name"]]
    return [group[name] for name in group.attrs["weight_names"]]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
