"""A run is the same thing on a GPU as on the CPU. Skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.scoring import bits_of_run
from textgen.data.corpus import Corpus
from textgen.data.split import SplitMethod, split_text
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import load_run, write_run
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.generator import Generator, RecordedStep
from textgen.runtime.device import choose_device, seeded
from textgen.training.budget import parse_budget
from textgen_models.recurrent import LSTM
from textgen_models.transformer import Transformer

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("spec", ["char-lstm", "word-lstm:softmax=adaptive", "char-gru", "char-transformer"])
def test_a_run_trained_on_the_gpu_scores_the_same_on_the_cpu(spec: str, news: str, tmp_path: Path) -> None:
    corpus = Corpus("news", "raw", news, split_text(news, SplitMethod((90, 5, 5))))
    device_config = choose_device("cuda")
    options = ":hidden_size=64" if ":" not in spec else ",hidden_size=64"
    experiment = Experiment(parse_entry(spec + options), corpus, parse_budget("3epochs"), device_config, 0)
    run = experiment.run()
    write_run(tmp_path / "run", run.files)
    on_cpu = load_run(tmp_path / "run", torch.device("cpu"))
    texts = corpus.split.held_out.stretches()
    assert bits_of_run(on_cpu, texts) == pytest.approx(run.result.test.bits_per_char, abs=0.01)
    assert run.result.problem is None
    sampler = build_sampler("greedy")
    texts = Generator(run.model, run.tokenizer, device_config).generate(["The "] * 2, 30, sampler, [0, 1])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 30


@pytest.mark.parametrize("kind", [LSTM, Transformer])
def test_a_recorded_step_gives_the_logits_and_states_of_the_step_itself(kind: Any) -> None:
    device = torch.device("cuda")
    with seeded(0, device):
        model = kind(50, num_layers=2, hidden_size=32).to(device).eval()
    step = model.prepare_step(torch.float32)
    recorded = RecordedStep(step)
    with torch.inference_mode():
        state, recorded_state = model.initial_state(3), model.initial_state(3)
        for ids in torch.randint(50, (9, 3), generator=torch.Generator().manual_seed(1)).to(device):
            logits, state = step(ids, state)
            recorded_logits, recorded_state = recorded(ids, recorded_state)
            torch.testing.assert_close(recorded_logits, logits)
