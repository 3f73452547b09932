"""A token is scored before the model is told it, and textgen's own models have the same scores in windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.models import Small
from helpers.scoring import CPU, ENTRIES, told
from textgen.contracts import TextgenError, TokenIds
from textgen.data.bound_tokenizer import START
from textgen.data.corpus import Corpus
from textgen.data.split import parse_split, split_text
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import build_trained
from textgen.nn.language_model import LanguageModel
from textgen.registry.registry import plugins
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget

SIZE = 5
LENGTHS = (7, 3, 0, 12, 1)
START_IDS = np.array([0])


def stretches_of(*lengths: int) -> list[TokenIds]:
    generator = np.random.default_rng(0)
    return [generator.integers(SIZE, size=length) for length in lengths]


def test_each_token_is_told_after_it_is_scored_and_the_last_one_never() -> None:
    heard: list[list[list[int]]] = []

    class Listens(nn.Module):
        """It notes what it is told, and likes the token after the last one in the alphabet."""

        def initial_state(self, batch_size: int) -> Tensor:
            return torch.zeros(batch_size, 0)

        def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            heard.append(ids.tolist())
            return 2.0 * F.one_hot((ids + 1) % SIZE, SIZE), state

    stretches = stretches_of(*LENGTHS)
    scored, _ = told(LanguageModel(Listens(), SIZE), [""] * len(stretches), stretches, START_IDS)
    begins = [[0]] * len(LENGTHS)
    longest = sorted(stretches, key=len, reverse=True)
    columns = [[[ids[at]] for ids in longest if at + 1 < len(ids)] for at in range(max(LENGTHS) - 1)]
    assert heard[: 1 + max(LENGTHS)] == [begins, begins, *columns]  # the second one tries its step out
    likely, unlikely = (-np.log2(np.exp(logit) / (np.exp(2) + SIZE - 1)) for logit in (2, 0))
    for ids, each in zip(stretches, scored, strict=True):
        expected = [
            likely if token == (last + 1) % SIZE else unlikely
            for last, token in zip([0, *ids.tolist()], ids.tolist(), strict=False)
        ]
        assert each.bits == pytest.approx(expected)


@pytest.mark.parametrize("spec", ENTRIES, ids=lambda spec: spec.partition(":")[0])
def test_a_trained_entry_has_the_same_score_in_windows(spec: str, news: str) -> None:
    corpus = Corpus("news", "raw", news[:12_000], split_text(news[:12_000], parse_split("80/10/10")))
    entry, config = parse_entry(spec), DeviceConfig(CPU, "fp32")
    trained = Experiment(entry, corpus, parse_budget("10kchars"), config, 0, chooses_copies=False).train()
    tokenizer = entry.build_tokenizer()
    tokenizer.restore(dict(trained.tokenizer))
    model = build_trained(entry, tokenizer.vocabulary, None, trained.weights, CPU)
    texts = [news[30_000:30_500], news[40_000:40_060], news[50_000:50_300]]
    stretches, start = [*map(tokenizer.encode, texts)], tokenizer.encode(START)
    singly, problem = told(model, texts, stretches, start)
    assert problem is None
    windows = score_stretches(model, texts, stretches, start, device=CPU, chunk=97)
    changes = np.concatenate([one.bits - other.bits for one, other in zip(singly, windows, strict=True)])
    assert abs(changes.mean()) < 1e-6
    assert np.abs(changes).max() < 1e-5  # of up to 16 bits in fp32; found: 2e-6


def test_each_bundled_model_is_among_these_entries() -> None:
    tested = {name for spec in ENTRIES for name in parse_entry(spec).models.values()}
    assert tested >= {plugin.name for plugin in plugins("model") if plugin.is_own}


def test_a_model_without_a_probability_for_a_token_has_no_score() -> None:
    class Nothing(Small):
        def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, state = super().forward(ids, state)
            return logits * float("nan"), state

    with pytest.raises(TextgenError, match=r"gives a character of the text no probability"):
        told(LanguageModel(Nothing(SIZE).eval(), SIZE), [""], stretches_of(50), START_IDS)
