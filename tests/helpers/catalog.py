"""Folders of results as commands leave them, without training anything."""

from __future__ import annotations

import os
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

from helpers.pages import ROOT
from helpers.reports import compared, entry
from textgen.data.corpus import TextSources
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import EntryResult, RunResult, RunSettings
from textgen.experiment.saved_run import RunManifest
from textgen.runtime.storage.files import slug, write_digests
from textgen.runtime.storage.json_records import from_values, write_record
from textgen.training.budget import Budget

BENCH = "char-lstm_random-wiki-60s-2026-11-25-1635"
"""The name of a bench."""
RECORDED = ROOT / "benchmarks" / "results"
"""Results of real suites and studies."""


def manifest(name: str = "char-lstm", score: float = 2.0, seed: int = 0, budget: str = "60s") -> RunManifest:
    row = from_values(EntryResult, entry(name, score, seed))
    parsed = parse_entry(name)
    return RunManifest(
        entry=parsed,
        sources=TextSources(),
        settings=RunSettings(
            corpus=compared().corpus,
            budget=Budget(budget),
            seed=seed,
            device="cpu",
            precision="fp32",
            plugins=parsed.code,
        ),
        result=RunResult(**{field.name: getattr(row, field.name) for field in fields(RunResult)}),
    )


def write_run(folder: Path, *about: Any, **others: Any) -> Path:
    """Write the JSON of a run of `manifest`, and files beside it."""
    folder.mkdir(parents=True)
    write_record(folder / "run.json", manifest(*about, **others))
    (folder / "tokenizer.json").write_text("[]", "utf-8")
    write_digests(folder)
    return folder


def write_bench(folder: Path, *rows: tuple[str, float, int], is_finished: bool = True) -> Path:
    """Write a bench with these entries, scores and seeds, and its runs."""
    for name, score, seed in rows:
        write_run(folder / "runs" / f"{slug(name)}-seed{seed}", name, score, seed)
    if is_finished:
        result = compared(*(entry(name, score, seed) for name, score, seed in rows))
        write_record(folder / "bench.json", result)
        (folder / "report.md").write_text("# Report\n", "utf-8")
    return folder


def write_suite(folder: Path) -> Path:
    folder.mkdir(parents=True)
    shutil.copy(RECORDED / "improvements-wiki.json", folder / "suite.json")
    return folder


def write_study(folder: Path) -> Path:
    folder.mkdir(parents=True)
    shutil.copy(RECORDED / "tune-wiki-5s.json", folder / "study.json")
    write_bench(folder / "comparison", ("char-lstm", 2.1, 1), ("char-lstm:num_layers=1", 2.0, 1))
    return folder


def set_time(folder: Path, seconds: float) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (seconds, seconds))
