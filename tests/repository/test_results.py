"""Recorded results have the current schema, old ones are migrated, and the schema is published."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from textgen.comparison.results import Comparison
from textgen.runtime.json_records import SCHEMA_VERSION, read_record
from textgen.suite.results import SuiteResult
from textgen.tune.results import StudyResult
from textgen_benchmarks.migrate import migrated

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "benchmarks" / "results"
KINDS = {"entries": Comparison, "questions": SuiteResult, "trials": StudyResult}


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_result_has_the_current_schema(path: Path) -> None:
    values = json.loads(path.read_text("utf-8"))
    assert values["schema_version"] == SCHEMA_VERSION
    for key, kind in KINDS.items():
        if key in values:
            assert isinstance(read_record(kind, path), kind)


def old_suite() -> dict[str, Any]:
    """A suite as it was recorded before results had a schema version."""
    part = {"num_chars": 100, "sha256": "0" * 64}
    metrics = {"real_word_rate": 0.9, "distinct_1": 0.4, "distinct_2": 0.8, "repetition_4": 0.1}
    metrics |= {"self_bleu": 0.2, "new_4gram_rate": 0.7, "longest_copy_chars": 30, "compression_ratio": 2.0}
    metrics |= {"num_words": 100, "mean_word_length": 4.5}
    case = {"label": "seed", "entry": "seed:warmup=0.2", "clean": "seed", "train_share": 100.0}
    case |= {"max_chars": None, "budget": "5s", "samplers": ["greedy"], "num_seeds": 3}
    case |= {"bits_per_char": {"value": 2.0, "interval": [1.9, 2.1]}, "real_word_rate": None}
    case |= {"num_parameters": 10, "train_seconds": 5.0, "num_epochs": 1.0, "chars_per_second": 9.0}
    case |= {"embedding": None, "text": "Once."}
    case |= {"writing": {"greedy": {**metrics, "temperature": None, "entropy_per_char": 1.5}}}
    factor = {"name": "size", "question": "Which?", "cumulative": False, "cases": [case], "effects": []}
    machine = {"processor": "Xeon", "num_cores": 2, "num_threads": 2, "gpu": None, "system": "Linux"}
    corpus = {"name": "lee", "cleaner": "clean", "num_chars": 300, "sha256": "0" * 64}
    corpus |= {"split": dict.fromkeys(("train", "validation", "test"), part)}
    return {
        "suite": "Old",
        "corpus": corpus,
        "held_out": {"sample_metrics": metrics},
        "budget": "5s",
        "num_seeds": 3,
        "num_jobs": 1,
        "device": "cpu",
        "precision": "fp32",
        "versions": {"torch": "2.9"},
        "machine": machine,
        "factors": [factor],
        "failures": {},
    }


def test_an_old_suite_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    path.write_text(migrated(old_suite()), "utf-8")
    result = read_record(SuiteResult, path)
    (question,) = result.questions
    (case,) = question.cases
    assert (result.corpus.cleaner, case.clean, case.label) == ("prose", "letters", "original")
    assert case.entry == "seed:warmup_fraction=0.2".replace("seed", "original")
    assert case.writing["greedy"].metrics == result.held_out.sample_metrics
    assert case.writing["greedy"].metrics.novel_4gram_rate == 0.7
    assert case.bits_per_char is not None
    assert case.bits_per_char.interval == (1.9, 2.1)


def fields(schema: dict[str, Any]) -> dict[str, tuple[list[str], list[str]]]:
    """The fields of each kind of record, and which of them are required; how they are put varies."""
    return {
        name: (sorted(kind["properties"]), sorted(kind.get("required", ())))
        for name, kind in schema["$defs"].items()
    }


def test_the_published_schema_is_that_of_the_results() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "schema.py"))
    published = json.loads(made["PAGE"].read_text("utf-8"))
    assert fields(published) == fields(made["schema"]()), "run make docs"
    for path in RESULTS.glob("*.json"):
        values = json.loads(path.read_text("utf-8"))
        for key, kind in KINDS.items():
            if key in values:
                assert sorted(values) == fields(published)[kind.__name__][0]
