"""Networks that Keras saved give the same probabilities here."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

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
