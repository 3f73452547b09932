"""The layers of a model, as Keras prints them: type, output shape, parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from textgen.api import TextgenError
from textgen.data.corpus import Corpus
from textgen.experiment.entry import Entry
from textgen.experiment.experiment import embed, encode_corpus
from textgen.experiment.run import load_run
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import num_parameters

NUM_TOKENS = 2
"""Tokens sent through the model to see the shapes."""


def describe_entry(entry: Entry, corpus: Corpus) -> dict[str, Any]:
    """Describe the model that an entry would train on a corpus, whose vocabulary decides its size."""
    tokenizer = entry.build_tokenizer()
    encoded, _ = encode_corpus(entry, tokenizer, corpus)
    vectors, _ = embed(entry, tokenizer, corpus.split.train, encoded.train)
    model = entry.build_model(len(tokenizer.tokens), vectors)
    return {"name": entry.name, "vocab_size": len(tokenizer.tokens), **describe_model(model)}


def describe_untrained(entry: Entry, vocab_size: int) -> dict[str, Any]:
    """Describe the model of an entry for a vocabulary of this size, without reading a text.

    Raises `TextgenError` for an entry with an embedding, since its vectors depend on the text.
    """
    if "embedding" in entry.parts:
        raise TextgenError(
            f"entry {entry.name!r}: the vectors of {entry.parts['embedding']} need a text; "
            "leave out --vocab-size or the embedding"
        )
    return {"name": entry.name, "vocab_size": vocab_size, **describe_model(entry.build_model(vocab_size))}


def describe_run(folder: Path) -> dict[str, Any]:
    """Describe the model of a run."""
    run = load_run(folder, torch.device("cpu"))
    return {"name": run.entry.name, "vocab_size": len(run.tokenizer.tokens), **describe_model(run.model)}


def describe_model(model: LanguageModel) -> dict[str, Any]:
    """Return the layers that a token passes, in the order of the pass, and the number of parameters."""
    layers: list[dict[str, Any]] = []

    def record(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:  # noqa: ARG001 - torch's signature
            tensor = output[0] if isinstance(output, tuple) else output
            shape = [None, *tensor.shape[1:]] if isinstance(tensor, Tensor) else []
            shape = [
                "time" if size == NUM_TOKENS and place == 1 else size for place, size in enumerate(shape)
            ]
            layers.append(
                {
                    "layer": name,
                    "type": type(module).__name__,
                    "output_shape": shape,
                    "num_parameters": num_parameters(module),
                }
            )

        return hook

    for name, module in model.module.named_modules():
        if not list(module.children()) and module is not model.module:
            module.register_forward_hook(record(name))
    with torch.inference_mode():
        model.module.eval()
        model.forward(torch.zeros(1, NUM_TOKENS, dtype=torch.long), model.initial_state(1))
    total = num_parameters(model.module)
    own = total - sum({layer["layer"]: layer["num_parameters"] for layer in layers}.values())
    if own:
        layers.append(
            {
                "layer": "(model)",
                "type": type(model.module).__name__,
                "output_shape": [],
                "num_parameters": own,
            }
        )
    return {"layers": layers, "num_parameters": total}
