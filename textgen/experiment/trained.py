"""An entry with its fitted tokenizer and trained model: all that scoring and sampling need."""

from __future__ import annotations

from dataclasses import dataclass

from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.experiment.entry import Entry
from textgen.nn.language_model import LanguageModel


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained entry."""

    entry: Entry
    tokenizer: BoundTokenizer
    model: LanguageModel
