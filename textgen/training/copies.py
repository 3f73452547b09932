"""The number of copies of its models that an entry gets when it does not say."""

from __future__ import annotations

import math
import time

from textgen.training.mixture_training import TrainingPlan

EXPOSURE_OF_ONE, ENOUGH_UPDATES = 10.0, 200
"""The exposure (epochs times parameters per token, at least one) whose root is the number of copies, and the
updates that each needs. A longer budget is worth both more copies and more training of each."""
MOST_COPIES = 8
"""Copies at most: each makes predictions slower, and adds less than the one before."""
MIN_SECONDS, NUM_TIMED = 20.0, 3
"""Seconds of a budget that are worth a trial of the pace, and updates in it."""


def num_useful_copies(num_epochs: float, parameters_per_token: float, num_updates: float) -> int:
    """Return how many copies of a model to train, one after the other, in what one could be trained for.

    `num_epochs` and `num_updates` are what one could do; `parameters_per_token` are its trained parameters
    for each token of the training text. The fit is in docs/budgets.md.
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
    updates_per_epoch = num_tokens / (options.batch_size * options.longest_sequence)
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
    module = plan.members[name].module
    before = {key: value.clone() for key, value in module.state_dict().items()}
    trainer = plan.trainer(name)
    trainer.update(0.0)  # the first one prepares what the others use
    start = time.perf_counter()
    for _ in range(NUM_TIMED):
        trainer.update(0.5)
    seconds = (time.perf_counter() - start) / NUM_TIMED
    module.load_state_dict(before)
    return seconds
