"""Runs as ONNX files, computed by onnxruntime."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.commands import run_textgen
from helpers.runs import SMALL, TEXT, make_run
from textgen.experiment.saved_run import save_run

onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
pytest.importorskip("onnx", reason="needs onnx")


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("char-lstm:num_layers=3,hidden_size=16,embedding_size=8", {"hidden": (3, 16), "cell": (3, 16)}),
        ("bpe-gru:num_layers=1,hidden_size=16", {"hidden": (1, 16)}),
    ],
)
def test_logits_and_states_of_the_file_are_those_of_the_run(
    name: str, states: dict[str, tuple[int, int]], tmp_path: Path
) -> None:
    run = make_run(name)
    save_run(tmp_path / "run", run)
    done = run_textgen("onnx", tmp_path / "run", "-o", tmp_path / "run.onnx", "--json")
    assert json.loads(done.stdout)["max_difference"] < 1e-4
    about = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert about["tokens"] == list(run.tokenizer.tokens)
    assert about["start"] == run.tokenizer.encode("\n").tolist()
    assert about["entry"] == name

    ids = np.resize(run.tokenizer.encode(TEXT).astype(np.int64), 1000)[None]
    with torch.inference_mode():
        expected, _ = run.model.forward(torch.from_numpy(ids), run.model.initial_state(1))
    session = onnxruntime.InferenceSession(tmp_path / "run.onnx")
    state = {key: np.zeros((layers, 1, size), np.float32) for key, (layers, size) in states.items()}
    begin = 0
    for end in (1, 2, 700, 1000):  # token by token, and many at once
        logits, *after = session.run(
            ["logits", *(f"next_{key}" for key in state)], {"ids": ids[:, begin:end], **state}
        )
        np.testing.assert_allclose(logits, expected[:, begin:end].numpy(), rtol=0, atol=1e-4)
        state, begin = dict(zip(state, after, strict=True)), end


@pytest.mark.parametrize(
    "name", ["char-lstm+match" + SMALL, "char-hier", "char-lstm:softmax=adaptive", "word-gru" + SMALL]
)
def test_other_models_are_refused_in_one_line(name: str, tmp_path: Path) -> None:
    save_run(tmp_path / "run", make_run(name))
    done = run_textgen("onnx", tmp_path / "run", "-o", tmp_path / "run.onnx", code=1)
    assert "is not one stack of recurrent layers with one softmax" in done.stderr.strip().splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    save_run(tmp_path / "run", make_run("char-gru" + SMALL))
    (tmp_path / "run.json").write_text("mine")
    done = run_textgen("onnx", tmp_path / "run", "-o", tmp_path / "run.onnx", code=1)
    assert f"{str(tmp_path / 'run.json')!r} exists already" in done.stderr
    done = run_textgen("onnx", tmp_path / "run", "-o", tmp_path / "x.json", code=2)
    assert "let it end with .onnx" in done.stderr
    assert (tmp_path / "run.json").read_text() == "mine"
