"""Migration of results/*.json to the current schema: `python -m textgen_benchmarks.migrate`.

The results were recorded before results had a schema version. Names change, values do not: an interval is the
one that was computed, with its kind. Files that are current are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textgen.comparison.results import Comparison
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.runtime.files import write_file
from textgen.runtime.json_records import SCHEMA_VERSION, from_values, to_json
from textgen.suite.results import SuiteResult
from textgen.tune.results import StudyResult

RESULTS = Path(__file__).parents[1] / "results"

KEYS = {
    "accounting": "score_checks",
    "bits_by_cause": "bits_by_category",
    "bits_per_char_unknown_free": "bits_per_char_without_oov",
    "factors": "questions",
    "invented_words": "made_up_words",
    "longest_copy_chars": "longest_verbatim_span",
    "max_probability_error": "max_normalization_error",
    "measures": "value_name",
    "new_4gram_rate": "novel_4gram_rate",
    "question": "text",
    "spelled_words": "oov_words",
    "unknown_word_rate": "oov_rate",
    "clip_norm": "max_grad_norm",
    "final_learning_rate": "min_lr_factor",
    "warmup": "warmup_fraction",
}
"""Old names of fields and options, and new ones."""

VALUES = {
    "+ unwrap (all of `clean`)": "+ unwrap (all of `prose`)",
    "as it is": "raw",
    "letters only (`seed`)": "letters only (`letters`)",
    "seed": "original",
    "seed, 5 epochs": "original, 5 epochs",
}
"""Old names of cases, components and cleaners, where a string is nothing else."""

PERCENTILES = "95 %, percentile bootstrap over segments of the text, seeds averaged"
"""The kind of interval that comparisons had."""


def main() -> None:
    """Migrate every result that lacks a schema version."""
    for path in sorted(RESULTS.glob("*.json")):
        values = json.loads(path.read_text("utf-8"))
        if "schema_version" not in values:
            write_file(path, migrated(values))
            print(f"{path.name}: schema version {SCHEMA_VERSION}")


def migrated(values: dict[str, Any]) -> str:
    """Return an old result as JSON of the current schema."""
    renamed: dict[str, Any] = rename(values)
    for key, kind, change in KINDS:
        if key in renamed:
            change(renamed)
            return to_json(from_values(kind, renamed))
    return to_json({"schema_version": SCHEMA_VERSION, **renamed})


def rename(value: Any) -> Any:
    """Return JSON values with the current names of fields, options, components and cleaners."""
    if isinstance(value, dict):
        return {KEYS.get(key, key): _field(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [rename(each) for each in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"^clean(?=$|:)", "prose", VALUES.get(value, value))
    value = re.sub(r"^seed(?=:)", "original", value)
    options = "|".join(map(re.escape, KEYS))
    return re.sub(rf"(?<=[:,])({options})(?==)", lambda match: KEYS[match[1]], value)


def _field(key: str, value: Any) -> Any:
    """Return the value of a field; a cleaner was called `seed` too, and took another name."""
    return "letters" if key in ("clean", "cleaner") and value == "seed" else rename(value)


def _comparison(values: dict[str, Any]) -> None:
    """Add what comparisons did not have: their kind of interval, and scores over all seeds."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for entry in values["entries"]:
        score = entry.get(values["scored_on"])
        if score is not None:
            rows.setdefault(entry["name"], []).append(score)
    scores = [
        {
            "name": name,
            "bits_per_char": _mean([score["bits_per_char"] for score in own]),
            "interval": [
                _mean(list(ends)) for ends in zip(*(score["interval"] for score in own), strict=True)
            ],
        }
        for name, own in rows.items()
    ]
    values["scores"] = sorted(scores, key=lambda score: score["bits_per_char"])
    values["interval_method"] = PERCENTILES


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _suite(values: dict[str, Any]) -> None:
    """Give the metrics of what a sampler wrote a place of their own, and complete missing ones."""
    values["interval_method"] = INTERVAL_METHOD
    names = list(values["held_out"]["sample_metrics"])
    for question in values["questions"]:
        for case in question["cases"]:
            for spec, writing in case["writing"].items():
                case["writing"][spec] = {
                    "metrics": {name: writing.get(name) for name in names},
                    "temperature": writing["temperature"],
                    "entropy_per_char": writing["entropy_per_char"],
                }


def _study(values: dict[str, Any]) -> None:
    """Move what was searched out of the settings, and the parts of the entry into them."""
    settings = values["settings"]
    values["search"] = [{"num": len(option.get("values", ())), **option} for option in settings.pop("search")]
    settings |= settings.pop("entry")


KINDS: tuple[tuple[str, type, Callable[[dict[str, Any]], None]], ...] = (
    ("entries", Comparison, _comparison),
    ("questions", SuiteResult, _suite),
    ("trials", StudyResult, _study),
)
"""A field that only one kind of result has, the kind, and what else changes in it."""

if __name__ == "__main__":
    main()
