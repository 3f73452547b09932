"""Networks of Keras that are not like `original`, and damaged files: one line about each."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

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
from textgen.contracts import TextgenError
from textgen_models.original import Original, load_keras


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
    with pytest.raises(TextgenError, match=r'pip install "textgen-bench\[keras\]"$'):
        Original(VOCAB_SIZE, weights=str(path))


# --- sizes


def repacked(path: Path, name: str, data: bytes) -> None:
    """Give a file in an archive another content, compressed."""
    with ZipFile(path) as before:
        files = {each: before.read(each) for each in before.namelist()}
    with ZipFile(path, "w", ZIP_DEFLATED) as after:
        for each, own in {**files, name: data}.items():
            after.writestr(each, own)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("config.json", b" " * 2**25, "config.json unpacks to more than 16 MiB"),
        ("metadata.json", b" " * 2**25, "metadata.json unpacks to more than 16 MiB"),
        ("model.weights.h5", bytes(2**25), "model.weights.h5 unpacks to more than 16 MiB"),
        ("config.json", b"[" * 1_000_000, "nested too deeply"),
        ("config.json", b"[]", "TypeError"),
        ("config.json", b'{"class_name": "Sequential", "config": {"layers": [5, 6]}}', "TypeError"),
    ],
)
def test_an_archive_is_not_unpacked_without_end(name: str, data: bytes, reason: str, tmp_path: Path) -> None:
    path = write_keras(tmp_path / "bomb.keras", configuration(), random_weights())
    repacked(path, name, data)
    with pytest.raises(TextgenError, match=rf"^cannot read .*{reason}") as caught:
        load_keras(path)
    assert "\n" not in str(caught.value)


def test_weights_that_a_file_cannot_hold_are_refused(tmp_path: Path) -> None:
    units = 100_000
    layers = configuration()[:2] + configuration()[-1:]
    layers[1]["config"] |= {"units": units, "return_sequences": False}
    path = write_h5(tmp_path / "bomb.h5", configuration(), random_weights())
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
        group = file["model_weights"]["first"]
        shapes = [(1, 4 * units), (units, 4 * units), (4 * units,)]
        for name, shape in zip(group.attrs["weight_names"], shapes, strict=True):
            del group[name]
            group.create_dataset(name, shape, "f4", chunks=tuple(min(1000, each) for each in shape))
    assert path.stat().st_size < 100_000
    with pytest.raises(TextgenError, match="its weights unpack to more than 16 MiB"):
        load_keras(path)


@pytest.mark.parametrize("length", ["x", 10**12, -1, True, 2.5])
def test_a_window_that_makes_no_sense_is_refused(length: object, tmp_path: Path) -> None:
    layers = configuration()
    layers[0]["config"]["batch_input_shape"] = [None, length, 1]
    path = write_h5(tmp_path / "saved", layers, random_weights())
    with pytest.raises(TextgenError, match="its input has the length"):
        load_keras(path)
