"""Gradient training under a budget: batches with carried state, a schedule, the best weights kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from textgen.api import State, TextgenError
from textgen.nn.language_model import LanguageModel
from textgen.nn.state import detach
from textgen.runtime.cpu_share import CpuShare
from textgen.runtime.device import DeviceConfig, seeded
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import Budget, BudgetClock
from textgen.training.optimizer import Muon, build_optimizers
from textgen.training.options import TrainOptions
from textgen.training.progress import OnProgress, Progress, TrainResult, ignore_progress
from textgen.training.schedule import Rates, Schedule


class Trainer:
    """A model with its optimizers, batches and carried state."""

    def __init__(
        self,
        model: LanguageModel,
        batches: ContiguousBatches,
        options: TrainOptions,
        device_config: DeviceConfig,
        seed: int,
    ) -> None:
        self.model, self.batches, self.options, self.device_config = model, batches, options, device_config
        self.parameters = [parameter for parameter in model.module.parameters() if parameter.requires_grad]
        self.schedule = Schedule(options)
        self.optimizers = build_optimizers(
            model, options.optimizer, options.weight_decay, device_config.dtype
        )
        self.scaler = torch.amp.GradScaler(
            device_config.device.type, enabled=device_config.precision == "fp16"
        )
        with seeded(seed, device_config.device):
            self.random_state = self._get_random_state()
        self.carried: State = None
        self.num_updates = 0
        self.seconds = 0.0

    def update(self, fraction: float) -> float:
        """Do one update at this fraction of the budget, and return the loss in nats per token."""
        start = time.perf_counter()
        with torch.random.fork_rng(devices=self._cuda_devices()):  # dropout uses the global generator
            self._set_random_state(self.random_state)
            loss = self._step(fraction)
            self.random_state = self._get_random_state()
        self.num_updates += 1
        value = float(loss)
        self.seconds += time.perf_counter() - start
        return value

    def _step(self, fraction: float) -> Tensor:
        self._tell_epochs(fraction)
        length = self.schedule.sequence_length(fraction, self.batches.num_steps)
        inputs, targets, fresh = self.batches.next(self.device_config.device, length)
        if fresh or self.carried is None:
            self.carried = self.model.initial_state(len(inputs))
        self._set_rates(fraction)
        with self.device_config.autocast():
            loss, state = self.model.loss(inputs, targets, self.carried)
        self.carried = detach(state)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(self.parameters, self.options.max_grad_norm)
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
        self.scaler.update()
        return loss.detach()

    def _set_rates(self, fraction: float) -> None:
        """Set what the optimizers use; the weight decay, `full_decay` at first, falls linearly to zero."""
        rates = self.schedule.at(fraction, self.num_updates)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rates.learning_rate
                full_decay = group.setdefault("full_decay", group["weight_decay"])
                group["weight_decay"] = full_decay * max(0.0, 1 - fraction)
                if isinstance(optimizer, Muon):
                    group["momentum"] = rates.momentum

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last update."""
        return float(self.optimizers[0].param_groups[0]["lr"])

    def rates(self, fraction: float) -> Rates:
        """Return the peak rates and the sequence length, as of this fraction of the budget."""
        length = self.schedule.sequence_length(fraction, self.batches.num_steps)
        return replace(self.schedule.peak(self.num_updates / fraction), sequence_length=length)

    def _tell_epochs(self, fraction: float) -> None:
        """Pass on the number of epochs that the budget allows at the current pace."""
        if fraction > 0:
            self.model.set_expected_epochs(self.batches.num_epochs / fraction)

    def _cuda_devices(self) -> list[torch.device]:
        return [self.device_config.device] if self.device_config.device.type == "cuda" else []

    def _get_random_state(self) -> list[Tensor]:
        return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in self._cuda_devices())]

    def _set_random_state(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        for device, state in zip(self._cuda_devices(), states[1:], strict=True):
            torch.cuda.set_rng_state(state, device)


def train(
    trainer: Trainer,
    budget: Budget,
    chars_per_token: float,
    validate: Callable[[], float],
    report: OnProgress = ignore_progress,
) -> TrainResult:
    """Train until the budget is spent, and leave the model with the weights that scored best on validation.

    `validate` returns bits per character; its time does not count towards the budget. Raises `TextgenError`
    if the loss or a prediction becomes NaN.
    """
    best_bits, best_update, best_weights = math.inf, 0, {}
    curve: list[Progress] = []
    validation_seconds, average, clock, cpu_share = 0.0, None, BudgetClock(budget), CpuShare()
    module = trainer.model.module
    module.train()
    while not clock.is_over:
        loss = trainer.update(clock.fraction)
        if not math.isfinite(loss):
            raise TextgenError(
                f"training diverged at update {trainer.num_updates}: the loss is {loss}; lower learning_rate"
            )
        num_chars = round(trainer.batches.num_tokens * chars_per_token)
        clock.advance(trainer.seconds, trainer.batches.num_epochs, num_chars)
        bits = loss / math.log(2) / chars_per_token
        average = bits if average is None else 0.95 * average + 0.05 * bits
        progress = _progress(trainer, clock, num_chars, average)
        if clock.is_over or clock.fraction >= (len(curve) + 1) / trainer.options.num_validations:
            start = time.perf_counter()
            validation_bits = _validated(trainer, validate, cpu_share)
            validation_seconds += time.perf_counter() - start
            progress = replace(progress, validation_bits_per_char=validation_bits)
            curve.append(progress)
            if validation_bits < best_bits:
                best_bits, best_update = validation_bits, trainer.num_updates
                best_weights = {name: value.clone() for name, value in module.state_dict().items()}
        report(progress)
    if best_weights:
        module.load_state_dict(best_weights)
    module.eval()
    return TrainResult(
        seconds=trainer.seconds,
        validation_seconds=validation_seconds,
        num_updates=trainer.num_updates,
        num_epochs=trainer.batches.num_epochs,
        num_chars=num_chars,
        chars_per_second=num_chars / max(trainer.seconds, 1e-9),
        best_update=best_update,
        curve=tuple(curve),
        rates=trainer.rates(clock.fraction),
        cpu_utilization=cpu_share.value() if trainer.device_config.device.type == "cpu" else None,
    )


def _progress(trainer: Trainer, clock: BudgetClock, num_chars: int, average: float) -> Progress:
    return Progress(
        fraction=clock.fraction,
        seconds=trainer.seconds,
        num_updates=trainer.num_updates,
        num_epochs=trainer.batches.num_epochs,
        num_chars=num_chars,
        train_bits_per_char=average,
        learning_rate=trainer.learning_rate,
    )


def _validated(trainer: Trainer, validate: Callable[[], float], cpu_share: CpuShare) -> float:
    """Return the validation score.

    Raises `TextgenError` if the model predicts NaN, or if it learns from the validation text.
    """
    module = trainer.model.module
    module.eval()
    with cpu_share.paused():
        before = _sums(module)
        bits = validate()
        has_changed = _sums(module) != before
    module.train()
    if has_changed:
        raise TextgenError(
            "the model changes its weights while it is validated; change them in training only"
        )
    if math.isnan(bits):
        raise TextgenError(
            f"training diverged at update {trainer.num_updates}: it predicts NaN; lower learning_rate"
        )
    return bits


def _sums(module: nn.Module) -> list[str]:
    """Return the sum of each weight and buffer, written out, since NaN does not equal itself."""
    return [str(float(value.detach().double().sum())) for value in module.state_dict().values()]
