"""Networks of Keras that are not like `original`, and damaged files: one line about each."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import pytest

from helpers.keras_files import (
    VOCAB_SIZE,
    Write,
    configuration,
    random_weights,
    write_h5,
    write_keras,
)
from textgen.api import TextgenError
from textgen_models.original.model import Original, load_keras


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (2, {"class_name": "Lambda"}, "layer 'drop' is a Lambda, not a LSTM"),
        (3, {"class_name": "GRU"}, "layer 'second' is a GRU, not a LSTM"),
        (4, {"class_name": "LSTM"}, "layer 'out' is a LSTM, not a Dense"),
        (1, {"activation": "relu"}, "layer 'first' has activation=relu, not tanh"),
        (1, {"stateful": True}, "layer 'first' has stateful=True, not False"),
        (1, {"return_sequences": False}, "layer 'first' has return_sequences=False, not True"),
        (3, {"units": 6}, "layer 'second' has units=6, not 5"),
        (3, {"recurrent_activation": "hard_sigmoid"}, "recurrent_activation=hard_sigmoid, not sigmoid"),
        (4, {"activation": "linear"}, "layer 'out' has activation=linear, not softmax"),
        (
            4,
            {"units": 8},
            r"layer 'out' has weights of shapes \[\(5, 3\), \(3,\)\], not \[\(5, 8\), \(8,\)\]",
        ),
    ],
)
@pytest.mark.parametrize("write", [write_h5, write_keras])
def test_a_network_of_another_kind_is_named_with_its_layer(
    write: Write, place: int, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    layers = configuration()
    target = layers[place] if "class_name" in change else layers[place]["config"]
    target.update(change)
    path = write(tmp_path / "saved", layers, random_weights())
    with pytest.raises(
        TextgenError, match=f"^the network in .*saved is not like the model original: .*{message}"
    ):
        load_keras(path)


def test_an_unknown_gate_or_a_missing_stack_is_named(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "saved", configuration("swish"), random_weights())
    with pytest.raises(TextgenError, match="'first' has recurrent_activation=swish, not sigmoid or hard_s"):
        load_keras(path)
    write_h5(path, configuration()[-1:], random_weights())
    with pytest.raises(TextgenError, match="fewer than two layers"):
        load_keras(path)
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": {"layers": []}})
    with pytest.raises(TextgenError, match="it is a Functional, not a Sequential"):
        load_keras(path)


@pytest.mark.parametrize("write", [write_h5, write_keras])
def test_a_file_that_cannot_be_read_gives_one_line(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path / "saved", configuration(), random_weights())
    whole = path.read_bytes()
    broken = [b"", b"a text\n", whole[: len(whole) // 2], whole.replace(b"units", b"\0\0\0\0\0")]
    for data in broken:
        path.write_bytes(data)
        with pytest.raises(TextgenError, match=r"^(cannot read|the network in) ") as caught:
            load_keras(path)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(TextgenError, match=r"^no such file: .*saved; give a \.keras or \.h5 file"):
        load_keras(path)


def test_weights_without_a_network_are_refused(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "weights.h5", configuration(), random_weights())
    with h5py.File(path, "a") as file:
        del file.attrs["model_config"]
    with pytest.raises(TextgenError, match=r"model_config.*; give a \.keras or \.h5 file that Keras"):
        load_keras(path)


def test_without_h5py_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write_h5(tmp_path / "old.h5", configuration(), random_weights())
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(TextgenError, match=r"pip install 'textgen-bench\[keras\]'$"):
        Original(VOCAB_SIZE, weights=str(path))
