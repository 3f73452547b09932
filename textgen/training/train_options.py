"""The options of training by gradient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Gt, Le, Lt, doc

from textgen.contracts import Search
from textgen.training.budget import Budget

OptimizerName = Literal["muon", "adamw", "adam", "rmsprop", "sgd"]
RATES = (None, 3e-4, 6e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 4e-3, 6e-3, 8e-3, 0.01, 0.015, 0.02, 0.03)
LENGTHS = (None, 8, 16, 24, 32, 48, 64, 96, 128)
BATCHES = (None, 16, 32, 48, 64, 96, 128, 192, 256)
MOMENTA = (None, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97)

Size: TypeAlias = Annotated[int, Ge(1), Le(65_536)] | None
Rate: TypeAlias = Annotated[float, Gt(0), Le(1e30)] | None
Momentum: TypeAlias = Annotated[float, Ge(0), Lt(1)] | None
Share: TypeAlias = Annotated[float, Ge(0), Le(1)]

MOST_STREAMS = 96
"""Streams read in parallel unless an entry or a model gives another number, or the budget is short."""
LONGEST_SEQUENCE = 32
"""Tokens per stream and update unless an entry or a model gives another number, or the budget is short."""


GPU_UPDATES, UPDATES_PER_EPOCH = ((3600.0, 256, 256), (600.0, 256, 128), (10.0, 128, 128)), 100
"""Update sizes on a GPU: the least seconds of the budget, streams, and tokens of each; and the fewest updates
in an epoch. A projection: such an update should take hardly longer than one of 3 thousand tokens."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Options of training, which an entry can set (`char-lstm:learning_rate=0.002`)."""

    batch_size: Annotated[Size, Search(values=BATCHES), doc("Streams read in parallel; none: up to 96.")] = (
        None
    )
    sequence_length: Annotated[
        Size, Search(values=LENGTHS), doc("Tokens per stream and update; none: set by the budget.")
    ] = None
    optimizer: Annotated[OptimizerName, doc("Optimizer; muon trains hidden matrices, adamw the rest.")] = (
        "muon"
    )
    learning_rate: Annotated[
        Rate,
        Search(values=RATES),
        doc("Peak learning rate; none: set by the number of updates in the budget."),
    ] = None
    momentum: Annotated[
        Momentum,
        Search(values=MOMENTA),
        doc("Momentum of muon; none: set by the number of updates in the budget."),
    ] = None
    largest_step: Annotated[
        float, Ge(1), Le(10), doc("Maximum scaling of muon's updates in short character-level runs.")
    ] = 1.0
    min_lr_factor: Annotated[Share, doc("Final learning rate, as a fraction of the peak.")] = 0.0
    warmup_fraction: Annotated[
        Share, Search(0, 0.3, step=0.02), doc("Fraction of the budget spent on warm-up.")
    ] = 0.02
    weight_decay: Annotated[
        float, Ge(0), Le(100), Search(0, 1, step=0.05), doc("Initial decay of matrices, falling to zero.")
    ] = 0.5
    max_grad_norm: Annotated[float, Gt(0), Le(1e12), doc("Maximum norm of the whole gradient.")] = 1.0
    num_validations: Annotated[int, Ge(1), Le(10_000), doc("Validations, spread over the budget.")] = 10
    compile: Annotated[bool, doc("Compile loss and gradient with torch.compile, which delays the start.")] = (
        False
    )
    moments: Annotated[bool, doc("Write a short text at 1, 2, 5, 10, 20, 50 and 100 % of the budget.")] = True
    start: Annotated[
        str | None,
        doc("Start from a run (start=runs/NAME), or from training on another text (start=wiki@2m)."),
    ] = None
    freeze: Annotated[Literal["none", "hidden"], doc("hidden: train only the first and last layer.")] = "none"
    snapshots: Annotated[bool, doc("Keep the weights at each validation; needs a single model and copy.")] = (
        False
    )

    def on_device(self, device: str, budget: Budget, num_tokens: int) -> TrainOptions:
        """Return the options with larger updates on a GPU for a budget in seconds, unless a size is given."""
        is_given = self.batch_size is not None or self.sequence_length is not None
        if device == "cuda" and budget.unit == "seconds" and not is_given:
            for seconds, streams, length in GPU_UPDATES:
                if budget.amount >= seconds and num_tokens >= UPDATES_PER_EPOCH * streams * length:
                    return replace(self, batch_size=streams, sequence_length=length)
        return self

    @property
    def most_streams(self) -> int:
        """Streams that are read in parallel, at most."""
        return MOST_STREAMS if self.batch_size is None else self.batch_size

    @property
    def longest_sequence(self) -> int:
        """Tokens per stream and update, at most."""
        return LONGEST_SEQUENCE if self.sequence_length is None else self.sequence_length
