"""Each tokenizer, fitted on news, and an untrained model for it."""

from __future__ import annotations

import pytest
from torch import nn

from helpers.scoring import tiny_lstm
from helpers.tokenizers import FITTED
from textgen.contracts import Tokenizer
from textgen.registry.options import build


@pytest.fixture(scope="module", params=FITTED)
def tokenizer(request: pytest.FixtureRequest, news: str) -> Tokenizer:
    fitted: Tokenizer = build("tokenizer", request.param)
    fitted.fit(news)
    return fitted


@pytest.fixture(scope="module")
def lstm(tokenizer: Tokenizer) -> nn.Module:
    return tiny_lstm(len(tokenizer.tokens))
