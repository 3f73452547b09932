"""Small models in the page of a bench, to write with in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.data.vocabulary import byte_mask
from textgen.experiment.saved_run import RunManifest, Trained, load_run, read_manifest
from textgen.registry.registry import load
from textgen.runtime.device import choose_device

MAX_BYTES = 4_000_000
"""Size of a model that a page may have, in 8 bits."""
NOT_RECURRENT = "{!r} is not one stack of recurrent layers with one softmax"


def page_models(folders: Sequence[Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the runs that a page can compute, as JSON values, and why it cannot compute the others.

    Raises `TextgenError` if it can compute none.
    """
    device = choose_device("cpu", "fp32").device
    reasons, found = [], []
    for folder in folders:
        try:
            check_manifest(read_manifest(folder))
            run = load_run(folder, device)
            found.append({"name": run.entry.name, **page_model(run)})
        except TextgenError as error:
            reasons.append(str(error))
    if not found:
        raise TextgenError(f"no model can be embedded in the page: {'; '.join(dict.fromkeys(reasons))}")
    return found, list(dict.fromkeys(reasons))


def check_manifest(manifest: RunManifest) -> None:
    """Raise `TextgenError` if a page cannot compute a run, as far as that is known before it is loaded."""
    entry, num_bytes = manifest.entry, manifest.result.num_parameters
    model, *others = entry.models.values()
    if others or entry.num_copies > 1 or not hasattr(load("model", model), "portable"):
        raise TextgenError(NOT_RECURRENT.format(entry.name))
    if num_bytes > MAX_BYTES:
        raise TextgenError(f"{entry.name!r} is too large: {num_bytes:,} bytes, at most {MAX_BYTES:,}")


def page_model(trained: Trained) -> dict[str, Any]:
    """Return a model as JSON values; raises `TextgenError` with the reason if a page cannot compute it."""
    name = trained.entry.name
    network = trained.model.portable()
    if network is None:
        raise TextgenError(NOT_RECURRENT.format(name))
    tokens = trained.tokenizer.tokens
    if not all(len(token) == 1 or is_byte for token, is_byte in zip(tokens, byte_mask(tokens), strict=True)):
        raise TextgenError(f"the tokens of {name!r} are not single characters")
    if network.num_bytes > MAX_BYTES:
        raise TextgenError(f"{name!r} is too large: {network.num_bytes:,} bytes, at most {MAX_BYTES:,}")
    return {"tokens": list(tokens), **network.values()}
