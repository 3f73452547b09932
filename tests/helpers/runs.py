"""Runs that were not trained: what an entry would save."""

from __future__ import annotations

import numpy as np
import torch

from textgen.contracts import PretrainedVectors
from textgen.data.corpus import CorpusInfo
from textgen.data.split import SplitInfo, SplitPart
from textgen.experiment.encoding import EmbeddingAudit
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import PreparationTime, RunResult, RunSettings, ScoreChecks
from textgen.experiment.saved_run import SavedRun
from textgen.runtime.device import seeded
from textgen.runtime.environment import machine
from textgen.training.budget import Budget
from textgen.training.progress import TrainResult

CPU = torch.device("cpu")
TEXT = "The cat sat on the mat, and the cat sat on the hat.\n" * 3
SMALL = ":num_layers=1,hidden_size=8"


def make_run(name: str, embedding: bool = False, frozen: bool = False) -> SavedRun:
    """An untrained run of an entry, with vectors for the first half of its tokens if it has an embedding."""
    entry = parse_entry(name)
    tokenizer = entry.build_tokenizer()
    tokenizer.fit(TEXT)
    vocab_size = len(tokenizer.tokens)
    vectors, audit = None, None
    if embedding:
        found = torch.arange(vocab_size) < vocab_size // 2
        vectors = PretrainedVectors(torch.ones(vocab_size, 5) * found[:, None], found, frozen)
        audit = EmbeddingAudit(
            source="gone",
            dimension=5,
            frozen=frozen,
            type_coverage=0.5,
            token_coverage=0.5,
            most_frequent_missing=(),
            found_by={"surface": vocab_size // 2},
            seconds=0.1,
        )
    with seeded(0, CPU):
        model = entry.build_model(tokenizer.vocabulary, vectors)
    model.module.eval()
    ids = tokenizer.encode(TEXT)
    model.count_text(ids)
    if not model.is_trainable:
        model.reader.fit(model.tokens_read(ids))
    about = {"name": name, "seed": 0}
    train = dict.fromkeys(("seconds", "validation_seconds", "num_epochs", "chars_per_second"), 0.0)
    result = RunResult(
        **about,
        num_parameters=1,
        vocab_size=vocab_size,
        problem=None,
        preparation=PreparationTime(tokenizer_seconds=0.1, vectors_seconds=0.1 if embedding else 0.0),
        train=TrainResult(**train, num_updates=0, num_chars=0, best_update=0),
        embedding=audit,
        validation=None,
        test=None,
        score_checks=ScoreChecks(decoded_equals_text=True),
        machine=machine(),
    )
    part = SplitPart(100, "0" * 64, (40, 60))
    split = SplitInfo("90/5/5", SplitPart(100, "0" * 64), part, part)
    settings = RunSettings(
        corpus=CorpusInfo("cats", "prose", 300, "0" * 64, split),
        budget=Budget("60s"),
        seed=0,
        device="cpu",
        precision="fp32",
        plugins=entry.code,
    )
    return SavedRun(entry, tokenizer, model, settings, result)


def logits(run: SavedRun) -> torch.Tensor:
    ids = torch.from_numpy(run.tokenizer.encode("the cat, 😀\n").astype(np.int64))
    with torch.inference_mode():
        result: torch.Tensor = run.model.forward(ids[None], run.model.initial_state(1))[0]
    return result
