"""The adapters through which the core uses a model and its class: members resolved, results checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.contracts import Model, State, TokenIds, Vocabulary
from textgen.nn.quantized import PortableNetwork
from textgen.nn.state import tensors
from textgen.nn.weights import nonhidden_parameters
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import contract_error
from textgen.runtime.device import seeded
from textgen.runtime.messages import one_line

Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""A step of generation: ids [batch] and a state to logits [batch, vocab_size] and the next state."""


class LanguageModel:
    """A model and the size of its vocabulary.

    Every optional member of the contract has a default here, and each method raises `PluginError` if the
    model's result does not have the form that the contract requires. Use `module` for what torch provides:
    weights, training mode, devices.
    """

    def __init__(self, module: nn.Module, vocab_size: int) -> None:
        self.module, self.vocab_size = module, vocab_size

    @property
    def is_trainable(self) -> bool:
        """True if the model is trained by gradient descent: it has parameters that require a gradient.

        Its `fit`, if any, is then not called.
        """
        return any(parameter.requires_grad for parameter in self.module.parameters())

    @property
    def members(self) -> tuple[LanguageModel, ...]:
        """The models that are trained one by one: those of a mixture, or this model alone."""
        return (self,)

    @property
    def reader(self) -> LanguageModel:
        """The model that is trained: this one, unless something else spells its out-of-vocabulary words."""
        return self

    @property
    def label(self) -> str:
        """What to call it beside the models that it is made of."""
        return type(self.module).__name__.lower()

    @property
    def state_bytes(self) -> int:
        """Bytes of what it remembers of one text, at first."""
        return sum(part.numel() * part.element_size() for part in tensors(self.initial_state(1)))

    @property
    def parts(self) -> Sequence[LanguageModel]:
        """The models over the same tokens that it combines or refines, in this order; none for one alone."""
        return ()

    @property
    def has_step(self) -> bool:
        """True if the model has its own step of generation, whose precision can be chosen."""
        return self._method("prepare_step") is not None

    @property
    def is_step_recordable(self) -> bool:
        """True if its own step computes on the device alone, as the contract requires."""
        return self.has_step

    @property
    def can_fit(self) -> bool:
        """True if the model can learn by counting instead of gradient descent."""
        return self._method("fit") is not None

    @property
    def is_normalized(self) -> bool:
        """True if the model declares its logits to be log-probabilities, which sum to 1."""
        return bool(getattr(self.module, "is_normalized", False))

    @property
    def device(self) -> torch.device:
        return next(chain(self.module.parameters(), self.module.buffers()), torch.empty(0)).device

    def to(self, device: torch.device) -> LanguageModel:
        self.module.to(device)
        return self

    def tokens_read(self, ids: TokenIds) -> TokenIds:
        """Return the ids of a text that the `reader` is trained on."""
        return ids

    def count_text(self, ids: TokenIds) -> None:
        """Count the training text, for what is not the `reader`'s: spellings, and what refines it."""

    def longest_places(self, ids: TokenIds) -> Sequence[tuple[TokenIds, TokenIds]]:
        """Return what the model recalls after each token of a text; nothing unless it looks up places."""
        find = self._method("longest_places")
        return () if find is None else find(ids)

    def fit_held_out(self, stretches: Sequence[TokenIds]) -> None:
        """Fit what depends on text that the model was not trained on, if anything does."""
        if fit := self._method("fit_held_out"):
            fit(stretches)

    def rest_nats(self, ids: TokenIds) -> float:  # noqa: ARG002 - none here
        """Return the nats of a text, given the training text alone, that the `reader` does not predict."""
        return 0.0

    def initial_state(self, batch_size: int) -> State:
        return cast(Model, self.module).initial_state(batch_size)

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits [batch, time, vocab_size] for `ids` [batch, time], and the next state."""
        return self._logits(self.module(ids, state), ids)

    def _logits(self, answer: Any, ids: Tensor) -> tuple[Tensor, State]:
        """Return what the model answered; raises `PluginError` for anything but logits and a state."""
        if not (_is_pair(answer) and answer[0].ndim == 3 and answer[0].shape[:2] == ids.shape):
            raise self._error(
                f"returned {_form(answer)} for ids of shape {list(ids.shape)}; forward must return logits "
                "[batch, time, vocab_size] and the next state"
            )
        logits, following = answer
        if logits.shape[-1] != self.vocab_size:
            raise self._error(
                f"returned logits of {logits.shape[-1]} tokens; the vocabulary, its first argument, has "
                f"{self.vocab_size}"
            )
        return logits, following

    def loss(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the mean loss in nats per token, and the next state.

        It is the model's own `loss`, or the cross-entropy of its logits.
        """
        if (compute := self._method("loss")) is None:
            logits, following = self._logits(self.module(ids, state), ids)  # few frames are above the model
            return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten()), following
        answer = compute(ids, targets, state)
        if not (_is_pair(answer) and answer[0].ndim == 0):
            raise self._error(
                f"returned {_form(answer)} as its loss; loss must return one number and the next state"
            )
        loss, following = answer
        return loss, following

    def prepare_step(self, dtype: torch.dtype) -> Step:
        """Return the model's own step of generation in `dtype`, or one by `forward`."""
        prepare = self._method("prepare_step")
        step = None if prepare is None else prepare(dtype)

        def checked(ids: Tensor, state: State) -> tuple[Tensor, State]:
            if step is None:
                logits, following = self.forward(ids[:, None], state)
                return logits[:, -1], following
            answer = step(ids, state)
            shape = (len(ids), self.vocab_size)
            if not (_is_pair(answer) and answer[0].shape == shape):
                raise self._error(
                    f"returned {_form(answer)} in a step of generation, which must return logits "
                    f"{list(shape)} and the next state"
                )
            logits, following = answer
            return logits, following

        return checked

    def set_expected_epochs(self, num_epochs: float) -> None:
        """Pass the expected number of epochs on to a model that depends on it."""
        if tell := self._method("set_expected_epochs"):
            tell(num_epochs)

    def set_token_counts(self, counts: NDArray[np.int64]) -> None:
        """Pass the counts of the tokens in the training split on to a model that starts from them."""
        if tell := self._method("set_token_counts"):
            tell(torch.from_numpy(counts).float().to(self.device))

    def fit(self, ids: TokenIds) -> None:
        """Fit a model that counts to the training split; raises `PluginError` if it lacks `fit`."""
        if (fit := self._method("fit")) is None:
            raise self._error("has neither trainable parameters nor fit(ids)")
        fit(ids)

    def portable(self) -> PortableNetwork | None:
        """Return the network as a page can compute it; None if the model has no such form."""
        make = self._method("portable")
        return None if make is None else make()

    def nonhidden_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the input and output layers: those the model lists, or the default."""
        if (listed := self._method("nonhidden_parameters")) is None:
            return nonhidden_parameters(self.module, self.vocab_size)
        parameters, known = list(listed()), {id(parameter) for parameter in self.module.parameters()}
        if any(id(parameter) not in known for parameter in parameters):
            raise self._error("returned other than its own parameters from nonhidden_parameters")
        return parameters

    @torch.inference_mode()
    def try_out(self) -> None:
        """Predict once in evaluation mode; raises `PluginError` before any time is spent on training."""
        was_training = self.module.training
        self.module.eval()
        self.forward(torch.zeros(2, 3, dtype=torch.int64, device=self.device), self.initial_state(2))
        self.module.train(was_training)

    def _method(self, name: str) -> Callable[..., Any] | None:
        """Return a method of the model's class, or None; an attribute of that name may be a layer."""
        return getattr(self.module, name) if callable(getattr(type(self.module), name, None)) else None

    def _error(self, what: str) -> Exception:
        return contract_error(self.module, what)


def _is_pair(answer: Any) -> bool:
    is_pair = isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[0], Tensor)
    return is_pair and answer[0].is_floating_point()


def _form(answer: Any) -> str:
    tensor = answer[0] if isinstance(answer, tuple) and len(answer) == 2 else answer
    if not isinstance(tensor, Tensor):
        return type(answer).__name__
    if tensor is answer:
        return f"a tensor of shape {list(answer.shape)} without a state"
    return f"a tensor of {f'shape {list(tensor.shape)}' if _is_pair(answer) else tensor.dtype}"


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
    def accepts_word_list(self) -> bool:
        """True if it learns from the words that have a pretrained vector."""
        return self._accepts("word_list")

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

    def is_trainable(self, **options: Any) -> bool:
        """Return whether a model built with `options` is trained by gradient descent.

        It agrees with `LanguageModel.is_trainable`. A class without `fit` and `base` can only be trained;
        others have to be built, since their parameters decide. Raises `PluginError` if that fails.
        """
        if not (self.accepts_base or callable(getattr(self.component, "fit", None))):
            return True
        try:
            with preserve_process_state(), seeded(0, torch.device("cpu")):
                return self.build(placeholder_vocabulary(TRIAL_VOCAB_SIZE), **options).is_trainable
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an entry that cannot be built must not end a comparison
            raise contract_error(self.component, f"cannot be built: {one_line(error)}") from error

    def build(self, vocabulary: Vocabulary, **options: Any) -> LanguageModel:
        module = self.component(len(vocabulary), **self.told(vocabulary), **options)
        return LanguageModel(module, len(vocabulary))

    def told(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """Return the keyword arguments about the tokens that the model accepts."""
        known = {"tokens": vocabulary.tokens, "fallback": vocabulary.fallback}
        return {name: value for name, value in known.items() if self._accepts(name)}

    def _accepts(self, keyword: str) -> bool:
        return keyword in inspect.signature(self.component).parameters
