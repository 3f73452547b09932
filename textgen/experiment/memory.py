"""The memory that an entry needs: estimated before it is taken, and bounded while a model is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from textgen.contracts import PretrainedVectors, Vocabulary
from textgen.experiment.entry import Entry
from textgen.nn.language_model import LanguageModel
from textgen.registry.isolation import preserve_process_state
from textgen.registry.options import declared_options
from textgen.registry.registry import load
from textgen.runtime.device import DeviceConfig, seeded
from textgen.runtime.memory import free_memory, require_memory
from textgen.training.batches import resident_bytes
from textgen.training.optimizer import hidden_matrices

BYTES = 4
"""Size of a number in fp32."""
OPTIMIZER_COPIES = {"muon": 1, "adamw": 2, "adam": 2, "rmsprop": 1, "sgd": 1}
"""Numbers that an optimizer keeps for each parameter, at least."""
SMALL_SHARE = 8
"""A model that takes less than this part of the free memory is built at once."""


def build_for_training(
    entry: Entry,
    vocabulary: Vocabulary,
    vectors: PretrainedVectors | None,
    num_tokens: int,
    device_config: DeviceConfig,
    *,
    seed: int,
) -> LanguageModel:
    """Return a new model, with weights by `seed`, that is to be trained on a text of `num_tokens`.

    Raises `TextgenError`, before the memory is taken, if there is not enough to train it on the device. The
    estimate is low rather than high, so that no model is refused that fits.
    """

    def build(with_vectors: PretrainedVectors | None) -> LanguageModel:
        with seeded(seed, device_config.device):
            return entry.build_model(vocabulary, with_vectors)

    def check(model: LanguageModel) -> None:
        _require_for_weights(entry, model)
        for (part, _), member in zip(entry.members.values(), model.reader.members, strict=True):
            if member.is_trainable:
                _require_for_training(entry, part, member, num_bytes(model.module), num_tokens, device_config)

    return build_checked(partial(build, vectors), partial(build, None), check)


def build_to_predict(
    entry: Entry, vocabulary: Vocabulary, vectors: PretrainedVectors | None = None
) -> LanguageModel:
    """Return a model as `Entry.build_model` does.

    Raises `TextgenError`, before it takes memory, if there is not enough for its weights.
    """
    build = partial(entry.build_model, vocabulary)
    return build_checked(partial(build, vectors), build, partial(_require_for_weights, entry))


def _require_for_weights(entry: Entry, model: LanguageModel) -> None:
    """Raise `TextgenError` if this machine lacks memory for the weights of an entry's model."""
    advice = _smaller(_sizes(entry))
    require_memory(num_bytes(model.module), f"entry {entry.name!r}: the model", advice)


def _require_for_training(  # noqa: PLR0917
    entry: Entry, part: str, model: LanguageModel, weight_bytes: int, num_tokens: int, on: DeviceConfig
) -> None:
    """Raise `TextgenError` if a device lacks memory to train one of an entry's models."""
    options, device = entry.train_options(part), on.device
    # The gradient, what the optimizer keeps, and the best weights.
    trained = sum(each.numel() for each in model.module.parameters() if each.requires_grad)
    copies = BYTES * trained * (2 + OPTIMIZER_COPIES[options.optimizer])
    # A GPU that lacks memory for all rows gets fewer at a time.
    num_rows = options.most_streams if device.type == "cpu" else 1
    # What the hidden layers keep of these tokens for the gradient, about.
    width = sum(len(matrix) for matrix in hidden_matrices(model))
    activations = min(num_rows * options.longest_sequence, num_tokens) * width * on.dtype.itemsize
    is_batch = activations > weight_bytes + copies
    advice = _smaller(["batch_size", "sequence_length"] if is_batch else _sizes(entry))
    needed = weight_bytes + copies + activations + resident_bytes(num_tokens, device)
    require_memory(needed, f"entry {entry.name!r}: training", advice, device)


def _smaller(names: Sequence[str]) -> str:
    return f"make {' or '.join(names) or 'the model'} smaller"


def _sizes(entry: Entry) -> list[str]:
    """Return the options of an entry's models that are whole numbers: those given, or all."""
    given: list[str] = []
    declared: list[str] = []
    for part, model in entry.models.items():
        given += [name for name, value in entry.options.get(part, {}).items() if type(value) is int]
        options = declared_options(load("model", model))
        declared += [name for name, option in options.items() if type(option.default) is int]
    return list(dict.fromkeys(given or declared))


SMALLEST_BYTES = 2048
"""Smallest number of bytes that a tensor counts as, with its objects in Python."""
MAX_SMALL = 2**28
"""Bytes of a model that is built at once."""
META = torch.device("meta")
RANDOM = (torch.ops.aten.rand, torch.ops.aten.randn)
"""Factories whose first argument is the size; on the device "meta" they import large parts of torch."""


class AllocationLimit(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context in which factories such as `torch.empty` raise `ValueError` beyond a number of bytes.

    All that is allocated counts, whether or not it is freed again.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.max_bytes = self.rest = max_bytes

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return what lets torch use the class unchanged, without importing its compiler."""
        return False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if any(argument.name == "device" for argument in function._schema.arguments):
            self.rest -= max(SMALLEST_BYTES, _num_bytes_of(function, args, given))
            if self.rest < 0:
                raise ValueError(f"it needs more than {self.max_bytes / 2**20:,.0f} MiB of memory")
        return function(*args, **given)


def _num_bytes_of(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Return the bytes of the tensor that a factory would allocate."""
    if kwargs.get("device") == META:
        return 0
    if function.overloadpacket in RANDOM:
        return int(math.prod(args[0]) * (kwargs.get("dtype") or torch.get_default_dtype()).itemsize)
    # A generator of random numbers belongs to a device.
    planned = {**kwargs, "device": META, **({"generator": None} if "generator" in kwargs else {})}
    try:
        return int(function(*args, **planned).nbytes)
    except Exception:  # not possible without memory, or wrong, as the call itself will say
        return 0


def build_checked(
    build: Callable[[], LanguageModel],
    build_weightless: Callable[[], LanguageModel],
    check: Callable[[LanguageModel], None],
    max_bytes: int | None = None,
) -> LanguageModel:
    """Return the result of `build`, after `check`, which may raise, has seen a model of its size.

    If it would take more than `max_bytes`, by default a small part of the free memory, the one to check is
    built without memory, by `build_weightless` on the device "meta", and nothing is checked if its
    constructor needs values.
    """
    if max_bytes is None:
        free = free_memory()
        max_bytes = MAX_SMALL if free is None else min(MAX_SMALL, free // SMALL_SHARE)
    limit = AllocationLimit(max_bytes)
    try:
        with limit:
            model = build()
    except Exception:
        if limit.rest >= 0:
            raise
    else:
        check(model)
        return model
    try:
        with preserve_process_state(), AllocationLimit(MAX_SMALL), META:
            model = build_weightless()
    except Exception:  # what else is wrong with it will show when it is built
        return build()
    check(model)
    return build()


def num_bytes(module: nn.Module) -> int:
    """Return the bytes of a model's parameters and buffers."""
    return sum(each.numel() * each.element_size() for each in (*module.parameters(), *module.buffers()))
