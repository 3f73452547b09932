"""The entropy of a sampler's choices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from textgen.contracts import Vocabulary
from textgen.generation.bound_sampler import EntropyRecorder, build_sampler


def test_the_recorder_tells_the_entropy_of_what_a_sampler_chooses() -> None:
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0)).expand(4000, -1)
    uniforms = torch.rand(4000, generator=torch.Generator().manual_seed(1))
    sampler = build_sampler("temperature:temperature=0.5")
    vocabulary = Vocabulary(["ab"] * 50, np.zeros(50, bool))
    recorder = EntropyRecorder(sampler, [], vocabulary)
    recorder.record(logits, sampler.start([], vocabulary)(logits, uniforms))
    entropy = torch.distributions.Categorical(logits=logits[0] / 0.5).entropy() / np.log(2)
    assert recorder.bits_per_char == pytest.approx(float(entropy) / 2, rel=0.02)
