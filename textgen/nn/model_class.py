"""The adapter through which the core uses a class of models, with a default for each optional member."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from textgen.contracts import Vocabulary
from textgen.nn.language_model import LanguageModel
from textgen.registry.attribution import contract_error
from textgen.registry.isolation import preserve_process_state
from textgen.runtime.device import seeded
from textgen.runtime.messages import one_line

TRIAL_VOCAB_SIZE = 50
"""Size of the vocabulary of a model that is only built to look at its parameters."""


def placeholder_vocabulary(size: int) -> Vocabulary:
    """Return the vocabulary of a model that is built without a text: words, and characters that spell."""
    num_spelling = min(size // 2, 100)
    characters = [" ", *map(chr, range(ord("a"), ord("a") + num_spelling))][:num_spelling]
    tokens = [*characters, *(f" {number}" for number in range(size - num_spelling))]
    return Vocabulary(tokens, np.arange(size) < num_spelling)


@dataclass(frozen=True)
class ModelClass:
    """A class of models, with a default for each optional member that belongs to the class."""

    component: type[nn.Module]

    @property
    def accepts_vectors(self) -> bool:
        """True if pretrained vectors can initialise its token embedding."""
        return self._accepts("vectors")

    @property
    def accepts_base(self) -> bool:
        """True if it can refine the predictions of another model."""
        return self._accepts("base")

    @property
    def reads_on(self) -> bool:
        """True if it declares that it learns from the text that it reads."""
        return bool(getattr(self.component, "reads_on", False))

    @property
    def recommended_training(self) -> Mapping[str, Any]:
        """Training options other than the defaults, as the class gives them."""
        recommended: Mapping[str, Any] = getattr(self.component, "recommended_training", {})
        return recommended

    @property
    def init_only_options(self) -> Collection[str]:
        """Names of the options that a model needs only when it is new."""
        names: Collection[str] = getattr(self.component, "init_only_options", ())
        return names

    def is_trainable(self, **options: Any) -> bool:
        """Return whether a model built with `options` is trained by gradient descent.

        It agrees with `LanguageModel.is_trainable`. A class without `fit` can only be trained; one with `fit`
        has to be built, since the answer depends on its parameters. Raises `PluginError` if that fails.
        """
        if not callable(getattr(self.component, "fit", None)):
            return True
        try:
            with preserve_process_state(), seeded(0, torch.device("cpu")):
                return self.build(placeholder_vocabulary(TRIAL_VOCAB_SIZE), **options).is_trainable
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an entry that cannot be built must not end a comparison
            raise contract_error(self.component, f"cannot be built: {one_line(error)}") from error

    def build(self, vocabulary: Vocabulary, **options: Any) -> LanguageModel:
        """Return a new model for a vocabulary."""
        module = self.component(len(vocabulary), **self.told(vocabulary), **options)
        return LanguageModel(module, len(vocabulary))

    def told(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """Return the keyword arguments about the tokens that the model accepts."""
        known = {"tokens": vocabulary.tokens, "fallback": vocabulary.fallback}
        return {name: value for name, value in known.items() if self._accepts(name)}

    def _accepts(self, keyword: str) -> bool:
        return keyword in inspect.signature(self.component).parameters
