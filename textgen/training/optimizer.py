"""Optimizers: Muon for the matrices of hidden layers and AdamW for the rest, or one of torch's for all."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from textgen.nn.language_model import LanguageModel
from textgen.training.train_options import OptimizerName

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)

NUM_ITERATIONS = 3
"""Newton-Schulz iterations; the published 5 are slower and no better."""
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd quintic polynomial that drives singular values towards 1 (Jordan et al. 2024)."""
UPDATE_RMS = 0.5
"""Root mean square of Muon's updates at a learning rate of 1, for matrices of every size (0.2 in Liu et al.
2025, arXiv:2502.16982); that of AdamW's updates is about 1."""


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonalised matrices, so that all directions learn equally fast.

    A matrix of several squares on top of each other, such as the gates of an LSTM, is orthogonalised square
    by square. torch.optim.Muon needs torch 2.9. Source: Jordan et al. 2024,
    https://kellerjordan.github.io/posts/muon/
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        weight_decay: float,
        dtype: torch.dtype,
        *,
        lr: float = 0.0,
        momentum: float = 0.95,
    ) -> None:
        settings = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "step": 1.0}
        super().__init__(parameters, settings)
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        assert closure is None, "Muon does not support closures"
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    blocks = self._direction(parameter, group["momentum"])
                    by_shape[blocks.shape[1:]].append((parameter, blocks))
            for (num_rows, num_columns), members in by_shape.items():
                stacked = torch.cat([blocks for _, blocks in members])
                updates = torch.split(orthogonalise(stacked), [len(blocks) for _, blocks in members])
                size = UPDATE_RMS * group["step"] * max(num_rows, num_columns) ** 0.5
                for (parameter, _), update in zip(members, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * size)

    def _direction(self, parameter: Tensor, momentum: float) -> Tensor:
        """Return the Nesterov momentum of a parameter in blocks [count, rows, columns]."""
        assert parameter.grad is not None
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 1 - momentum)
        direction = parameter.grad.lerp(state["momentum"], momentum).to(self._dtype)
        num_rows, num_columns = direction.shape
        is_stack = num_rows % num_columns == 0
        return direction.view(-1, num_columns if is_stack else num_rows, num_columns)


def orthogonalise(matrices: Tensor) -> Tensor:
    """Return matrices [count, rows, columns] with the same singular vectors, and singular values near 1."""
    a, b, c = COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    result = matrices.mT if is_tall else matrices
    # With singular values of at most 1 the iteration converges.
    norms: Tensor = torch.linalg.vector_norm(result, dim=(1, 2), keepdim=True)
    result = result / (norms + 1e-7)
    for _ in range(NUM_ITERATIONS):
        square = result @ result.mT
        polynomial = torch.baddbmm(square, square, square, beta=b, alpha=c)
        result = torch.baddbmm(result, polynomial, result, beta=a)
    return result.mT if is_tall else result


def build_optimizers(
    model: LanguageModel, name: OptimizerName, weight_decay: float, dtype: torch.dtype
) -> list[torch.optim.Optimizer]:
    """Return optimizers that together update every trainable parameter once.

    With Muon and AdamW, matrices have weight decay (decoupled from the gradient, Loshchilov and Hutter 2019),
    vectors and scalars have none; with the others, nothing has. `dtype` is that of Muon's matmuls. The
    learning rate and Muon's momentum are set before each update.
    """
    parameters = [parameter for parameter in model.module.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
    vectors = [parameter for parameter in parameters if parameter.ndim < 2]
    optimizers: list[torch.optim.Optimizer] = []
    if name == "muon":
        hidden = hidden_matrices(model)
        if hidden:
            optimizers.append(without_compiler(Muon)(hidden, weight_decay, dtype))
        taken = {id(parameter) for parameter in hidden}
        matrices = [parameter for parameter in matrices if id(parameter) not in taken]
    decay = weight_decay if name in ("muon", "adamw") else 0.0
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    if groups:
        optimizers.append(_classic(name, groups))
    return optimizers


def hidden_matrices(model: LanguageModel) -> list[nn.Parameter]:
    """Return the trainable matrices of hidden layers."""
    excluded = {id(parameter) for parameter in model.nonhidden_parameters()}
    return [
        parameter
        for parameter in model.module.parameters()
        if parameter.requires_grad and parameter.ndim == 2 and id(parameter) not in excluded
    ]


def freeze_hidden(model: LanguageModel) -> None:
    """Let training change nothing but the input and output layers."""
    trained = {id(parameter) for parameter in model.nonhidden_parameters()}
    for parameter in model.module.parameters():
        parameter.requires_grad_(parameter.requires_grad and id(parameter) in trained)


def without_compiler(optimizer: type[Kind]) -> type[Kind]:
    """Return a class of optimizers that computes the same and does not import torch's compiler.

    torch wraps their methods so that `torch.compile` leaves them alone, and the first call of one imports the
    compiler. That takes more than a second, and textgen compiles nothing.
    """
    names = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    methods = {name: inspect.unwrap(getattr(optimizer, name)) for name in names}
    step = torch.no_grad()(inspect.unwrap(optimizer.step))
    made: type[Kind] = type(optimizer.__name__, (optimizer,), {**methods, "step": step})
    return made


def _classic(name: OptimizerName, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    is_fused = groups[0]["params"][0].device.type != "mps"
    if name == "sgd":
        return without_compiler(torch.optim.SGD)(groups, lr=0.0, momentum=0.9, nesterov=True)
    if name == "rmsprop":
        return without_compiler(torch.optim.RMSprop)(groups, lr=0.0)
    if name == "adam":
        return without_compiler(torch.optim.Adam)(groups, lr=0.0, fused=is_fused)
    return without_compiler(torch.optim.AdamW)(groups, lr=0.0, betas=(0.9, 0.99), fused=is_fused)
