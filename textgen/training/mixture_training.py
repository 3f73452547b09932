"""Training of an entry's models one after the other: one model, or the members of a mixture."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from textgen.contracts import TokenIds
from textgen.nn.language_model import LanguageModel
from textgen.training.budget import Budget
from textgen.training.progress import OnProgress, Progress, TrainResult

TrainOne = Callable[[str, Budget, OnProgress], TrainResult]
"""A function that trains the model of this name by gradient."""


def train_members(
    members: Mapping[str, LanguageModel],
    ids: TokenIds,
    num_chars: int,
    budget: Budget,
    *,
    train_one: TrainOne,
    report: OnProgress,
) -> TrainResult:
    """Fit the models that count to `ids`, a text of `num_chars`, and then train the others by gradient.

    These get equal shares of what counting leaves of the budget. Raises `TextgenError` if it leaves nothing.
    """
    start = time.perf_counter()
    for member in members.values():
        if not member.is_trainable:
            member.fit(ids)
            member.try_out()
    counting_seconds = time.perf_counter() - start
    learning = [name for name, member in members.items() if member.is_trainable]
    if not learning:
        return counted(num_chars, counting_seconds)
    if len(learning) < len(members):
        budget = budget.without(counting_seconds)
    results: list[TrainResult] = []
    for name in learning:
        tell = partial(_report_overall, report, tuple(results), len(learning), counting_seconds)
        results.append(train_one(name, budget.divided(len(learning)), tell))
    return joined(results, counting_seconds) if len(members) > 1 else results[0]


def counted(num_chars: int, seconds: float) -> TrainResult:
    """Return the result of counting a text of `num_chars` in one pass."""
    return TrainResult(
        seconds=seconds,
        validation_seconds=0.0,
        num_updates=0,
        num_epochs=1.0,
        num_chars=num_chars,
        chars_per_second=num_chars / max(seconds, 1e-9),
        best_update=0,
    )


def _report_overall(
    report: OnProgress,
    earlier: Sequence[TrainResult],
    num_models: int,
    counting_seconds: float,
    progress: Progress,
) -> None:
    report(_overall(progress, earlier, num_models, counting_seconds))


def _overall(
    progress: Progress, earlier: Sequence[TrainResult], num_models: int, counting_seconds: float
) -> Progress:
    """Return the progress of training all models, from that of the one after those with results."""
    return replace(
        progress,
        fraction=(len(earlier) + progress.fraction) / num_models,
        seconds=counting_seconds + sum(each.seconds for each in earlier) + progress.seconds,
        num_updates=sum(each.num_updates for each in earlier) + progress.num_updates,
        num_epochs=sum(each.num_epochs for each in earlier) + progress.num_epochs,
        num_chars=sum(each.num_chars for each in earlier) + progress.num_chars,
    )


def joined(results: Sequence[TrainResult], counting_seconds: float = 0.0) -> TrainResult:
    """Return the result of training one after the other; the best update is that of the last one."""
    seconds = counting_seconds + sum(each.seconds for each in results)
    num_chars = sum(each.num_chars for each in results)
    num_updates = sum(each.num_updates for each in results)
    utilizations = [each.cpu_utilization for each in results if each.cpu_utilization is not None]
    return TrainResult(
        seconds=seconds,
        validation_seconds=sum(each.validation_seconds for each in results),
        num_updates=num_updates,
        num_epochs=sum(each.num_epochs for each in results),
        num_chars=num_chars,
        chars_per_second=num_chars / max(seconds, 1e-9),
        best_update=num_updates - results[-1].num_updates + results[-1].best_update,
        curve=tuple(
            _overall(point, results[:index], len(results), counting_seconds)
            for index, result in enumerate(results)
            for point in result.curve
        ),
        rates=results[-1].rates,
        cpu_utilization=min(utilizations, default=None),
        stopped=next((each.stopped for each in results if each.stopped), None),
        micro_batches=max(each.micro_batches for each in results),
        num_processes=max(each.num_processes for each in results),
    )
