"""Check that a component leaves the state of the process unchanged."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

import torch

from textgen.registry.isolation import restoring
from textgen.testing.asserts import CheckError
from textgen.testing.builders import fitted, is_trainable, predicted, random_batch, trained_model
from textgen.testing.checks.corpus import read
from textgen.testing.checks.embedding import vectors_of
from textgen.testing.checks.model import by_steps
from textgen.testing.checks.model_training import loss_of
from textgen.testing.process_state import SETTINGS, TORCH_RANDOM, state_unchanged
from textgen.testing.runner import add
from textgen.testing.sampler_inputs import many_steps
from textgen.testing.texts import OTHER_PROSE, PROSE

__tracebackhide__ = True


def use_tokenizer(component: Any, /, **options: Any) -> None:
    """Fit, encode, decode, save and restore."""
    tokenizer = fitted(component, PROSE, **options)
    tokenizer.decode(tokenizer.encode(OTHER_PROSE))
    component(**options).restore(json.loads(json.dumps(tokenizer.state())))


def use_model(component: Any, /, **options: Any) -> None:
    """Train, predict and generate."""
    model = trained_model(component, 1, **options)
    ids = random_batch(2, 6)
    _, state = predicted(model, ids, model.initial_state(2))
    if is_trainable(model):
        loss_of(model.train(), ids, ids, state)
    if hasattr(model, "prepare_step"):
        by_steps(model.eval(), ids, 1, torch.float32)


USES: dict[str, Callable[..., Any]] = {
    "tokenizer": use_tokenizer,
    "model": use_model,
    "embedding": lambda component, /, **options: vectors_of(component(**options)),
    "sampler": lambda component, /, **options: many_steps(component(**options)),
    "corpus": lambda component, /, **options: read(component(**options)),
    "cleaner": lambda component, /, **options: component(**options).clean(PROSE),
}
"""Kind of component: everything that textgen does with one, once."""


def check_no_global_state(kind: str, component: Any, /, **options: Any) -> None:
    """Building and using it changes nothing that belongs to the whole process.

    A change of torch's default dtype, the working directory or os.environ would affect other components.
    """
    # The weights of a model come from torch's generator, see model-seed.
    watched = [setting for setting in SETTINGS if kind != "model" or setting is not TORCH_RANDOM]

    def use() -> None:
        with restoring(SETTINGS), state_unchanged(f"building or using this {kind}", watched):
            USES[kind](component, **options)

    num_modules = len(sys.modules)
    try:
        use()
    except CheckError:
        if len(sys.modules) == num_modules:
            raise
        use()  # a library that changes something when it is first imported is not the component's fault


for kind_of_component in USES:
    bound = functools.partial(check_no_global_state, kind_of_component)
    functools.update_wrapper(bound, check_no_global_state)
    add(kind_of_component, f"{kind_of_component}-no-global-state", bound)
