"""The layers of the model of a run or an entry: type, output shape, parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from textgen import defaults
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.experiment.encoding import embed, encode_training
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.saved_run import load_run, names_run
from textgen.library.corpus import TextSource, as_text, loaded
from textgen.library.options import Given, changed, refuse
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import num_frozen_parameters, num_parameters
from textgen.registry.registry import PluginError, plugins
from textgen.requests import TextOptions
from textgen.results.names import AmbiguousNameError, find_run
from textgen.runtime.storage.result_folders import RUNS

NUM_TOKENS = 2
"""Tokens passed through the model to get the shapes."""


@dataclass(frozen=True)
class Layer:
    """One layer of a model."""

    layer: str
    """Its name within the model."""
    type: str
    output_shape: tuple[int | str | None, ...]
    """None for the batch, `time` for the number of tokens."""
    num_parameters: int
    num_frozen_parameters: int = 0


@dataclass(frozen=True)
class ModelSummary:
    """The layers of a model in the order of the forward pass."""

    name: str
    vocab_size: int
    layers: tuple[Layer, ...]
    num_parameters: int
    num_frozen_parameters: int = 0


def describe(what: str | Path, corpus: TextSource = defaults.CORPUS) -> ModelSummary:
    """Return the layers of the model of a run or entry (`what`), with their shapes and parameter counts.

    The vocabulary of an entry is built from the text of `corpus`. Raises `TextgenError` if there is no such
    run or entry.
    """
    text = as_text(corpus)
    return describe_as(str(what), text, changed(text))


def describe_as(what: str, text: TextOptions, given: Given) -> ModelSummary:
    """Run a `describe` request; `given` are the options to be checked for having an effect."""
    refuse(given, ["split"], "on the layers of a model")
    if run := find_run_or_entry(what):
        of_text = ["corpus", "clean", "max_chars", "encoding"]
        refuse(given, of_text, f"on {what!r}, a run with its own vocabulary")
        saved = load_run(run, torch.device("cpu"))
        return summarize_model(saved.model, saved.entry.name)
    return summarize_entry(parse_entry(what), loaded(text))


def find_run_or_entry(text: str, root: Path = RUNS) -> Path | None:
    """Return the folder of the run that an argument refers to, or None if it is an entry.

    An argument that can be parsed as an entry is one, unless it is the path of a run; the name of a plugin,
    such as `word`, is taken as part of an entry.
    """
    if names_run(text):
        return find_run(text, root)
    try:
        parse_entry(text)
    except PluginError:  # of an entry, whose reader says what is wrong with it
        return None
    except TextgenError as error:
        parts = ("tokenizer", "model", "embedding")
        if any(text == plugin.name for part in parts for plugin in plugins(part)):
            raise
        try:
            return find_run(text, root)
        except AmbiguousNameError as several:
            raise AmbiguousNameError(f"{error}; as a run, {several}") from None
        except TextgenError:
            raise error from None
    return None


def summarize_entry(entry: Entry, corpus: Corpus) -> ModelSummary:
    """Return the layers of the model that an entry would train on a corpus, with its vocabulary."""
    tokenizer = entry.build_tokenizer()
    encoded = encode_training(entry, tokenizer, corpus)
    vectors, _ = embed(entry, tokenizer, corpus.split.train.text, encoded.train)
    model = entry.build_model(tokenizer.vocabulary, vectors)
    return summarize_model(model, entry.name)


def summarize_model(model: LanguageModel, name: str) -> ModelSummary:
    """Return the layers of a model in the order of the forward pass; layers that are not called come last.

    Parameters outside layers get a row of their own.
    """
    model = model.reader
    layers: dict[str, Layer] = {}

    def record(layer: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:  # noqa: ARG001 - torch's signature
            layers.setdefault(layer, Layer(layer, type(module).__name__, _shape(output), *_counts(module)))

        return hook

    leaves = {
        layer: module
        for layer, module in model.module.named_modules()
        if not list(module.children()) and module is not model.module
    }
    for layer, module in leaves.items():
        module.register_forward_hook(record(layer))
    with torch.inference_mode():
        model.module.eval()
        model.forward(torch.zeros(1, NUM_TOKENS, dtype=torch.long), model.initial_state(1))
    total, total_frozen = _counts(model.module)
    for layer, module in leaves.items():  # a step of an LSTM may use the weights alone
        if layer not in layers and next(module.parameters(), None) is not None:
            layers[layer] = Layer(layer, type(module).__name__, (), *_counts(module))
    own = total - sum(layer.num_parameters for layer in layers.values())
    own_frozen = total_frozen - sum(layer.num_frozen_parameters for layer in layers.values())
    if own or own_frozen:
        layers["(model)"] = Layer("(model)", type(model.module).__name__, (), own, own_frozen)
    return ModelSummary(name, model.vocab_size, tuple(layers.values()), total, total_frozen)


def _counts(module: nn.Module) -> tuple[int, int]:
    return num_parameters(module), num_frozen_parameters(module)


def _shape(output: Any) -> tuple[int | str | None, ...]:
    tensor = output[0] if isinstance(output, tuple) else output
    if not isinstance(tensor, Tensor):
        return ()
    sizes = list(enumerate(tensor.shape))[1:]
    return (None, *("time" if size == NUM_TOKENS and axis == 1 else size for axis, size in sizes))
