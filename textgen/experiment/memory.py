"""The memory that an entry needs, estimated before it is taken."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textgen.contracts import PretrainedVectors, Vocabulary
from textgen.experiment.entry import Entry
from textgen.nn.language_model import LanguageModel
from textgen.nn.model_size import MAX_SMALL, build_checked, num_bytes
from textgen.registry.options import declared_options
from textgen.registry.registry import load
from textgen.runtime.device import DeviceConfig, seeded
from textgen.runtime.memory import CPU, free_memory, require_memory
from textgen.training.batches import resident_bytes
from textgen.training.optimizer import hidden_matrices
from textgen.training.train_options import TrainOptions

BYTES = 4
"""Of a number in fp32."""
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
    device = device_config.device

    def build(with_vectors: PretrainedVectors | None) -> LanguageModel:
        with seeded(seed, device):
            return entry.build_model(vocabulary, with_vectors)

    def check(model: LanguageModel) -> None:
        weights = num_bytes(model.module)
        _require(entry, weights, "the model")
        for part, member in zip(entry.models, model.reader.members, strict=True):
            if not member.is_trainable:
                continue
            options = entry.train_options(part)
            copies = _copied_bytes(member, options)
            # A GPU that lacks memory for all rows gets fewer at a time.
            num_rows = options.batch_size if device.type == "cpu" else 1
            tokens = min(num_rows * options.longest_sequence, num_tokens)
            activations = _activation_bytes(member, tokens, device_config)
            smaller = ["batch_size", "sequence_length"] if activations > weights + copies else _sizes(entry)
            needed = weights + copies + activations + resident_bytes(num_tokens, device)
            _require(entry, needed, "training", smaller, device_config)

    return build_checked(partial(build, vectors), partial(build, None), check, _most_numbers_unchecked())


def build_to_predict(
    entry: Entry, vocabulary: Vocabulary, vectors: PretrainedVectors | None = None, *, is_loaded: bool = False
) -> LanguageModel:
    """Return a model as `Entry.build_model` does.

    Raises `TextgenError`, before it takes memory, if there is not enough for its weights.
    """
    build = partial(entry.build_model, vocabulary, is_loaded=is_loaded)

    def check(model: LanguageModel) -> None:
        _require(entry, num_bytes(model.module), "the model")

    return build_checked(partial(build, vectors), build, check, _most_numbers_unchecked())


def _most_numbers_unchecked() -> int:
    free = free_memory()
    return MAX_SMALL if free is None else min(MAX_SMALL, free // SMALL_SHARE // BYTES)


def _copied_bytes(model: LanguageModel, options: TrainOptions) -> int:
    """Return the bytes of the gradient, of what the optimizer keeps, and of the best weights."""
    trained = sum(each.numel() for each in model.module.parameters() if each.requires_grad)
    return BYTES * trained * (2 + OPTIMIZER_COPIES[options.optimizer])


def _activation_bytes(model: LanguageModel, num_tokens: int, device_config: DeviceConfig) -> int:
    """Return about how many bytes the hidden layers keep of these tokens for the gradient."""
    width = sum(len(matrix) for matrix in hidden_matrices(model))
    return num_tokens * width * device_config.dtype.itemsize


def _require(
    entry: Entry,
    num_bytes: int,
    purpose: str,
    smaller: Iterable[str] = (),
    device_config: DeviceConfig | None = None,
) -> None:
    names = list(smaller) or _sizes(entry)
    require_memory(
        num_bytes,
        f"entry {entry.name!r}: {purpose}",
        f"make {' or '.join(names) or 'the model'} smaller",
        device_config.device if device_config else CPU,
    )


def _sizes(entry: Entry) -> list[str]:
    """Return the options of an entry's models that are whole numbers: those given, or all."""
    given = [
        name
        for part in entry.models
        for name, value in entry.options.get(part, {}).items()
        if isinstance(value, int) and not isinstance(value, bool)
    ]
    declared = [
        name
        for model in entry.models.values()
        for name, option in declared_options(load("model", model)).items()
        if isinstance(option.default, int) and not isinstance(option.default, bool)
    ]
    return list(dict.fromkeys(given or declared))
