"""Networks that Keras saved give the same probabilities here."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from helpers.keras_files import (
    HIDDEN,
    VOCAB_SIZE,
    WINDOW,
    Weights,
    Write,
    configuration,
    random_weights,
    write_h5,
    write_keras,
)
from textgen.contracts import TextgenError
from textgen.data.corpus import load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import load_run, save_run
from textgen.nn.language_model import placeholder_vocabulary
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget
from textgen_models.keras_weights import read_keras
from textgen_models.original import Original, load_keras

GATES = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_sigmoid_keras3": lambda x: np.clip(x / 6 + 0.5, 0, 1),
}


def plain_probabilities(weights: Weights, ids: NDArray[np.int64], activation: str) -> NDArray[np.float64]:
    """What Keras predicts for windows [count, time], by its formulas: the gates are i, f, c, o."""
    steps = list(ids.T[:, :, None] / VOCAB_SIZE)
    for layer in ("first", "second"):
        kernel, recurrent, bias = weights[layer]
        hidden, cell, outputs = np.zeros((1, HIDDEN)), np.zeros((1, HIDDEN)), []
        for step in steps:
            i, f, c, o = np.split(step @ kernel + hidden @ recurrent + bias, 4, axis=1)
            cell = GATES[activation](f) * cell + GATES[activation](i) * np.tanh(c)
            hidden = GATES[activation](o) * np.tanh(cell)
            outputs.append(hidden)
        steps = outputs
    odds = np.exp(steps[-1] @ weights["out"][0] + weights["out"][1])
    probabilities: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
    return probabilities


def predict(model: Original, ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """The probabilities [count, vocab_size] after windows [count, time]."""
    with torch.inference_mode():
        logits, _ = model(torch.from_numpy(ids), model.initial_state(len(ids)))
    probabilities: NDArray[np.float32] = logits[:, -1].softmax(-1).numpy()
    return probabilities


IDS = np.random.default_rng(1).integers(VOCAB_SIZE, size=(20, WINDOW))


# --- the same network


@pytest.mark.parametrize(
    ("write", "written", "activation"),
    [
        (write_h5, "sigmoid", "sigmoid"),
        (write_h5, "hard_sigmoid", "hard_sigmoid"),
        (write_keras, "sigmoid", "sigmoid"),
        (write_keras, "hard_sigmoid", "hard_sigmoid_keras3"),
    ],
)
def test_a_file_gives_the_probabilities_of_its_network(
    write: Write, written: str, activation: str, tmp_path: Path
) -> None:
    weights = random_weights()
    path = write(tmp_path / "saved", configuration(written), weights)
    options = {"window": WINDOW, "hidden_size": HIDDEN, "num_layers": 2, "recurrent_activation": activation}
    assert read_keras(path).options == options
    model = load_keras(path)
    np.testing.assert_allclose(predict(model, IDS), plain_probabilities(weights, IDS, activation), atol=1e-5)
    again = Original(VOCAB_SIZE, **options, weights=str(path)).eval()
    np.testing.assert_array_equal(predict(again, IDS), predict(model, IDS))


def test_a_window_of_any_length_can_be_chosen(tmp_path: Path) -> None:
    layers = configuration()
    del layers[0]  # without an InputLayer the first layer tells the shape
    layers[0]["config"]["batch_input_shape"] = [None, None, 1]
    path = write_h5(tmp_path / "saved.h5", layers, random_weights())
    assert "window" not in read_keras(path).options
    assert load_keras(path).window == 60
    layers[0]["config"]["batch_input_shape"] = [None, 9, 1]
    assert load_keras(write_h5(tmp_path / "saved.h5", layers, random_weights())).window == 9


SAVE_WITH_KERAS = """
import sys
import keras
import numpy as np
keras.utils.set_random_seed(0)
layers, results = keras.layers, {}
ids = np.random.default_rng(0).integers(32, size=(20, 30))
for activation in ("sigmoid", "hard_sigmoid"):
    model = keras.Sequential([keras.Input((30, 1))])
    for index in range(3):
        model.add(layers.LSTM(16, return_sequences=index < 2, recurrent_activation=activation))
        model.add(layers.Dropout(0.2))
    model.add(layers.Dense(32, activation="softmax"))
    model.set_weights([2 * array + 0.1 for array in model.get_weights()])
    results[activation] = model.predict((ids / 32).astype(np.float32)[..., None], verbose=0)
    for ending in ("keras", "h5"):
        model.save(f"{sys.argv[1]}/{activation}.{ending}")
np.savez(f"{sys.argv[1]}/results.npz", ids=ids, **results)
"""


@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="needs keras")
def test_keras_predicts_the_same(tmp_path: Path) -> None:
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    command = [sys.executable, "-c", SAVE_WITH_KERAS, str(tmp_path)]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    results = np.load(tmp_path / "results.npz")
    assert not np.allclose(results["sigmoid"], results["hard_sigmoid"], atol=1e-3)
    for activation in ("sigmoid", "hard_sigmoid"):
        for ending in ("keras", "h5"):
            model = load_keras(tmp_path / f"{activation}.{ending}")
            np.testing.assert_allclose(predict(model, results["ids"]), results[activation], atol=1e-5)


# --- as an option of an entry

OPTIONS = f"window={WINDOW},hidden_size={HIDDEN},num_layers=2,recurrent_activation=hard_sigmoid"


def test_a_run_starts_from_the_weights_and_is_loaded_without_their_file(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "old.h5", configuration("hard_sigmoid"), random_weights())
    (tmp_path / "text.txt").write_text("ab\n\n" * 120, "utf-8", newline="")
    corpus = load_corpus([str(tmp_path / "text.txt")], "raw")
    entry = parse_entry(f"original:weights={path},{OPTIONS},learning_rate=1e-9,batch_size=4,dropout=0")
    device_config = DeviceConfig(torch.device("cpu"), "fp32")
    run = Experiment(entry, corpus, parse_budget("20chars"), device_config, seed=0).run()
    np.testing.assert_allclose(predict(run.model.module, IDS), predict(load_keras(path), IDS), atol=1e-5)
    save_run(tmp_path / "run", run)
    path.unlink()
    loaded = load_run(tmp_path / "run", device_config.device)
    np.testing.assert_array_equal(predict(loaded.model.module, IDS), predict(run.model.module, IDS))


def test_options_and_alphabet_must_be_those_of_the_file(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "old.h5", configuration("hard_sigmoid"), random_weights())
    with pytest.raises(TextgenError, match=f"other options; add {OPTIONS} to the entry$"):
        parse_entry(f"original:weights={path}").build_model(placeholder_vocabulary(VOCAB_SIZE))
    with pytest.raises(TextgenError, match="has 3 symbols, but this vocabulary has 4; give the text"):
        parse_entry(f"original:weights={path},{OPTIONS}").build_model(placeholder_vocabulary(4))


# --- networks that are not like `original`, and damaged files


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
