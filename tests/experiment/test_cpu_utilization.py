"""Which runs say how much of the CPU time that they wanted they got."""

from __future__ import annotations

import pytest
import torch

from textgen.data.corpus import load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget


@pytest.mark.parametrize("entry", ["char-lstm:num_layers=1,hidden_size=8", "char-ngram"])
def test_only_runs_with_updates_record_it(entry: str) -> None:
    corpus, cpu = load_corpus(["lee"], max_chars=6000), DeviceConfig(torch.device("cpu"), "fp32")
    result = Experiment(parse_entry(entry), corpus, parse_budget("1epoch"), cpu, 0).run()
    train = result.result.train
    assert (train.cpu_utilization is None) == (train.num_updates == 0) == (entry == "char-ngram")
