"""A run of one stack of recurrent layers as an ONNX file, which other programs can compute."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textgen.contracts import TextgenError
from textgen.data.bound_tokenizer import START
from textgen.experiment.saved_run import Trained
from textgen.nn.quantized import PortableNetwork
from textgen.nn.state import tensors
from textgen.runtime.messages import UsageError, reason_of
from textgen.runtime.storage.files import new_file, write_file

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto

OPSET, IR_VERSION = 18, 9
"""Versions of the operators and of the file, of 2023, so that older runtimes read it too."""
GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""Torch's gates (input, forget, cell, output; reset, update, new) in the order of ONNX."""
NUM_CHECKED, TOLERANCE = 1000, 1e-4
"""Random tokens of which the logits are computed by both, and their largest difference."""


@dataclass(frozen=True)
class OnnxFiles:
    """Files that were written, and how far the logits were from the run's."""

    network: Path
    tokens: Path
    """JSON: the entry, its tokens (bytes as `<0x41>`), and `start`, the ids to read before a text."""
    max_difference: float
    """The largest on `NUM_CHECKED` random tokens."""


def write_onnx(trained: Trained, file: Path) -> OnnxFiles:
    """Write the network of a run, and its tokens to a JSON file of the same name.

    The inputs are `ids` (int64 [batch, time]) and the state, `hidden` and for an LSTM `cell` (each float
    [num_layers, batch, hidden_size], zeros before a text); the outputs `logits` [batch, time, vocab_size]
    and the next state, `next_hidden` and `next_cell`.

    Raises `TextgenError` if the model is not one stack of recurrent layers with one softmax, if a file exists
    or cannot be written, if ONNX is not installed, or if onnxruntime computes other logits.
    """
    if file.suffix != ".onnx":
        raise UsageError(f"{str(file)!r} is not the name of an ONNX file: let it end with .onnx")
    tokens = file.with_suffix(".json")
    if found := next((path for path in (file, tokens) if path.exists()), None):
        raise TextgenError(f"{str(found)!r} exists already; choose another file (--out)")
    network = trained.model.portable()
    if network is None:
        raise TextgenError(
            f"{trained.entry.name!r} is not one stack of recurrent layers with one softmax, "
            "so it cannot be written as ONNX"
        )
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise TextgenError('ONNX files need onnx; run: pip install "textgen-bench[onnx]"') from error
    data = _model(network).SerializeToString()
    difference = _difference(trained, data)
    if not difference <= TOLERANCE:
        versions = f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}"
        raise TextgenError(f"logits of the ONNX file differ by {difference:.2g} ({versions})")
    about = {
        "entry": trained.entry.name,
        "start": trained.tokenizer.encode(START).tolist(),
        "tokens": list(trained.tokenizer.tokens),
    }
    try:
        write_file(tokens, json.dumps(about, ensure_ascii=False))
        with new_file(file) as out:
            out.write(data)
    except OSError as error:
        tokens.unlink(missing_ok=True)
        raise TextgenError(
            f"cannot write {str(file)!r}: {reason_of(error)}; choose another (--out)"
        ) from None
    return OnnxFiles(file, tokens, difference)


def _model(network: PortableNetwork) -> ModelProto:
    """Return the network as a model of ONNX, whose recurrent operators have time first."""
    from onnx import helper, numpy_helper

    states = ["hidden", "cell"][: 2 if network.cell == "lstm" else 1]
    weights = {"table": _array(network.table), "gain": np.float32(network.gain), "axis": np.array([1])}
    weights |= {"weight": _array(network.weight).T.copy(), "bias": _array(network.bias)}
    nodes = [_node("Gather", "table ids", "embedded"), _node("Transpose", "embedded", "x0", perm=(1, 0, 2))]
    number = len(network.layers)
    for name in states:
        parts = " ".join(f"{name}{index}" for index in range(number))
        nodes.append(_node("Split", name, parts, num_outputs=number))
    for index, layer in enumerate(network.layers):
        weights |= {f"{name}{index}": value for name, value in _weights(layer, network.cell).items()}
        nodes += _layer(index, network.cell, layer.hidden_size, states)
    for name in states:
        parts = " ".join(f"{name}_after{index}" for index in range(number))
        nodes.append(_node("Concat", parts, f"next_{name}", axis=0))
    if number > 1:
        weights["lower_share"] = np.float32(network.lower_share)
        nodes.append(_node("Sum", " ".join(f"x{index}" for index in range(1, number)), "lower"))
        nodes.append(_node("Mul", "lower lower_share", "shared"))
        nodes.append(_node("Add", f"x{number} shared", "shown"))
    nodes += [
        _node("Transpose", "shown" if number > 1 else "x1", "features", perm=(1, 0, 2)),
        _node("MatMul", "features weight", "products"),
        _node("Add", "products bias", "logits"),
    ]
    size = (number, "batch", network.layers[0].hidden_size)
    logits = ("batch", "time", len(network.bias))
    graph = helper.make_graph(
        nodes,
        "textgen",
        [_value("ids", ("batch", "time"), is_float=False), *(_value(name, size) for name in states)],
        [_value("logits", logits), *(_value(f"next_{name}", size) for name in states)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(
        graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="textgen-bench"
    )


def _layer(index: int, cell: str, hidden_size: int, states: Sequence[str]) -> list[NodeProto]:
    """Return a layer, from `x{index}` [time, batch, size] to the next one, times the gain."""
    before = " ".join(f"{name}{index}" for name in states)
    after = " ".join(f"{name}_after{index}" for name in states)
    options = {"linear_before_reset": 1} if cell == "gru" else {}
    inputs = f"x{index} w{index} r{index} b{index} - {before}"  # -: all rows have the same length
    return [
        _node(cell.upper(), inputs, f"y{index} {after}", hidden_size=hidden_size, **options),
        _node("Squeeze", f"y{index} axis", f"z{index}"),
        _node("Mul", f"z{index} gain", f"x{index + 1}"),
    ]


def _weights(layer: nn.LSTM | nn.GRU, cell: str) -> dict[str, NDArray[np.float32]]:
    """Return the weights of input (w) and hidden state (r) and both biases (b), with one direction first."""
    order, named = GATES[cell], {name: _array(value) for name, value in layer.named_parameters()}

    def ordered(name: str) -> NDArray[np.float32]:
        values = named[f"{name}_l0"]
        return values.reshape(len(order), -1)[list(order)].reshape(values.shape)

    bias = np.concatenate([ordered("bias_ih"), ordered("bias_hh")])
    return {"w": ordered("weight_ih")[None], "r": ordered("weight_hh")[None], "b": bias[None]}


def _difference(trained: Trained, data: bytes) -> float:
    """Return the largest difference of logits on random tokens, read in two parts that share a state."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(trained.model.vocab_size, (2, NUM_CHECKED // 2), generator=generator)
    expected, found, before = [], [], trained.model.initial_state(len(ids))
    states = [each.transpose(0, 1).cpu().numpy() for each in tensors(before)]
    with torch.inference_mode():
        for part in ids.chunk(2, dim=1):
            logits, before = trained.model.forward(part.to(trained.model.device), before)
            expected.append(logits.cpu().numpy())
            computed, *states = session.run(None, dict(zip(names, [part.numpy(), *states], strict=True)))
            found.append(computed)
    return float(np.abs(np.concatenate(expected, 1) - np.concatenate(found, 1)).max())


def _array(values: torch.Tensor) -> NDArray[np.float32]:
    return values.detach().float().cpu().numpy()


def _node(operator: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    """Return a node; a `-` is an input that is left out."""
    from onnx import helper

    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), **attributes)


def _value(name: str, shape: Sequence[int | str], *, is_float: bool = True) -> ValueInfoProto:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT if is_float else TensorProto.INT64, shape)
