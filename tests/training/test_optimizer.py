"""Every parameter is updated once; Muon orthogonalises the matrices of hidden layers, square by square."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from textgen.nn.language_model import LanguageModel
from textgen.training.optimizer import UPDATE_RMS, Muon, build_optimizers, hidden_matrices, orthogonalise
from textgen.training.train_options import OptimizerName
from textgen_kit.examples.model import Example
from textgen_models.original import Original
from textgen_models.recurrent import GRU, LSTM
from textgen_models.transformer import Transformer

VOCAB_SIZE = 50


def optimizers(model: nn.Module, name: OptimizerName = "muon") -> list[torch.optim.Optimizer]:
    bound = LanguageModel(model, VOCAB_SIZE)
    optimizers = build_optimizers(bound, name, weight_decay=0.1, dtype=torch.float32)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = 0.01
    return optimizers


def kind(optimizer: torch.optim.Optimizer) -> Any:
    """Return the class that an optimizer computes the same as."""
    return type(optimizer).__base__


def muon(*parameters: Tensor, weight_decay: float = 0.0) -> Muon:
    return Muon(parameters, lr=0.01, weight_decay=weight_decay, momentum=0.9, dtype=torch.float32)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 9), (2, 12, 5)])
def test_orthogonalising_keeps_directions_and_evens_their_strength(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    left, strengths, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    strengths = torch.linspace(1.0, 0.3, strengths.shape[1])
    result = orthogonalise(left @ torch.diag(strengths) @ right * 1000)
    evened = left.mT @ result @ right.mT
    diagonal = evened.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(evened, torch.diag_embed(diagonal), atol=1e-4, rtol=0)
    assert diagonal.min() > 0.6
    assert diagonal.max() < 1.3


def test_gates_are_orthogonalised_one_by_one() -> None:
    torch.manual_seed(0)
    gates = nn.Parameter(torch.zeros(12, 3))
    parts = [nn.Parameter(torch.zeros(3, 3)) for _ in range(4)]
    gates.grad = torch.randn(12, 3)
    for part, gradient in zip(parts, gates.grad.chunk(4), strict=True):
        part.grad = gradient.clone()
    muon(gates).step()
    muon(*parts).step()
    torch.testing.assert_close(gates, torch.cat([part.detach() for part in parts]))


@pytest.mark.parametrize("shape", [(16, 16), (64, 16), (100, 16), (16, 100)])
def test_an_update_has_the_same_size_whatever_the_shape_and_the_gradient(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    parameter = nn.Parameter(torch.zeros(shape))
    parameter.grad = 1e-4 * torch.randn(shape)
    muon(parameter).step()
    rms = parameter.detach().square().mean().sqrt() / 0.01
    assert 0.5 * UPDATE_RMS < rms < 1.3 * UPDATE_RMS


def test_matrices_decay_and_what_has_no_gradient_is_left_alone() -> None:
    still, moved = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    moved.grad = torch.zeros(2, 2)
    muon(still, moved, weight_decay=0.5).step()
    assert still.tolist() == [[1, 1], [1, 1]]
    torch.testing.assert_close(moved.detach(), torch.full((2, 2), 1 - 0.01 * 0.5))


@pytest.mark.parametrize("softmax", ["full", "adaptive"])
@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_every_trainable_parameter_belongs_to_one_optimizer(softmax: str, name: OptimizerName) -> None:
    model = LSTM(VOCAB_SIZE, num_layers=2, hidden_size=8, softmax=softmax)  # type: ignore[arg-type]
    model.layers[0].bias_hh_l0.requires_grad = False
    groups = [group for optimizer in optimizers(model, name) for group in optimizer.param_groups]
    found = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(found) == sorted(
        id(parameter) for parameter in model.parameters() if parameter.requires_grad
    )
    for group in groups:
        decays = {parameter.ndim >= 2 and name in ("muon", "adamw") for parameter in group["params"]}
        assert decays == {group["weight_decay"] > 0}


GATES = [f"layers.{layer}.weight_{part}_l0" for layer in (0, 1) for part in ("ih", "hh")]
SMALL: dict[str, Any] = {"num_layers": 2, "hidden_size": 8}
BLOCKS = [f"blocks.{block}.{part}.weight" for block in (0, 1) for part in ("qkv", "mix", "up", "down")]
PROJECTIONS = ["output.projections.0.weight"]


@pytest.mark.parametrize(
    ("component", "options", "expected"),
    [
        (LSTM, SMALL, GATES),
        (LSTM, SMALL | {"tie_weights": False}, GATES),
        (LSTM, SMALL | {"softmax": "adaptive"}, GATES + PROJECTIONS),
        (GRU, SMALL, GATES),
        (GRU, SMALL | {"tie_weights": False}, GATES),
        (Transformer, SMALL | {"num_heads": 2}, BLOCKS),
        (Transformer, SMALL | {"num_heads": 2, "softmax": "adaptive"}, BLOCKS + PROJECTIONS),
        (Original, SMALL, [name.replace("1", "2", 1) for name in GATES]),  # dropout comes between
        (Example, {"size": 8}, ["hidden.weight"]),
    ],
)
def test_muon_gets_the_matrices_of_hidden_layers_alone(
    component: Any, options: dict[str, Any], expected: list[str]
) -> None:
    model: nn.Module = component(VOCAB_SIZE, **options)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    hidden = hidden_matrices(LanguageModel(model, VOCAB_SIZE))
    assert [names[id(parameter)] for parameter in hidden] == expected
    assert [kind(optimizer) for optimizer in optimizers(model)] == [Muon, torch.optim.AdamW]


@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_each_optimizer_learns(name: OptimizerName) -> None:
    torch.manual_seed(0)
    model, inputs = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)), torch.randn(64, 8)
    targets = torch.stack((inputs[:, 0] * inputs[:, 1], inputs[:, 2]), dim=1)
    updates = optimizers(model, name)
    losses = []
    for _ in range(60):
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        for optimizer in updates:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_a_model_without_hidden_matrices_gets_adamw_alone() -> None:
    for model in (nn.Embedding(5, 3), nn.Linear(3, VOCAB_SIZE, bias=False)):
        assert [kind(optimizer) for optimizer in optimizers(model)] == [torch.optim.AdamW]
    assert [kind(optimizer) for optimizer in optimizers(nn.Linear(5, 3, bias=False))] == [Muon]
