"""Run folders: one trained entry on disk as JSON and safetensors, written all at once or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from textgen.api import InputVectors, TextgenError, Tokenizer
from textgen.entry import Entry
from textgen.files import new_folder, to_json
from textgen.tokens import TokenTable, fallback_mask

FORMAT = 1
"""The version of the folder's layout."""
MANIFEST, TOKENIZER, WEIGHTS, BLOCKS = (
    "run.json",
    "tokenizer.json",
    "weights.safetensors",
    "blocks.safetensors",
)
DAMAGE = (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, SafetensorError)
"""What reading a file that was cut or changed may raise."""


@dataclass
class Run:
    """A trained entry: all that sampling and scoring need."""

    entry: Entry
    tokenizer: Tokenizer
    model: nn.Module
    manifest: dict[str, Any]
    """`settings` (what the run was made with) and `result` (what came out), as JSON values."""
    blocks: NDArray[np.float64]
    """Bits of each block of the scored text, for intervals and paired comparisons; may be empty."""

    @cached_property
    def table(self) -> TokenTable:
        """Bytes and characters of the tokens."""
        return TokenTable(self.tokenizer.tokens)

    @cached_property
    def is_fallback(self) -> NDArray[np.bool_]:
        """Which token ids spell what the vocabulary lacks."""
        return fallback_mask(self.tokenizer)


def save_run(folder: Path, run: Run) -> None:
    """Write the run to `folder`, which must not exist yet."""
    with new_folder(folder) as made:
        manifest = {"format": FORMAT, "entry": run.entry.describe(), **run.manifest}
        (made / MANIFEST).write_text(to_json(manifest), "utf-8")
        (made / TOKENIZER).write_text(json.dumps(run.tokenizer.state()), "utf-8")
        weights = {name: value.contiguous().cpu() for name, value in run.model.state_dict().items()}
        save_file(weights, made / WEIGHTS)
        save_file({"bits": torch.from_numpy(run.blocks)}, made / BLOCKS)


def load_run(folder: Path, device: torch.device) -> Run:
    """Read a run; raises `TextgenError` if `folder` holds none, or a damaged one."""
    manifest = read_manifest(folder)
    try:
        entry = Entry(**manifest.pop("entry"))
        tokenizer = entry.build_tokenizer()
        tokenizer.restore(json.loads((folder / TOKENIZER).read_text("utf-8")))
        vocab_size = len(tokenizer.tokens)
        model = entry.build_model(vocab_size, _empty_vectors(manifest, vocab_size), is_loaded=True)
        model.load_state_dict(load_file(folder / WEIGHTS))
        blocks = load_file(folder / BLOCKS)["bits"].numpy()
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise TextgenError(f"run {str(folder)!r} is damaged ({reason}); delete it and train again") from error
    return Run(entry, tokenizer, model.to(device).eval(), manifest, blocks)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what `run.json` says; raises `TextgenError` if there is no run or one of a newer format."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        version = manifest.pop("format")
    except (FileNotFoundError, NotADirectoryError):
        raise TextgenError(
            f"no run in {str(folder)!r}; give what textgen train wrote, or a folder under runs/ of a bench"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TextgenError(
            f"run {str(folder)!r} is damaged ({MANIFEST} cannot be read: {error}); delete it and train again"
        ) from error
    if version != FORMAT:
        raise TextgenError(f"run {str(folder)!r} has format {version}; update textgen, which reads {FORMAT}")
    return manifest


def _empty_vectors(manifest: dict[str, Any], vocab_size: int) -> InputVectors | None:
    embedding = manifest["result"]["embedding"]
    if embedding is None:
        return None
    table = torch.zeros(vocab_size, embedding["dimension"])
    return InputVectors(table, torch.zeros(vocab_size, dtype=torch.bool), embedding["frozen"])
