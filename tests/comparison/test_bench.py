"""Runs in a folder that cannot be read cost their own rows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from helpers.this_process import compute_here
from textgen.comparison.bench import BenchOptions, bench
from textgen.data.corpus import load_corpus
from textgen.defaults import SAMPLER
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntryResult
from textgen.requests import BenchRequest, SampleOptions
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import parse_budget


def test_a_damaged_run_costs_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compute_here(monkeypatch)
    corpus, cpu = load_corpus(["lee"], max_chars=6000), DeviceConfig(torch.device("cpu"), "fp32")
    entries = [parse_entry(name) for name in ("char-uniform", "byte-uniform", "char-ngram")]
    options = BenchOptions(
        budget=parse_budget("1s"),
        device_config=cpu,
        request=BenchRequest(samples=SampleOptions(sampler=SAMPLER, length=20)),
        has_references=False,
    )
    first = bench(entries, corpus, options, tmp_path)
    cut = tmp_path / "runs" / "char-uniform-seed0" / "run.json"
    cut.write_text(cut.read_text("utf-8")[:200], "utf-8")
    (tmp_path / "runs" / "byte-uniform-seed0" / "run.json").unlink()
    rows = bench(entries, corpus, options, tmp_path).entries
    assert "is damaged" in (rows[0].error or "")
    assert "no run in" in (rows[1].error or "")
    assert isinstance(rows[2], EntryResult)
    assert isinstance(first.entries[2], EntryResult)
    assert rows[2].test == first.entries[2].test
