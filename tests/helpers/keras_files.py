"""Files as Keras 2 and Keras 3 save them, written without Keras."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import h5py
import numpy as np
from numpy.typing import NDArray

VOCAB_SIZE, WINDOW, HIDDEN = 3, 4, 5
Config = list[dict[str, Any]]
Weights = dict[str, list[NDArray[np.float32]]]
"""The arrays of each layer that has some, by its name."""
Write = Callable[[Path, Config, Weights], Path]


def configuration(recurrent_activation: str = "sigmoid") -> Config:
    """Two LSTM layers and a softmax, as a configuration of Keras lists them."""
    lstm = {"activation": "tanh", "recurrent_activation": recurrent_activation, "use_bias": True}
    lstm |= {"units": HIDDEN, "go_backwards": False, "stateful": False, "dropout": 0.0}
    dense = {"name": "out", "units": VOCAB_SIZE, "activation": "softmax", "use_bias": True}
    return [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, WINDOW, 1]}},
        {"class_name": "LSTM", "config": {"name": "first", **lstm, "return_sequences": True}},
        {"class_name": "Dropout", "config": {"name": "drop", "rate": 0.2}},
        {"class_name": "LSTM", "config": {"name": "second", **lstm, "return_sequences": False}},
        {"class_name": "Dense", "config": dense},
    ]


def random_weights() -> Weights:
    shapes = {
        "first": [(1, 4 * HIDDEN), (HIDDEN, 4 * HIDDEN), (4 * HIDDEN,)],
        "second": [(HIDDEN, 4 * HIDDEN), (HIDDEN, 4 * HIDDEN), (4 * HIDDEN,)],
        "out": [(HIDDEN, VOCAB_SIZE), (VOCAB_SIZE,)],
    }
    draw = np.random.default_rng(0).standard_normal
    return {
        name: [(2 * draw(shape)).astype(np.float32) for shape in of_layer]
        for name, of_layer in shapes.items()
    }


def write_h5(path: Path, layers: Config, weights: Weights, version: str = "2.2.4") -> Path:
    """Write a file as Keras 2 does; strings were bytes then."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version.encode()
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
        ).encode()
        file.create_group("model_weights").attrs["layer_names"] = [name.encode() for name in weights]
        for layer, arrays in weights.items():
            group = file["model_weights"].create_group(layer)
            names = [f"{layer}_1/{name}:0" for name in ("kernel", "recurrent_kernel", "bias")]
            names = names if len(arrays) == 3 else [names[0], names[2]]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays, strict=True):
                group[name] = array
    return path


def write_keras(path: Path, layers: Config, weights: Weights) -> Path:
    """Write a file as Keras 3 does."""
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}
    data = BytesIO()
    with h5py.File(data, "w") as file:
        for place, layer in {"lstm/cell": "first", "lstm_1/cell": "second", "dense": "out"}.items():
            group = file.create_group(f"layers/{place}/vars")
            for number, array in enumerate(weights[layer]):
                group[str(number)] = array
    with ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.5.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", data.getvalue())
    return path
