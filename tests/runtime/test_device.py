"""Choosing where and how precisely to compute, and randomness that leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textgen.contracts import TextgenError
from textgen.runtime import device
from textgen.runtime.device import DeviceConfig, choose_device, seeded

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask this machine as if for the first time."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path))


@pytest.mark.parametrize(("speedup", "precision"), [(2.0, "bf16"), (1.2, "fp32"), (0.5, "fp32")])
def test_a_processor_computes_in_bf16_if_it_was_once_found_to_be_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, speedup: float, precision: str
) -> None:
    monkeypatch.setattr(device, "fastest_times", lambda _: [1.0, 1 / speedup])
    assert choose_device("cpu") == DeviceConfig(CPU, precision)
    monkeypatch.setattr(device, "fastest_times", lambda _: [1.0, speedup])  # a disturbed probe
    assert choose_device("cpu").precision == precision
    monkeypatch.setattr(device, "processor_features", lambda: "another machine")
    monkeypatch.setattr(device, "fastest_times", lambda _: [1.0, 9.0])
    assert choose_device("cpu").precision == "fp32"


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_precision_can_be_asked_for(precision: str) -> None:
    device_config = choose_device("cpu", precision)
    assert device_config == DeviceConfig(CPU, precision)
    with device_config.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == device.PRECISIONS[precision]
    device_config.synchronize()


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_recurrent_layer_is_trained_in_any_precision(precision: str) -> None:
    # oneDNN, which torch asks for it, has none of less than 32 bits for CPUs without AVX-512.
    onednn, before = torch.backends.mkldnn.enabled, torch.get_rng_state()
    with DeviceConfig(CPU, precision).autocast():
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(0)
        layer, features = torch.nn.LSTM(3, 4), torch.rand(5, 1, 3)
        output, _ = layer(features)
    output.float().sum().backward()
    assert torch.allclose(output.float(), layer(features)[0], atol=0.02)
    assert float(layer.weight_ih_l0.grad.abs().sum()) > 0
    assert torch.backends.mkldnn.enabled == onednn


@pytest.mark.parametrize("name", ["gpu", "CPU", "", "cpu:x", "meta", "hpu", "cuda:99", "cuda:-1"])
def test_a_device_that_cannot_be_used_is_a_one_line_error_with_advice(name: str) -> None:
    with pytest.raises(TextgenError) as caught:
        choose_device(name)
    message = str(caught.value)
    assert message.startswith(
        (f"unknown device {name!r}; known: auto, ", f"device {name!r} cannot be used: ")
    )
    assert "\n" not in message
    assert len(message) < 200


def test_seeded_randomness_repeats_and_leaves_no_trace() -> None:
    before = torch.get_rng_state()
    drawn = []
    for seed in (0, 0, 1):
        with seeded(seed, CPU):
            drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    with pytest.raises(KeyError), seeded(0, CPU):
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)
