"""Scores from a log of lm-eval, with our intervals: their units are documents, as ours are passages."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import estimate, measured_ratio, rate_interval
from textgen.evaluation.token_bits import LOG2
from textgen.runtime.messages import one_line, reason_of
from textgen.runtime.storage.files import MAX_JSON_BYTES, open_plain, parse_json

MAX_BYTES = 2**30
"""Size of a file of samples, at most."""
MAX_METRICS = 1000
"""The most metrics in a file of samples."""
LARGEST = 1e100
"""The largest number of a document, so that squares and sums are numbers."""
BITS = "bits_per_byte"
"""The metric whose samples have the log-likelihood of a document in nats, and its bytes."""


@dataclass(frozen=True)
class ImportedScore:
    """A metric of a task, on all its documents."""

    file: str
    """The file of samples; in a folder, its path there, which names the model and the time."""
    task: str
    metric: str
    """As lm-eval calls it, and `bits_per_char` beside its `bits_per_byte`."""
    value: float
    interval: tuple[float, float] | None
    """95 % on other documents of this kind, with this model."""
    num_documents: int


def read_scores(log: str | Path) -> list[ImportedScore]:
    """Return the scores in `samples_TASK_TIME.jsonl`, or in all such files of a folder.

    They are bits per byte and, where the text is logged too, per character; of other metrics those that have
    a number for each document, whose mean is the score.

    Raises `TextgenError` if there are none, which lm-eval writes with `--log_samples`, or one is damaged.
    """
    path = Path(log)
    files = sorted(path.rglob("samples_*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise TextgenError(
            f"no samples_*.jsonl in {str(path)!r}; run lm-eval with --log_samples and --output_path"
        )
    folder = path if path.is_dir() else path.parent
    scores = [score for file in files for score in _scores(file, str(file.relative_to(folder)))]
    if not scores:
        raise TextgenError(f"{str(path)!r} has no metric with a number for each document")
    return scores


def _scores(file: Path, place: str) -> Iterator[ImportedScore]:
    """Yield the scores in one file; each filter of a task's answers has its own."""
    units: dict[str, list[tuple[float, float]]] = defaultdict(list)
    try:
        with open_plain(file, MAX_BYTES) as lines:
            for line in iter(lambda: lines.readline(MAX_JSON_BYTES), b""):
                for metric, unit in _units(parse_json(line, constant=float)):
                    units[metric].append(unit)
                if len(units) > MAX_METRICS:
                    raise ValueError(f"more than {MAX_METRICS} metrics")
    except OSError as error:
        raise TextgenError(f"cannot read {str(file)!r}: {reason_of(error)}") from None
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        reason = one_line(error, with_type=True)
        raise TextgenError(
            f"{str(file)!r} is not a file of lm-eval's samples, or damaged ({reason})"
        ) from None
    task = file.stem.removeprefix("samples_").rpartition("_")[0] or file.stem
    for metric, found in units.items():
        table = np.array(found)
        amounts, sizes = table[None, :, 0], table[None, :, 1]
        measured = estimate(measured_ratio(amounts, sizes, task, (0,), None))
        is_rate = bool((sizes == 1).all() and ((amounts >= 0) & (amounts <= 1)).all())
        interval = rate_interval(measured) if is_rate else measured.interval
        if interval and not np.isfinite(interval).all():  # sizes so different that floats cannot tell
            interval = None
        yield ImportedScore(place, task, metric, measured.value, interval, len(found))


def _units(sample: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield an amount and a size of each metric of a document: bits and bytes, or a value and 1."""
    chosen = sample.get("filter", "none")
    for metric in sample["metrics"]:
        value = sample[metric]
        name = metric if chosen == "none" else f"{metric} ({chosen})"
        if metric == BITS:
            nats, size = map(float, value)
            bits = -nats / LOG2
            if not (abs(bits) <= LARGEST and 1 <= size <= LARGEST):
                raise ValueError(f"document {sample.get('doc_id')} has {nats} nats on {size} bytes")
            yield name, (bits, size)
            if isinstance(text := sample.get("target"), str) and len(text.encode("utf-8")) == size:
                yield "bits_per_char", (bits, float(len(text)))
        elif isinstance(value, (int, float)) and math.isfinite(value) and metric != "perplexity":
            if abs(value) > LARGEST:
                raise ValueError(f"document {sample.get('doc_id')} has {value:g} for {metric}")
            yield name, (float(value), 1.0)  # a perplexity's are logarithms
