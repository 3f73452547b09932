"""Gradient training under a budget: streams with carried state, warm-up and cosine decay."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.api import Search, State, TextgenError
from textgen.budget import Budget
from textgen.device import Compute, keep_freed_memory, seeded
from textgen.optimizer import OptimizerName, build_optimizers
from textgen.predict import predict, predict_loss
from textgen.state import detach
from textgen.streams import Streams


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How a model is trained; each is an option of an entry (`char-lstm:learning_rate=0.002`)."""

    batch_size: Annotated[int, Ge(1), Search(16, 256, log=True, step=16)] = 96
    """Parallel streams."""
    sequence_length: Annotated[int, Ge(1), Search(16, 128, log=True, step=16)] = 32
    """Tokens per stream and update, and so the reach of the gradient (truncated back-propagation)."""
    optimizer: OptimizerName = "muon"
    """`muon` is for the matrices of hidden layers; the rest then gets `adamw`."""
    learning_rate: Annotated[float, Gt(0), Search(3e-4, 3e-2, log=True)] = 3e-3
    """The peak, reached after the warm-up."""
    final_learning_rate: Annotated[float, Ge(0), Le(1)] = 0.02
    """What is left of the learning rate at the end of the budget, as a fraction of the peak."""
    warmup: Annotated[float, Ge(0), Le(1), Search(0, 0.3, step=0.02)] = 0.1
    """The fraction of the budget over which the learning rate rises."""
    weight_decay: Annotated[float, Ge(0), Search(0, 1, step=0.05)] = 0.5
    """Of matrices by `muon` and `adamw`, times the learning rate at each update."""
    clip_norm: Annotated[float, Gt(0)] = 1.0
    """The largest norm of the whole gradient."""
    num_validations: Annotated[int, Ge(1)] = 10
    """How often the validation split is scored, evenly over the budget."""


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    fraction: float
    seconds: float
    num_updates: int
    num_epochs: float
    num_chars: int
    train_bits_per_char: float
    validation_bits_per_char: float | None = None


@dataclass
class TrainResult:
    """What a training did; the model holds its best weights."""

    seconds: float
    """Training alone, without validation."""
    validation_seconds: float
    num_updates: int
    num_epochs: float
    num_chars: int
    best_update: int
    curve: list[Progress] = field(default_factory=list)


class Trainer:
    """One model in training."""

    def __init__(
        self, model: nn.Module, streams: Streams, options: TrainOptions, compute: Compute, seed: int
    ) -> None:
        self.model, self.streams, self.options, self.compute = model, streams, options, compute
        keep_freed_memory()
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizers = build_optimizers(
            model, options.optimizer, options.learning_rate, options.weight_decay, compute.dtype
        )
        self.scaler = torch.amp.GradScaler(compute.device.type, enabled=compute.precision == "fp16")
        with seeded(seed, compute.device):
            self.random_state = self._get_random_state()
        self.carried: State = None
        self.num_updates = 0
        self.seconds = 0.0

    def state(self) -> dict[str, Any]:
        """Return all that decides how it goes on: weights, optimizer, position, randomness."""
        return {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "scaler": self.scaler.state_dict(),
            "carried": self.carried,
            "random": self.random_state,
            "epoch": self.streams.epoch,
            "position": self.streams.position,
            "num_updates": self.num_updates,
            "seconds": self.seconds,
        }

    def update(self, fraction: float) -> float:
        """Do one update at this fraction of the budget; return the loss in nats per token."""
        start = time.perf_counter()
        with torch.random.fork_rng(devices=self._cuda_devices()):  # dropout draws from the global generator
            self._set_random_state(self.random_state)
            loss = self._step(fraction)
            self.random_state = self._get_random_state()
        self.num_updates += 1
        value = float(loss)
        self.seconds += time.perf_counter() - start
        return value

    def _step(self, fraction: float) -> Tensor:
        self._tell_epochs(fraction)
        inputs, targets, fresh = self.streams.next(self.compute.device)
        if fresh or self.carried is None:
            self.carried = self.model.initial_state(len(inputs))  # type: ignore[operator]
        rate = learning_rate(self.options, fraction)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        with self.compute.autocast():
            loss, state = sequence_loss(self.model, inputs, targets, self.carried)
        self.carried = detach(state)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(self.parameters, self.options.clip_norm)
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
        self.scaler.update()
        return loss.detach()

    def _tell_epochs(self, fraction: float) -> None:
        """Tell a model that asks how often, by the pace so far, it will have read the text in the end."""
        if hasattr(self.model, "expect_epochs") and fraction > 0:
            self.model.expect_epochs(self.streams.num_epochs / fraction)  # type: ignore[operator]

    def _cuda_devices(self) -> list[torch.device]:
        return [self.compute.device] if self.compute.device.type == "cuda" else []

    def _get_random_state(self) -> list[Tensor]:
        return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in self._cuda_devices())]

    def _set_random_state(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        for device, state in zip(self._cuda_devices(), states[1:], strict=True):
            torch.cuda.set_rng_state(state, device)


def sequence_loss(model: nn.Module, inputs: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
    """Return the mean loss in nats per token, and the state after the last one.

    A model may bring its own `loss(inputs, targets, state)`, for instance to avoid the full softmax.
    """
    if callable(getattr(type(model), "loss", None)):  # a method, not a layer that is called so
        return predict_loss(model, inputs, targets, state)
    logits, state = predict(model, inputs, state)
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten()), state


def learning_rate(options: TrainOptions, fraction: float) -> float:
    """Return the learning rate at a fraction of the budget: linear warm-up, then half a cosine."""
    if fraction < options.warmup:
        # Never zero: the first update must move.
        return options.learning_rate * max(fraction / options.warmup, 0.01)
    rest = min(1.0, (fraction - options.warmup) / max(1e-9, 1 - options.warmup))
    cosine = 0.5 * (1 + math.cos(math.pi * rest))
    return options.learning_rate * (options.final_learning_rate + (1 - options.final_learning_rate) * cosine)


def train(
    trainer: Trainer,
    budget: Budget,
    chars_per_token: float,
    validate: Callable[[], float],
    report: Callable[[Progress], None] = lambda progress: None,
) -> TrainResult:
    """Train until the budget is spent and leave the weights that scored best on validation in the model.

    `validate` returns bits per character; its time is not charged to the budget. Raises `TextgenError`
    if the loss, or what the model predicts, is no number any more.
    """
    best_bits, best_update, best_weights = math.inf, 0, {}
    curve: list[Progress] = []
    validation_seconds, fraction, average = 0.0, 0.0, None
    tokens_per_update = trainer.streams.batch_size * trainer.streams.sequence_length
    trainer.model.train()
    while fraction < 1:
        loss = trainer.update(fraction)
        if not math.isfinite(loss):
            raise TextgenError(
                f"training diverged at update {trainer.num_updates}: the loss is {loss}; lower learning_rate"
            )
        num_chars = round(trainer.num_updates * tokens_per_update * chars_per_token)
        fraction = budget.fraction(trainer.seconds, trainer.streams.num_epochs, num_chars)
        bits = loss / math.log(2) / chars_per_token
        average = bits if average is None else 0.95 * average + 0.05 * bits
        progress = Progress(
            fraction, trainer.seconds, trainer.num_updates, trainer.streams.num_epochs, num_chars, average
        )
        if fraction >= (len(curve) + 1) / trainer.options.num_validations or fraction >= 1:
            start = time.perf_counter()
            trainer.model.eval()
            validation_bits = validate()
            trainer.model.train()
            validation_seconds += time.perf_counter() - start
            if math.isnan(validation_bits):
                raise TextgenError(
                    f"training diverged at update {trainer.num_updates}: it predicts NaN; lower learning_rate"
                )
            progress = Progress(**{**vars(progress), "validation_bits_per_char": validation_bits})
            curve.append(progress)
            if validation_bits < best_bits:
                best_bits, best_update = validation_bits, trainer.num_updates
                best_weights = {key: value.clone() for key, value in trainer.model.state_dict().items()}
        report(progress)
    if best_weights:
        trainer.model.load_state_dict(best_weights)
    trainer.model.eval()
    return TrainResult(
        seconds=trainer.seconds,
        validation_seconds=validation_seconds,
        num_updates=trainer.num_updates,
        num_epochs=trainer.streams.num_epochs,
        num_chars=num_chars,
        best_update=best_update,
        curve=curve,
    )
