"""A training run under a budget: updates, validations, the best weights kept, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from torch import Tensor, nn

from textgen.contracts import TextgenError
from textgen.runtime.environment import CpuShare
from textgen.runtime.threads import Threads
from textgen.training.budget import Budget
from textgen.training.checkpoints import Checkpoints, Snapshots
from textgen.training.moments import Writing
from textgen.training.progress import (
    Moment,
    OnProgress,
    Progress,
    TrainResult,
    ignore_report,
    pace_sd,
    unevenness,
)
from textgen.training.trainer import Trainer
from textgen.training.validation import Validation

EXPLODED, PATIENCE = 3.0, 100
"""A loss this many times that of guessing, for this many updates in a row, does not recover."""
IN_VAIN, MIN_IN_VAIN = 0.3, 3
"""Share of the budget, and validations, that must all be worse than the best one for training to end: when a
model memorises its text, the falling learning rate lets it do so all the more."""
KEPT = [
    "best_bits",
    "best_update",
    "validation_seconds",
    "average",
    "fraction",
    "has_learnt",
    "num_exploded",
    "is_in_vain",
]
"""Numbers of a loop that checkpoints hold."""


@dataclass
class TrainingLoop:
    """A training run in progress: its trainer, its curve, its best weights, and the share of its budget."""

    trainer: Trainer
    budget: Budget
    chars_per_token: float
    validate: Validation
    best_bits: float = math.inf
    best_update: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    curve: list[Progress] = field(default_factory=list)
    validation_seconds: float = 0.0
    average: float | None = None
    """Running average of the training loss in bits per character."""
    fraction: float = 0.0
    """Share of the budget that is spent."""
    cpu_share: CpuShare = field(default_factory=CpuShare)
    has_learnt: bool = False
    """True once the loss was below that of guessing."""
    num_exploded: int = 0
    """Consecutive updates, the last ones, with a loss far above that."""
    is_in_vain: bool = False
    """True once validation says that more training does not help."""
    stopped: str | None = None
    """What went wrong, so that training ends early."""
    threads: Threads | None = None
    """What changes the number of torch's threads; None if that stays the same."""
    is_checkpoint_due: bool = False
    """True if a checkpoint is written after this update."""
    writing: Writing | None = None
    """What writes at some moments, if anything does."""

    @property
    def is_over(self) -> bool:
        """True if the budget is spent, or there is no use in spending the rest."""
        return self.fraction >= 1 or self.is_in_vain or self.stopped is not None

    @property
    def num_chars(self) -> int:
        return round(self.trainer.batches.num_tokens * self.chars_per_token)

    @property
    def moments(self) -> list[Moment]:
        return self.writing.moments if self.writing else []

    def state(self) -> dict[str, Any]:
        """Return all that the rest of the training run depends on, for `restore`."""
        return {
            "trainer": self.trainer.state(),
            "validate": self.validate.state(),
            "best_weights": self.best_weights,
            "curve": [vars(point) for point in self.curve],
            "moments": [[vars(each.progress), each.text] for each in self.moments],
            **{name: getattr(self, name) for name in KEPT},
            "cpu_times": self.cpu_share.times(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state of a loop with the same trainer and budget."""
        self.trainer.restore(state["trainer"])
        self.validate.restore(state["validate"])
        device = self.trainer.device_config.device
        self.best_weights = {name: value.to(device) for name, value in state["best_weights"].items()}
        self.curve = [Progress(**point) for point in state["curve"]]
        if self.writing:
            self.writing.resume([Moment(Progress(**point), text) for point, text in state["moments"]])
        for name in KEPT:
            setattr(self, name, state[name])
        self.cpu_share = CpuShare(*state["cpu_times"])

    def after_update(self) -> Progress:
        """Take the losses and the time of an update and, when it is due, validate."""
        trainer = self.trainer
        if trainer.is_reading_due or self.is_checkpoint_due or self._is_validation_due(self._spent()):
            losses = trainer.read_losses()
            for number, loss in enumerate(losses, start=trainer.num_updates - len(losses) + 1):
                if self._add_loss(loss):
                    return self._diverged(f"the loss is {loss:.4g}", number)
        self.fraction = self._spent()
        if self.threads:
            self.threads.after_step(trainer.seconds, trainer.batches.num_tokens)
        return self._validate() if self._is_validation_due(self.fraction) else self._progress()

    def _spent(self) -> float:
        trainer = self.trainer
        epochs, updates = trainer.batches.num_epochs, trainer.num_updates
        return self.budget.fraction(trainer.seconds, epochs, self.num_chars, updates)

    def _is_validation_due(self, fraction: float) -> bool:
        return fraction >= min(1.0, (len(self.curve) + 1) / self.trainer.options.num_validations)

    def _add_loss(self, loss: float) -> bool:
        """Add the loss of the next update to the average; return whether training has diverged with it."""
        guessing = math.log(self.trainer.model.vocab_size)
        self.has_learnt = self.has_learnt or loss < guessing
        self.num_exploded = self.num_exploded + 1 if loss > EXPLODED * guessing else 0
        if not math.isfinite(loss) or (self.has_learnt and self.num_exploded >= PATIENCE):
            return True
        bits = loss / math.log(2) / self.chars_per_token
        self.average = bits if self.average is None else 0.95 * self.average + 0.05 * bits
        return False

    def write(self, point: Progress) -> None:
        """Write if a moment has come; its time is not the budget's, since nothing is learnt in it."""
        if self.writing:
            with self.cpu_share.paused():
                self.writing.at(self.trainer.model, point)

    def result(self) -> TrainResult:
        """Leave the model with the weights that scored best on validation, and return the result."""
        trainer = self.trainer
        if self.best_weights:
            trainer.model.module.load_state_dict(self.best_weights)
        trainer.model.module.eval()
        utilization = self.cpu_share.value() if trainer.device_config.device.type == "cpu" else None
        is_timed = self.budget.is_timed
        return TrainResult(
            seconds=trainer.seconds,
            validation_seconds=self.validation_seconds,
            num_updates=trainer.num_updates,
            num_epochs=trainer.batches.num_epochs,
            num_chars=self.num_chars,
            chars_per_second=self.num_chars / max(trainer.seconds, 1e-9),
            best_update=self.best_update,
            best_share=self.best_update / trainer.num_updates,
            used_share=min(1.0, self.fraction),
            curve=tuple(self.curve),
            moments=tuple(self.moments),
            rates=trainer.rates(self.fraction),
            cpu_utilization=utilization,
            unevenness=unevenness(self.curve) if is_timed else 0.0,
            pace_sd=pace_sd(self.curve, utilization) if is_timed else 0.0,
            single_thread_share=self.threads.num_single / trainer.num_updates if self.threads else 0.0,
            stopped=self.stopped,
            micro_batches=trainer.micro_batches,
        )

    def _progress(self) -> Progress:
        trainer = self.trainer
        assert self.average is not None  # there was an update
        return Progress(
            fraction=self.fraction,
            seconds=trainer.seconds,
            num_updates=trainer.num_updates,
            num_epochs=trainer.batches.num_epochs,
            num_chars=self.num_chars,
            train_bits_per_char=self.average,
            learning_rate=trainer.learning_rate,
        )

    def _diverged(self, what: str, update: int) -> Progress:
        """End training if there are weights to fall back on; otherwise raise `TextgenError`."""
        trainer = self.trainer
        line = f"training diverged at update {update}: {what} at a learning rate of "
        line += f"{trainer.learning_rate:.2g}"
        if not self.best_weights:
            raise TextgenError(f"{line}; lower learning_rate")
        self.stopped = f"{line}; the weights of update {self.best_update} are kept; lower learning_rate"
        return self._progress()

    def _validate(self) -> Progress:
        """Validate, keep the weights if they are the best so far, and add a point to the curve."""
        start = time.perf_counter()
        bits = self._validation_bits()
        self.validation_seconds += time.perf_counter() - start
        if not math.isfinite(bits):
            return self._diverged(f"the validation score is {bits}", self.trainer.num_updates)
        point = replace(self._progress(), validation_bits_per_char=bits)
        self.curve.append(point)
        if bits < self.best_bits:
            self.best_bits, self.best_update = bits, self.trainer.num_updates
            weights = self.trainer.model.module.state_dict()
            self.best_weights = {name: value.clone() for name, value in weights.items()}
        self.is_in_vain = self._is_in_vain()
        return point

    def _is_in_vain(self) -> bool:
        """Return whether all validations of late were worse than one before."""
        worse = list(takewhile(lambda point: _bits(point) > self.best_bits, reversed(self.curve)))
        share = len(worse) / self.trainer.options.num_validations
        return len(worse) >= MIN_IN_VAIN and share >= IN_VAIN

    def _validation_bits(self) -> float:
        """Return the validation score; raises `TextgenError` if the model learns from the validation text."""
        module = self.trainer.model.module
        module.eval()
        with self.cpu_share.paused():
            before = _sums(module)
            bits = self.validate()
            has_changed = _sums(module) != before
        module.train()
        if has_changed:
            raise TextgenError(
                "the model changes its weights during validation; change them only during training"
            )
        return bits


def train(
    trainer: Trainer,
    budget: Budget,
    chars_per_token: float,
    validate: Validation,
    report: OnProgress = ignore_report,
    *,
    continues: Callable[[float], object] = lambda share: None,
    checkpoints: Checkpoints | None = None,
    snapshots: Snapshots | None = None,
    writing: Writing | None = None,
) -> TrainResult:
    """Train until the budget is spent, and leave the model with the weights that scored best on validation.

    `validate` returns bits per character; its time does not count towards the budget. Training continues from
    the last of the `checkpoints`, whose validations are reported again after `continues` is called with the
    share of the budget that is spent, and adds to them; the weights at each validation are added to
    `snapshots`. At its moments, `writing` lets the model write.
    It ends early if the loss explodes or becomes NaN; raises `TextgenError` if that happens before the first
    validation.
    """
    loop = TrainingLoop(trainer, budget, chars_per_token, validate, writing=writing)
    state = checkpoints.latest() if checkpoints else None
    if state is not None:
        loop.restore(state)
        continues(loop.fraction)
        for point in loop.curve:  # a new listener has not seen these
            report(point)
    if budget.unit == "seconds" and trainer.device_config.device.type == "cpu":
        loop.threads = Threads()
    trainer.model.module.train()
    while not loop.is_over:
        loop.is_checkpoint_due = checkpoints is not None and checkpoints.is_due()
        trainer.start_update(loop.fraction)
        point = loop.after_update()
        if snapshots and point.validation_bits_per_char is not None:
            with loop.cpu_share.paused():
                snapshots.keep(trainer.model.module, point.num_updates)
        loop.write(point)
        report(point)
        if checkpoints and loop.is_checkpoint_due and not loop.is_over:
            with loop.cpu_share.paused():
                checkpoints.try_to_save(loop.state)
    if loop.threads:
        loop.threads.close()
    return loop.result()


def _bits(point: Progress) -> float:
    assert point.validation_bits_per_char is not None  # all points of a curve are validations
    return point.validation_bits_per_char


def _sums(module: nn.Module) -> list[str]:
    """Return the sum of each weight and buffer, written out, since NaN does not equal itself."""
    return [str(float(value.detach().double().sum())) for value in module.state_dict().values()]
