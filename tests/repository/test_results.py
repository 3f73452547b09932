"""Recorded results have the current schema, old ones are migrated, and the schema is published."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.markdown import to_markdown as report_of
from textgen.comparison.verify_bench import verify_comparison
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record
from textgen.suite.suite_report import to_markdown
from textgen.suite.suite_result import SuiteResult
from textgen.tune.study_result import StudyResult
from textgen_benchmarks.migrate import migrated, p_value

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


@pytest.mark.parametrize("name", ["bench-wiki", "tinyshakespeare", "tinyshakespeare-3m"])
def test_verdicts_of_recorded_comparisons_follow_from_the_bits_of_their_stretches(name: str) -> None:
    checks = list(verify_comparison(read_record(Comparison, RESULTS / f"{name}.json")))
    assert sum(check.number for check in checks) > 10
    assert [each for check in checks for each in check.disagreements] == []


PART = {"num_chars": 100, "sha256": "0" * 64, "scored_chars": None}
METRICS = {
    **dict.fromkeys(("real_word_rate", "distinct_1", "distinct_2", "repetition_4", "self_bleu"), 0.5),
    **dict.fromkeys(("novel_4gram_rate", "longest_verbatim_span", "compression_ratio"), 0.5),
    **dict.fromkeys(("num_words", "mean_word_length"), 4.5),
}


def old_result() -> dict[str, Any]:
    """What recorded results of several kinds had in schema version 1."""
    machine = {"processor": "Xeon", "num_cores": 2, "num_threads": 2, "gpu": None, "system": "Linux"}
    corpus = {"name": "lee", "cleaner": "prose", "num_chars": 300, "sha256": "0" * 64}
    corpus |= {"split": {name: dict(PART) for name in ("train", "validation", "test")}}
    return {
        "schema_version": 1,
        "corpus": corpus,
        "held_out": {"sample_metrics": METRICS},
        "budget": "5s",
        "device": "cpu",
        "precision": "fp32",
        "versions": {"torch": "2.9"},
        "machine": machine,
        "interval_method": "95 %, of some kind",
    }


def old_suite() -> dict[str, Any]:
    case = {"label": "small", "entry": "char-lstm", "clean": "prose", "train_share": 100.0}
    case |= {"max_chars": None, "budget": "5s", "samplers": ["greedy"], "num_seeds": 3}
    case |= {"bits_per_char": {"value": 2.0, "interval": [1.9, 2.1]}, "real_word_rate": None}
    case |= {"num_parameters": 10, "train_seconds": 5.0, "num_epochs": 1.0, "chars_per_second": 9.0}
    case |= {"embedding": None, "text": "Once."}
    case |= {"writing": {"greedy": {"metrics": METRICS, "temperature": None, "entropy_per_char": 1.5}}}
    changes = {"clear": (0.2, [0.1, 0.3]), "unclear": (-0.1, [-0.21, 0.01]), "unknown": (0.3, None)}
    effects = [
        {
            "case": label,
            "reference": "small",
            "paired": True,
            "bits_per_char": {"value": value, "interval": interval},
            "real_word_rate": None,
        }
        for label, (value, interval) in changes.items()
    ]
    letters = {**case, "label": "letters", "clean": "letters"}
    question = {"name": "size", "text": "Which?", "cumulative": False, "effects": effects}
    question |= {"cases": [case, letters]}
    rest = {"suite": "Old", "num_seeds": 3, "num_jobs": 1, "questions": [question], "failures": {}}
    return old_result() | rest


def test_an_old_suite_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "suite.json"
    path.write_text(migrated(old_suite()), "utf-8")
    result = read_record(SuiteResult, path)
    split = result.corpus.split
    assert (split.method, split.test.stretch_chars) == ("contiguous:90/5/5", (100,))
    assert split.train.stretch_chars == ()
    (question,) = result.questions
    assert [case.scored_text for case in question.cases] == ["0" * 64, ""]
    changes = [effect.bits_per_char for effect in question.effects]
    assert [change is not None and change.is_clear for change in changes] == [True, False, False]
    assert "95 %, of some kind; p-values" in to_markdown(result)
    assert "Holm" not in to_markdown(result)


@pytest.mark.parametrize("value", [0.2, -0.2])
@pytest.mark.parametrize("width", [0.1, 0.199, 0.201, 0.4])
def test_a_derived_p_value_agrees_with_its_interval(value: float, width: float) -> None:
    found = p_value(value, [value - width, value + width])
    assert (found < 0.05) == (width < abs(value))
    assert p_value(0.0, [0.0, 0.0]) == 1
    assert p_value(value, [value, value]) == 0


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_result_has_a_report(path: Path) -> None:
    values = json.loads(path.read_text("utf-8"))
    if "entries" in values:
        assert report_of(read_record(Comparison, path)).startswith("# Comparison on ")
    elif "questions" in values:
        assert to_markdown(read_record(SuiteResult, path)).startswith("# ")


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
                known, required = map(set, fields(published)[kind.__name__])
                assert required <= set(values) <= known  # older ones lack fields that have a default
