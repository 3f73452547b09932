"""Training of an entry's models one after the other: one, its copies and their number, those of a mixture."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean

from textgen.contracts import TokenIds
from textgen.data.vocabulary import count_tokens
from textgen.nn.language_model import LanguageModel
from textgen.nn.mixture import MixtureModel, fit_mixture
from textgen.runtime.device import DeviceConfig
from textgen.training.batches import ContiguousBatches
from textgen.training.budget import Budget
from textgen.training.checkpoints import SNAPSHOTS, Checkpoints, Snapshots
from textgen.training.loop import train
from textgen.training.moments import MAX_SHARE, Writing, shares_of
from textgen.training.optimizer import freeze_hidden
from textgen.training.progress import Progress, Report, Step, TrainResult
from textgen.training.schedule import Schedule, num_streams
from textgen.training.train_options import TrainOptions
from textgen.training.trainer import Trainer
from textgen.training.validation import Validation, validation_limits


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """The data and settings that an entry's models are trained with."""

    model: LanguageModel
    """One model, or a combination, whose members are trained one after the other."""
    options: Mapping[str, TrainOptions]
    """By name of each of these models, in order; those that count have no use for them."""
    seeds: Mapping[str, int]
    """The seed of each."""
    train_ids: TokenIds
    num_train_chars: int
    validation: Sequence[TokenIds]
    """Stretches of held-out text that weights are chosen by."""
    num_validation_chars: int
    rest_nats: float
    """Nats of `validation` that the model does not predict."""
    budget: Budget
    preparation_seconds: float
    """The time that preparing the text took, which a budget in seconds includes."""
    device_config: DeviceConfig
    identity: str
    """Identity of the run, by which its checkpoints are recognised."""
    earlier_updates: int = 0
    """Updates of the run whose training continues."""
    is_started: bool = False
    """True if the models have weights already, which counts of tokens do not change."""
    write: Callable[[LanguageModel], str] | None = None
    """Lets one of the models write, as it does at the moments of training."""

    @property
    def members(self) -> Mapping[str, LanguageModel]:
        return dict(zip(self.options, self.model.members, strict=True))

    def num_streams(self, name: str) -> int:
        """Return the streams of the text that one of the models reads in parallel.

        Under a budget in seconds nobody knows how many updates it will do.
        """
        options, budget = self.options[name], self.budget
        tokens = {"epochs": len(self.train_ids), "chars": 1 / self.chars_per_token}
        if options.batch_size is not None or budget.unit not in tokens:
            return options.most_streams
        num_learning = sum(member.is_trainable for member in self.members.values())
        return num_streams(budget.amount / num_learning * tokens[budget.unit], options.most_streams)

    def trainer(self, name: str) -> Trainer:
        """Return a trainer of one of the models, which has predicted once."""
        model, options, seed = self.members[name], self.options[name], self.seeds[name]
        batches = ContiguousBatches(self.train_ids, self.num_streams(name), options.longest_sequence, seed)
        model.try_out()
        weights = {key: value.clone() for key, value in model.module.state_dict().items()}
        model.set_token_counts(count_tokens(self.train_ids, model.vocab_size))
        if self.is_started:
            model.module.load_state_dict(weights)
        if options.freeze == "hidden":
            freeze_hidden(model)
        if self.is_started:  # larger steps were tried with new models only
            options = replace(options, largest_step=1.0)
        trainer = Trainer(model, batches, options, self.device_config, seed)
        trainer.schedule = Schedule(options, self.chars_per_token, self.budget.unit == "seconds")
        return trainer

    def validation_of(self, trainer: Trainer, budget: Budget, report: Report) -> Validation:
        """Return the validation of one of the models while it is trained under a budget."""
        options = trainer.options
        max_tokens, max_seconds = validation_limits(
            budget,
            options.num_validations,
            epoch_tokens=len(self.train_ids),
            chars_per_token=self.chars_per_token,
            update_tokens=trainer.batches.batch_size * options.longest_sequence,
        )
        return Validation(
            trainer.model,
            self.validation,
            self.num_validation_chars,
            self.device_config,
            max_tokens=max_tokens,
            max_seconds=max_seconds,
            rest_bits=self.rest_nats / math.log(2) / self.num_validation_chars,
            announce=lambda: report(Step("validating")),
        )

    def snapshots(self, name: str, checkpoints: Path | None) -> Snapshots | None:
        """Return the snapshots of one of the models, which are among its checkpoints; None without."""
        if checkpoints is None or not self.options[name].snapshots:
            return None
        return Snapshots(checkpoints / SNAPSHOTS, self.earlier_updates)

    def writing(self, name: str, number: int, total: int, budget: Budget, report: Report) -> Writing | None:
        """Return what lets a model write under its budget, as one of a total that are trained in turn."""
        if (write := self.write) is None or not self.options[name].moments:
            return None

        def write_and_tell(model: LanguageModel) -> str:
            report(Step("training", text=(text := write(model))))
            return text

        most = MAX_SHARE * budget.amount if budget.unit == "seconds" else math.inf
        return Writing(write_and_tell, shares_of(number, total), most)

    @property
    def chars_per_token(self) -> float:
        return self.num_train_chars / len(self.train_ids)


def untrained_bits(plan: TrainingPlan) -> float:
    """Return the bits per character of validation of the models that will be trained, before they are."""
    bits = list[float]()
    for name, member in plan.members.items():
        if member.is_trainable:
            plan.trainer(name)  # which tells the model how frequent tokens are
            member.module.eval()
            given = plan.validation, plan.num_validation_chars, plan.device_config
            rest = plan.rest_nats / math.log(2) / plan.num_validation_chars
            bits += [Validation(member, *given, max_tokens=NUM_TRIED, rest_bits=rest)()]
            member.module.train()
    return fmean(bits)


def train_members(plan: TrainingPlan, report: Report, checkpoints: Path | None = None) -> TrainResult:
    """Fit the models that count to the text, then train the others by gradient, then weight a mixture.

    Those that are trained get equal shares of what counting leaves of the budget. Checkpoints in the folder
    `checkpoints` are continued and added to. Raises `TextgenError` if nothing is left of the budget.
    """
    members, budget, results = plan.members, plan.budget, list[TrainResult]()
    learning = [name for name, member in members.items() if member.is_trainable]
    if learning:
        budget = budget.without(plan.preparation_seconds)
    start = time.perf_counter()
    for member in members.values():
        if not member.is_trainable:
            member.fit(plan.train_ids)
            member.try_out()
    counting_seconds = time.perf_counter() - start
    if 0 < len(learning) < len(members):
        budget = budget.without(counting_seconds)
    for name in learning:

        def tell(progress: Progress, earlier: Sequence[TrainResult] = tuple(results)) -> None:
            overall = _overall(progress, earlier, len(learning), counting_seconds)
            report(Step("training", progress=overall))

        folder = Checkpoints(checkpoints / name, identity=plan.identity) if checkpoints else None
        finished = _finished(folder, members[name])
        if finished is not None:
            for point in finished.curve:
                tell(point)
            results.append(finished)
            continue
        if results:  # the reader of a log should not wonder why scores are worse than before
            number = f"{len(results) + 1} of {len(learning)}"
            report(Step("", remark=f"starts training model {number}, so scores begin again"))
        trainer, share = plan.trainer(name), budget.with_amount(budget.amount / len(learning))
        validate = plan.validation_of(trainer, share, report)
        snapshots, size = plan.snapshots(name, checkpoints), plan.chars_per_token
        writing = plan.writing(name, len(results), len(learning), share, report)
        loop = partial(train, checkpoints=folder, snapshots=snapshots, writing=writing)
        loop = partial(loop, continues=partial(_say_continues, report, len(results), len(learning)))
        results += [loop(trainer, share, size, validate, tell)]
        if folder:
            folder.finish(results[-1], members[name].module.state_dict())
    if not results:
        result = counting_result(plan.num_train_chars, counting_seconds)
    else:
        result = combined_result(results, counting_seconds) if len(members) > 1 else results[0]
    return _weighted(plan, result)


def _say_continues(report: Report, number: int, total: int, share: float) -> None:
    """Report that the model after `number` of `total` continues after a share of its budget."""
    report(Step("", remark=f"continues at {100 * (number + share) / total:.0f} % of its training"))


def _finished(checkpoints: Checkpoints | None, model: LanguageModel) -> TrainResult | None:
    """Return the result of a training run that is over, whose weights the model gets; None if it is not."""
    finished = checkpoints.finished() if checkpoints else None
    if finished is None:
        return None
    result, weights = finished
    model.module.load_state_dict(weights)
    model.module.eval()
    return result


def _weighted(plan: TrainingPlan, result: TrainResult) -> TrainResult:
    """Fit the weights of a mixture to validation, and return the result with the time for that."""
    if not isinstance(plan.model, MixtureModel):
        return result
    start = time.perf_counter()
    fit_mixture(plan.model.mixture, plan.validation, plan.device_config)
    seconds = result.validation_seconds + time.perf_counter() - start
    return replace(result, validation_seconds=seconds)


def counting_result(num_chars: int, seconds: float) -> TrainResult:
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


def continued_result(before: TrainResult, result: TrainResult) -> TrainResult:
    """Return the result of training that was continued; the CPU was shared as in the continuation."""
    return replace(combined_result([before, result]), cpu_utilization=result.cpu_utilization)


def combined_result(results: Sequence[TrainResult], counting_seconds: float = 0.0) -> TrainResult:
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
        best_share=min((each.best_share for each in results if each.best_share is not None), default=None),
        used_share=fmean(each.used_share for each in results),
        curve=tuple(
            _overall(point, results[:index], len(results), counting_seconds)
            for index, result in enumerate(results)
            for point in result.curve
        ),
        moments=tuple(
            replace(
                moment, progress=_overall(moment.progress, results[:index], len(results), counting_seconds)
            )
            for index, result in enumerate(results)
            for moment in result.moments
        ),
        rates=results[-1].rates,
        cpu_utilization=min(utilizations, default=None),
        unevenness=max(each.unevenness for each in results),
        pace_sd=fmean(each.pace_sd for each in results),
        single_thread_share=sum(each.single_thread_share * each.num_updates for each in results)
        / max(num_updates, 1),
        stopped=next((each.stopped for each in results if each.stopped), None),
        micro_batches=max(each.micro_batches for each in results),
    )


NUM_TRIED = 20_000
"""Tokens of validation by which models are judged before training."""
EXPOSURE_OF_ONE, ENOUGH_UPDATES = 10.0, 175
"""The exposure (epochs times parameters per token, at least one) whose root is the number of copies, and the
updates that each needs. A longer budget is worth both more copies and more training of each."""
MOST_COPIES = 8
"""Copies at most: each makes predictions slower, and adds less than the one before."""
MIN_SECONDS, NUM_TIMED = 20.0, 3
"""Seconds of a budget that are worth a trial of the pace, and updates in it."""


def num_useful_copies(num_epochs: float, parameters_per_token: float, num_updates: float) -> int:
    """Return how many copies of a model to train, one after the other, in what one could be trained for.

    `num_epochs` and `num_updates` are what one could do; `parameters_per_token` are its trained parameters
    for each token of the training text. The fit is in docs/scores.md.
    """
    exposure = num_epochs * max(1.0, parameters_per_token)
    useful = min(math.sqrt(exposure / EXPOSURE_OF_ONE), num_updates / ENOUGH_UPDATES, MOST_COPIES)
    return max(1, int(useful))


def choose_copies(plan: TrainingPlan) -> int:
    """Return the number of copies for the models of a plan, which has one of each.

    A budget in seconds is converted by the pace of a short trial, which leaves the weights unchanged.
    """
    learning = [name for name, member in plan.members.items() if member.is_trainable]
    if not learning:
        return 1
    return min(_copies_of(plan, name, 1 / len(learning)) for name in learning)


def _copies_of(plan: TrainingPlan, name: str, share: float) -> int:
    """Return the number for one of the models, which is trained for this share of the budget."""
    budget, options, num_tokens = plan.budget, plan.options[name], len(plan.train_ids)
    updates_per_epoch = num_tokens / (plan.num_streams(name) * options.longest_sequence)
    if budget.unit != "seconds":
        epochs_of_unit = {"epochs": 1.0, "chars": 1 / plan.num_train_chars, "updates": 1 / updates_per_epoch}
        num_epochs = budget.amount * share * epochs_of_unit[budget.unit]
    elif budget.amount < MIN_SECONDS:
        return 1
    else:
        seconds = max(0.0, budget.amount - plan.preparation_seconds) * share
        num_epochs = seconds / _seconds_per_update(plan, name) / updates_per_epoch
    trained = sum(each.numel() for each in plan.members[name].module.parameters() if each.requires_grad)
    return num_useful_copies(num_epochs, trained / num_tokens, num_epochs * updates_per_epoch)


def _seconds_per_update(plan: TrainingPlan, name: str) -> float:
    module, options = plan.members[name].module, plan.options[name]
    before = {key: value.clone() for key, value in module.state_dict().items()}
    # Most updates of a run that is worth copies have the longest sequences, which a schedule begins without.
    longest = replace(options, sequence_length=options.longest_sequence)
    trainer = replace(plan, options={**plan.options, name: longest}).trainer(name)
    trainer.update(0.0)  # the first one prepares what the others use
    paces = list[float]()
    for _ in range(NUM_TIMED):
        start = time.perf_counter()
        trainer.update(0.5)
        paces.append(time.perf_counter() - start)
    module.load_state_dict(before)
    return min(paces)  # what disturbs a trial of a second only makes it slower
