"""Updates by `torch.compile` are the plain ones within rounding."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch
from torch import nn

from helpers.training import CPU, OPTIONS, trainer
from textgen.contracts import TextgenError, TokenIds
from textgen.runtime.device import seeded
from textgen_models.transformer import Transformer

pytestmark = [
    pytest.mark.long,  # a compiler runs
    pytest.mark.filterwarnings("ignore"),  # of torch's compiler
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler"),
]


def model_of() -> nn.Module:
    with seeded(0, CPU.device):
        return Transformer(100, num_layers=1, num_heads=2, hidden_size=8, dropout=0.2)


def test_compiled_updates_equal_plain_ones(ids: TokenIds) -> None:
    torch.compiler.reset()
    plain, compiled = (
        trainer(ids[:3000], options=replace(OPTIONS, compile=compiles), model=model_of())
        for compiles in (False, True)
    )
    losses = [[each.update(0.1 * number) for number in range(5)] for each in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert len(set(losses[0])) == 5
    torch.testing.assert_close(
        dict(compiled.model.module.named_parameters()), dict(plain.model.module.named_parameters())
    )
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


def test_a_machine_that_cannot_compile_is_told_so(ids: TokenIds, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.compiler.reset()
    monkeypatch.setattr(torch._inductor.config.cpp, "cxx", (None, "no-such-compiler"))
    training = trainer(ids[:3000], options=replace(OPTIONS, compile=True), model=model_of())
    with pytest.raises(TextgenError, match=r"^compile=yes, but torch cannot compile: .*no-such-compiler'\)$"):
        training.update(0.0)
