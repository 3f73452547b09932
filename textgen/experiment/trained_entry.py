"""A trained entry before it is scored, in the plain form in which it is kept and sent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    is_apart: bool = field(default=False, kw_only=True)
    """True if another process trained it, which had no text that is scored."""

    def sent(self) -> dict[str, Any]:
        """Return it as JSON values and tensors."""
        return {
            "record": to_values(self.record),
            "tokenizer": json.dumps(self.tokenizer),
            "weights": dict(self.weights),
        }

    def keep(self, checkpoints: Path, identity: str) -> None:
        """Write it among the checkpoints of its run, which is known by `identity`; raises `OSError`."""
        shutil.rmtree(checkpoints / TRAINED, ignore_errors=True)  # of another run
        save_state(checkpoints / TRAINED, {"identity": identity, **self.sent()})


def received_entry(sent: Mapping[str, Any]) -> TrainedEntry:
    """Return the entry that another process has sent; raises one of `DAMAGE` if it is not one."""
    record = from_values(TrainingRecord, sent["record"])
    weights = {str(name): weight for name, weight in sent["weights"].items() if isinstance(weight, Tensor)}
    return TrainedEntry(record, dict(json.loads(sent["tokenizer"])), weights, is_apart=True)


def kept_entry(checkpoints: Path | None, identity: str) -> TrainedEntry | None:
    """Return the entry that another process has trained and kept; None if there is none of this identity."""
    if checkpoints is None:
        return None
    try:
        state = load_state(checkpoints / TRAINED)
        return received_entry(state) if state["identity"] == identity else None
    except DAMAGE:
        return None
