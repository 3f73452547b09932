"""Migration of results/*.json from schema version 1 to 2: `python -m textgen_benchmarks.migrate`.

Values do not change: texts were cut once, scores are those of one passage, and an interval is the one that
was computed then, with its kind. What was not recorded stays empty. A p-value is derived from its interval
by the normal distribution, so that it is below 0.05 where the interval excludes zero; it is not adjusted for
the number of comparisons. Files that are current are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

from textgen.comparison.comparison_result import Comparison
from textgen.data.corpus import TextSources
from textgen.evaluation.baselines import DESCRIPTIONS
from textgen.experiment.experiment import LOSES_TEXT
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, from_values, to_json, to_values
from textgen.suite.suite_result import SuiteResult
from textgen.tune.study_result import StudyResult

RESULTS = Path(__file__).parents[1] / "results"

METHOD = "contiguous:90/5/5"
"""The split of all recorded results, each part of which is one stretch."""

P_VALUES = "; p-values derived from the intervals by the normal distribution, not adjusted"
"""What is added to the kind of interval."""

NORMAL = NormalDist()
REACH = NORMAL.inv_cdf(0.975)


def main() -> None:
    """Migrate every result of schema version 1."""
    for path in sorted(RESULTS.glob("*.json")):
        values = json.loads(path.read_text("utf-8"))
        if values["schema_version"] < SCHEMA_VERSION:
            write_file(path, migrated(values))
            print(f"{path.name}: schema version {SCHEMA_VERSION}")


def migrated(values: dict[str, Any]) -> str:
    """Return a result of schema version 1 as JSON of the current one."""
    values = {**values, "schema_version": SCHEMA_VERSION}
    for key, kind, change in KINDS:
        if key in values:
            change(values)
            return to_json(from_values(kind, values))
    return to_json(values)


def _comparison(values: dict[str, Any]) -> None:
    _text(values)
    rows = [row for row in values["entries"] if row["error"] is None]
    for row in rows:
        _run(row)
    for score in values["scores"]:
        score["num_seeds"] = sum(row["name"] == score["name"] for row in rows)
    for difference in values["differences"]:
        difference["p_value"] = p_value(difference["bits_per_char"], difference["interval"])
    is_clear = [each["p_value"] < 0.05 for each in values["differences"]]
    values["scores"][0]["is_best"] = bool(is_clear) and all(is_clear)
    for reference in values["references"]:
        description = DESCRIPTIONS.get(reference["name"], "a compressor after the training text")
        reference |= {"description": description, "interval": None, "units": None}
        reference["reads_on"] = reference["name"] != "uniform"
    samplers = [sample["sampler"] for row in rows for sample in row["samples"]]
    values |= {"measured_sampler": samplers[0] if samplers else "", "metrics": []}


def _run(row: dict[str, Any]) -> None:
    """Give a run what it lacks; whether it may be compared is now the reason why not."""
    row["problem"] = None if row.pop("comparable") else LOSES_TEXT
    vectors = row["embedding"]["seconds"] if row["embedding"] else 0.0
    row["preparation"] = {"tokenizer_seconds": None, "vectors_seconds": vectors}


def _suite(values: dict[str, Any]) -> None:
    _text(values)
    corpus = values["corpus"]
    for question in values["questions"]:
        for case in question["cases"]:
            is_same = case["clean"] == corpus["cleaner"] and case["max_chars"] is None
            case |= {"scored_text": corpus["split"]["test"]["sha256"] if is_same else "", "runs": []}
        for effect in question["effects"]:
            for change in filter(None, (effect["bits_per_char"], effect["real_word_rate"])):
                change["p_value"] = p_value(change["value"], change["interval"])


def _text(values: dict[str, Any]) -> None:
    """Give a result what it lacks about its text, and its kind of interval how p-values were found."""
    _corpus(values["corpus"])
    values["interval_method"] += P_VALUES
    values["held_out"]["pseudovalues"] = {}
    values |= {"command": None, "sources": to_values(TextSources()), "seed_priors": {}}


def _corpus(corpus: dict[str, Any]) -> None:
    """Name the split of a text, and say that each part that is scored is one stretch."""
    for name, part in corpus["split"].items():
        num_chars = part.pop("scored_chars") or part["num_chars"]
        part["stretch_chars"] = [num_chars] if name != "train" and num_chars else []
    corpus["split"]["method"] = METHOD


def _study(values: dict[str, Any]) -> None:
    _corpus(values["settings"]["corpus"])


def p_value(value: float, interval: list[float] | None) -> float:
    """Return the two-sided p-value for zero of a value whose 95 % interval is known, as if it were normal.

    The end of the interval that is nearer to zero counts.
    """
    if interval is None or value == 0:
        return 1.0
    reach = abs(value - interval[0 if value > 0 else 1])
    return 2 * NORMAL.cdf(-REACH * abs(value) / reach) if reach else 0.0


KINDS: tuple[tuple[str, type, Callable[[dict[str, Any]], None]], ...] = (
    ("entries", Comparison, _comparison),
    ("questions", SuiteResult, _suite),
    ("trials", StudyResult, _study),
)
"""A field that only one kind of result has, the kind, and what changes in it."""

if __name__ == "__main__":
    main()
