"""A trained entry before it is scored, and how it is kept until then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from textgen.experiment.encoding import EmbeddingAudit
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import PreparationTime
from textgen.experiment.run_lock import TRAINED
from textgen.runtime.storage.json_records import from_values, to_values
from textgen.runtime.storage.state_files import load_state, save_state
from textgen.training.checkpoints import DAMAGE
from textgen.training.progress import TrainResult

IS_TRAINED = "continues after its training, with its score"
"""What is remarked of an entry that was kept."""


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
    starts_anew: bool = False
    """True if the run that it could start from was of no use."""


@dataclass(frozen=True, eq=False)
class TrainedEntry:
    """An entry that is trained and not yet scored."""

    record: TrainingRecord
    tokenizer: Mapping[str, Any]
    """What its tokenizer has learnt, as JSON values."""
    weights: Mapping[str, Tensor]

    def keep(self, checkpoints: Path, identity: str) -> None:
        """Write it among the checkpoints of its run, which is known by `identity`; raises `OSError`."""
        shutil.rmtree(checkpoints / TRAINED, ignore_errors=True)  # of another run
        state = {
            "identity": identity,
            "record": to_values(self.record),
            "tokenizer": json.dumps(self.tokenizer),
            "weights": dict(self.weights),
        }
        save_state(checkpoints / TRAINED, state)


def kept_entry(checkpoints: Path | None, identity: str) -> TrainedEntry | None:
    """Return the entry that was trained and kept; None if there is none of this identity."""
    if checkpoints is None:
        return None
    try:
        state = load_state(checkpoints / TRAINED)
        record, tokenizer = from_values(TrainingRecord, state["record"]), dict(json.loads(state["tokenizer"]))
        return TrainedEntry(record, tokenizer, state["weights"]) if state["identity"] == identity else None
    except DAMAGE:
        return None
