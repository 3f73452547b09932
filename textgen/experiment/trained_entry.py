"""An entry with its fitted tokenizer and trained model: all that scoring and sampling need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from textgen.contracts import PretrainedVectors, Vocabulary
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.experiment.entry import Entry
from textgen.experiment.memory import build_to_predict
from textgen.experiment.pretrained import EmbeddingAudit
from textgen.generation.generator import Generator
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import set_weights
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained entry."""

    entry: Entry
    tokenizer: BoundTokenizer
    model: LanguageModel
    spellings: tuple[tuple[float, ...], ...] = field(default=(), kw_only=True)
    """Spellings of out-of-vocabulary words; see `textgen.contracts.Vocabulary`."""

    def check_that_it_spells(self) -> None:
        """Raise `UsageError` if its tokenizer does not spell words, so that this cannot be left out."""
        if not self.tokenizer.vocabulary.fallback.any():
            raise UsageError(
                f"spelling none has no effect on {self.entry.name!r}, whose tokenizer does not spell words; "
                "leave it out"
            )

    def generator(self, device_config: DeviceConfig, *, spells: bool = True) -> Generator:
        """Return the model prepared for generation; without `spells` it writes no out-of-vocabulary words."""
        return Generator(self.model, self.tokenizer, device_config, self.spellings, spells=spells)


def build_trained(
    entry: Entry,
    vocabulary: Vocabulary,
    audit: EmbeddingAudit | None,
    weights: Mapping[str, Tensor],
    device: torch.device,
) -> LanguageModel:
    """Return a new model with the weights of a trained one, ready to predict.

    What a model learnt but did not register as weights is not in it, neither in training nor from a file.
    """
    model = build_to_predict(entry, vocabulary, _empty_vectors(audit, len(vocabulary)), is_loaded=True)
    set_weights(model.module, weights)
    model.to(device).module.eval()
    return model


def _empty_vectors(audit: EmbeddingAudit | None, vocab_size: int) -> PretrainedVectors | None:
    """Return vectors of the size that the model had in training, whose weights are then loaded."""
    if audit is None:
        return None
    table = torch.zeros(vocab_size, audit.dimension)
    return PretrainedVectors(table, torch.zeros(vocab_size, dtype=torch.bool), audit.frozen)
