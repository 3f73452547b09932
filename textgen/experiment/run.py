"""Run folders: one trained entry on disk as JSON and safetensors, written all at once or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from textgen import DISTRIBUTION
from textgen.api import PretrainedVectors, TextgenError
from textgen.data.tokenization import BoundTokenizer
from textgen.data.vocabulary import TokenTable
from textgen.experiment.entry import Entry
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import set_weights, weights_of
from textgen.registry.attribution import describe_error, responsible_plugin
from textgen.registry.isolation import preserve_process_state
from textgen.registry.registry import PluginError
from textgen.runtime.files import new_folder, to_json
from textgen.runtime.messages import one_line

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
    tokenizer: BoundTokenizer
    model: LanguageModel
    manifest: dict[str, Any]
    """`settings` (what the run was made with) and `result` (what came out), as JSON values."""
    blocks: NDArray[np.float64]
    """Bits of each block of the scored text, for intervals and paired comparisons; may be empty."""

    @property
    def table(self) -> TokenTable:
        """Bytes and characters of the tokens."""
        return self.tokenizer.table

    @property
    def is_fallback(self) -> NDArray[np.bool_]:
        """Which token ids spell what the vocabulary lacks."""
        return self.tokenizer.is_fallback


def names_run(argument: str) -> bool:
    """Return whether an argument means the folder of a run and not an entry, whose parts have no slash."""
    return (Path(argument) / MANIFEST).exists() or "/" in argument.partition(":")[0]


def save_run(folder: Path, run: Run) -> None:
    """Write the run to `folder`, which must not exist yet."""
    with new_folder(folder) as made:
        manifest = {"format": FORMAT, "entry": run.entry.to_json(), **run.manifest}
        (made / MANIFEST).write_text(to_json(manifest), "utf-8")
        (made / TOKENIZER).write_text(json.dumps(run.tokenizer.state()), "utf-8")
        save_file(weights_of(run.model.module), made / WEIGHTS)
        save_file({"bits": torch.from_numpy(run.blocks)}, made / BLOCKS)


def load_run(folder: Path, device: torch.device) -> Run:
    """Read a run; raises `TextgenError` if `folder` holds none or a damaged one, or a plugin fails at it."""
    manifest = read_manifest(folder)
    try:
        entry = Entry(**manifest.pop("entry"))
        learnt = json.loads((folder / TOKENIZER).read_text("utf-8"))
        weights, blocks = load_file(folder / WEIGHTS), load_file(folder / BLOCKS)["bits"].numpy()
        embedding = manifest["result"]["embedding"]
    except DAMAGE as error:
        raise _damaged(folder, error) from error
    try:
        with preserve_process_state():
            tokenizer = entry.build_tokenizer()
            tokenizer.restore(learnt)
            vocab_size = len(tokenizer.tokens)
            model = entry.build_model(vocab_size, _empty_vectors(embedding, vocab_size), is_loaded=True)
            set_weights(model.module, weights)
            model.to(device).module.eval()
            return Run(entry, tokenizer, model, manifest, blocks)
    except TextgenError as error:
        made_by = manifest["settings"].get("plugins", {})
        origin = f"; it was made with {', '.join(dict.fromkeys(made_by.values()))}" if made_by else ""
        raise TextgenError(f"run {str(folder)!r} cannot be loaded: {error}{origin}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        plugin = responsible_plugin(error)
        if plugin is not None and plugin.distribution != DISTRIBUTION:
            raise PluginError(f"run {str(folder)!r} cannot be loaded: {describe_error(error)}") from error
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: BaseException) -> TextgenError:
    reason = one_line(error, with_type=False)[:200]
    return TextgenError(f"run {str(folder)!r} is damaged ({reason}); delete it and train again")


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


def _empty_vectors(embedding: dict[str, Any] | None, vocab_size: int) -> PretrainedVectors | None:
    if embedding is None:
        return None
    table = torch.zeros(vocab_size, embedding["dimension"])
    return PretrainedVectors(table, torch.zeros(vocab_size, dtype=torch.bool), embedding["frozen"])
