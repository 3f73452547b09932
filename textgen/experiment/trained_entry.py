"""An entry that is trained and not yet scored: all that scoring needs, kept between the two."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.experiment.encoding import EmbeddingAudit
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import PreparationTime
from textgen.runtime.storage.json_records import from_values, to_values
from textgen.runtime.storage.state_files import load_state, save_state
from textgen.training.checkpoints import DAMAGE
from textgen.training.progress import TrainResult

TRAINED = "trained"
"""The folder among the checkpoints of a run in which an entry is kept until it is scored."""


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """What is known of an entry once it is trained, besides its weights and what its tokenizer learnt."""

    entry: Entry
    """With the number of copies of its models."""
    preparation: PreparationTime
    train: TrainResult
    embedding: EmbeddingAudit | None
    is_lossless: bool
    """True if the tokens spell what was trained and validated on."""


@dataclass(frozen=True, eq=False)
class TrainedEntry:
    """An entry that is trained and not yet scored."""

    record: TrainingRecord
    tokenizer: BoundTokenizer
    weights: Mapping[str, Tensor]
    is_apart: bool = field(default=False, kw_only=True)
    """True if another process trained it, which had no text that is scored."""

    def keep(self, checkpoints: Path, identity: str) -> None:
        """Write it among the checkpoints of its run, which is known by `identity`; raises `OSError`."""
        values = {
            "identity": identity,
            "record": to_values(self.record),
            "tokenizer": json.dumps(self.tokenizer.state()),
            "weights": dict(self.weights),
        }
        shutil.rmtree(checkpoints / TRAINED, ignore_errors=True)  # of another run
        save_state(checkpoints / TRAINED, values)


def kept_entry(checkpoints: Path | None, identity: str) -> TrainedEntry | None:
    """Return the entry that another process has trained and kept; None if there is none of this identity."""
    if checkpoints is None:
        return None
    try:
        state = load_state(checkpoints / TRAINED)
        if state["identity"] != identity:
            return None
        record = from_values(TrainingRecord, state["record"])
    except DAMAGE:
        return None
    tokenizer = record.entry.build_tokenizer()
    tokenizer.restore(json.loads(state["tokenizer"]))
    return TrainedEntry(record, tokenizer, state["weights"], is_apart=True)
