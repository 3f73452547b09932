"""Gradient training: updates of a model with its optimizers, batches with carried state, and a schedule."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from textgen.contracts import State, TextgenError
from textgen.nn.language_model import LanguageModel
from textgen.nn.state import detach, join, like, map_tensors, take_rows
from textgen.runtime.device import DeviceConfig, seeded
from textgen.runtime.messages import is_out_of_memory
from textgen.training.batches import ContiguousBatches
from textgen.training.checkpoints import (
    get_random_state,
    optimizer_state,
    restore_optimizer,
    restore_random_state,
)
from textgen.training.optimizer import Muon, build_optimizers
from textgen.training.schedule import Rates, Schedule, expected_updates
from textgen.training.train_options import TrainOptions

MAX_UNREAD_SECONDS = 0.1
"""About how much work a GPU may be given before the losses are read, which waits for it."""
Loss: TypeAlias = Callable[[Tensor, Tensor, State], tuple[Tensor, State]]


def compiled(loss: Loss) -> Loss:
    """Return a loss that torch compiles; calling it raises `TextgenError` if this machine cannot."""
    by_torch = torch.compile(loss)

    def call(ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        try:
            return by_torch(ids, targets, state)
        except torch._dynamo.exc.TorchDynamoException as error:
            reason = str(error).partition("\n")[0]
            raise TextgenError(f"compile=true, but torch cannot compile: {reason}") from None

    return call


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
        self.loss = compiled(model.loss) if options.compile else model.loss
        self.parameters = [parameter for parameter in model.module.parameters() if parameter.requires_grad]
        self.schedule = Schedule(options)
        self.optimizers = build_optimizers(
            model, options.optimizer, options.weight_decay, device_config.dtype
        )
        self.scaler = torch.amp.GradScaler(
            device_config.device.type, enabled=device_config.precision == "fp16"
        )
        with seeded(seed, device_config.device):
            self.random_state = get_random_state(device_config.device)
        self.carried: State = None
        self.micro_batches = 1
        """Parts of a batch that are computed one after the other, since all of it did not fit in memory."""
        self.num_updates = 0
        self.seconds = 0.0
        self.max_unread_seconds = 0.0 if device_config.device.type == "cpu" else MAX_UNREAD_SECONDS
        """Zero: losses are read after every update."""
        self._unread: list[Tensor] = []

    def update(self, fraction: float) -> float:
        """Do one update at this fraction of the budget, and return the loss in nats per token."""
        self.start_update(fraction)
        return self.read_losses()[-1]

    def start_update(self, fraction: float) -> None:
        """Give the device the work of one update; its loss is the last that `read_losses` returns."""
        start, device = time.perf_counter(), self.device_config.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):  # dropout uses the global generator
            restore_random_state(self.random_state, device)
            if fraction > 0:  # the number of epochs that the budget allows at the current pace
                self.model.set_expected_epochs(self.batches.num_epochs / fraction)
            length = self.schedule.sequence_length(fraction, self.batches.num_steps)
            inputs, targets, fresh = self.batches.next(device, length)
            if fresh or self.carried is None:
                self.carried = self.model.initial_state(len(inputs))
            self._set_rates(fraction)
            while (loss := self._gradient(inputs, targets)) is None:
                self._halve(len(inputs))
            self._apply_gradient()
            self.random_state = get_random_state(device)
        self.num_updates += 1
        self._unread.append(loss)
        self.seconds += time.perf_counter() - start

    @property
    def is_reading_due(self) -> bool:
        """True if the unread losses are the first, or those of `max_unread_seconds` at the pace so far."""
        num_unread = len(self._unread)
        seconds = num_unread * self.seconds / self.num_updates
        return num_unread == self.num_updates or seconds >= self.max_unread_seconds

    def read_losses(self) -> list[float]:
        """Return the losses of the updates since the last call, in nats per token, once they are computed."""
        start = time.perf_counter()
        losses: list[float] = torch.stack(self._unread).tolist() if self._unread else []  # waits once
        self._unread.clear()
        self.seconds += time.perf_counter() - start
        return losses

    def _apply_gradient(self) -> None:
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(self.parameters, self.options.max_grad_norm)
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
        self.scaler.update()

    def _gradient(self, inputs: Tensor, targets: Tensor) -> Tensor | None:
        """Compute the gradient and carry the state on; return the loss, or None if memory lacks for that."""
        total, states, begin = inputs.new_zeros((), dtype=torch.float32), [], 0
        try:
            for part, wanted in zip(
                inputs.chunk(self.micro_batches), targets.chunk(self.micro_batches), strict=True
            ):
                is_whole = len(part) == len(inputs)
                before = self.carried if is_whole else take_rows(self.carried, begin, begin + len(part))
                with self.device_config.autocast():
                    loss, state = self.loss(part, wanted, before)
                share = len(part) / self.batches.batch_size
                self.scaler.scale(loss * share).backward()  # type: ignore[no-untyped-call]
                total += loss.detach() * share
                states.append(detach(state))
                begin += len(part)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None  # with it goes the traceback, which holds what the failed part has computed
        self.carried = states[0] if len(states) == 1 else join(states)
        return total

    def _halve(self, num_rows: int) -> None:
        """Begin the update again with parts of the batch half as large; raises `TextgenError` at one row."""
        if self.micro_batches >= num_rows:
            raise TextgenError(
                f"out of memory at update {self.num_updates + 1}, even with one row of the batch at a time; "
                "use a smaller model or sequence_length"
            )
        self.micro_batches = min(2 * self.micro_batches, num_rows)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        if self.device_config.device.type == "cuda":
            torch.cuda.empty_cache()
        restore_random_state(self.random_state, self.device_config.device)

    def state(self) -> dict[str, Any]:
        """Return all that the next updates depend on, for `restore`."""
        return {
            "module": self.model.module.state_dict(),
            "optimizers": [optimizer_state(optimizer) for optimizer in self.optimizers],
            "scaler": self.scaler.state_dict(),
            "batches": self.batches.state(),
            "carried": self.carried,
            "micro_batches": self.micro_batches,
            "random_state": self.random_state,
            "num_updates": self.num_updates,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state of a trainer with the same model, text and options, to the bit."""
        device = self.device_config.device
        self.model.module.load_state_dict(state["module"])
        for optimizer, its_state in zip(self.optimizers, state["optimizers"], strict=True):
            restore_optimizer(optimizer, its_state)
        self.scaler.load_state_dict(state["scaler"])
        self.batches.restore(state["batches"])
        self.carried = None
        if state["carried"] is not None:
            form = self.model.initial_state(self.batches.batch_size)
            self.carried = like(form, map_tensors(lambda tensor: tensor.to(device), state["carried"]))
        self.random_state = list(state["random_state"])
        for name in ("num_updates", "seconds", "micro_batches"):
            setattr(self, name, state[name])

    def _set_rates(self, fraction: float) -> None:
        """Set what the optimizers use; the weight decay, `full_decay` at first, falls linearly to zero."""
        rates = self.schedule.at(fraction, self.num_updates)
        step = self.schedule.step_of_matrices(expected_updates(fraction, self.num_updates))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rates.learning_rate
                full_decay = group.setdefault("full_decay", group["weight_decay"])
                group["weight_decay"] = full_decay * max(0.0, 1 - fraction)
                if isinstance(optimizer, Muon):
                    group["momentum"], group["step"] = rates.momentum, step

    @property
    def learning_rate(self) -> float:
        return float(self.optimizers[0].param_groups[0]["lr"])

    def rates(self, fraction: float) -> Rates:
        """Return the peak rates and the sequence length, as of this fraction of the budget."""
        length = self.schedule.sequence_length(fraction, self.batches.num_steps)
        return replace(self.schedule.peak(self.num_updates / fraction), sequence_length=length)
