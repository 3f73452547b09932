"""Scores from a log of lm-eval, with intervals over documents."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit
from scipy.stats import binomtest

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import Contrast, Interval, MeasuredValue, measured_ratio, rate_interval
from textgen.evaluation.token_bits import LOG2
from textgen.runtime.messages import one_line, reason_of
from textgen.runtime.storage.files import MAX_JSON_BYTES, open_plain, parse_json

MAX_BYTES = 2**30
"""Size of a file of samples, at most."""
MAX_METRICS = 1000
"""The most metrics in a file of samples."""
LARGEST = 1e100
"""The largest number of a document, so that squares and sums are numbers."""
BITS, CHAR_BITS = "bits_per_byte", "bits_per_char"
"""The metric whose samples have the log-likelihood of a document in nats, and its bytes; ours beside it."""
IDENTITY = ("doc_id", "doc_hash", "prompt_hash", "target_hash")
"""What a log says of a document: its number, and hashes of what was asked and answered."""


@dataclass(frozen=True)
class ImportedScore:
    """A metric of a task, on all its documents."""

    log: str
    file: str
    """The file of samples; in a folder, its path there, which names the model and the time."""
    task: str
    metric: str
    """As lm-eval calls it, and `bits_per_char` beside its `bits_per_byte`."""
    value: float
    interval: Interval | None
    """95 % on other documents of this kind, with this model."""
    num_documents: int


@dataclass(frozen=True, eq=False)
class LoggedMetric:
    """A metric of a task in a file of samples, by document in the order of the file."""

    log: str
    file: str
    task: str
    metric: str
    documents: tuple[tuple[str, ...], ...]
    """The `IDENTITY` of each; empty where the log does not say it."""
    units: NDArray[np.float64]
    """[2, documents]: amounts and sizes, which are bits and bytes, or values and 1."""

    @property
    def is_mean(self) -> bool:
        """True for a mean of values, False for a ratio of sums."""
        return bool((self.units[1] == 1).all())

    def in_order(self) -> LoggedMetric:
        """Return it with the documents in the order of their numbers."""
        numbers = [number for number, *_ in self.documents]
        order = sorted(range(len(numbers)), key=lambda place: (len(numbers[place]), numbers[place]))
        documents = tuple(self.documents[place] for place in order)
        return replace(self, documents=documents, units=self.units[:, order])

    def measured(self) -> MeasuredValue:
        """Return the score, and what each document contributes to it."""
        return measured_ratio(self.units[:1], self.units[1:], self.task, (0,), None)

    def score(self) -> ImportedScore:
        """Return the score with its interval."""
        measured, amounts = self.measured(), self.units[0]
        found = over_documents(measured.value, measured.pseudovalues[0])
        interval = found.interval
        if self.is_mean and np.isin(amounts, (0, 1)).all():
            ends = binomtest(int(amounts.sum()), len(amounts)).proportion_ci(0.95, "wilson")
            interval = float(ends.low), float(ends.high)  # which have a width where all are equal
        elif self.is_mean and ((amounts >= 0) & (amounts <= 1)).all():
            interval = rate_interval(found)
        return ImportedScore(
            self.log, self.file, self.task, self.metric, found.value, interval, len(self.documents)
        )


def over_documents(value: float, shares: NDArray[np.float64]) -> Contrast:
    """Return a value with its interval by Student's t, from what each document contributes to it.

    Unlike the passages of a text, documents may be sorted, as by subject, so that differences of neighbours
    would tell too little. The interval is None if floats cannot tell it, since sizes are so different.
    """
    number = len(shares)
    if number < 2 or not np.isfinite(shares).all():
        return Contrast(value, None, 1.0)
    error = float(shares.std(ddof=1)) / math.sqrt(number)
    if error == 0:
        return Contrast(value, (value, value), float(value == 0))
    reach = float(stdtrit(number - 1, 0.975)) * error
    return Contrast(value, (value - reach, value + reach), 2 * float(stdtr(number - 1, -abs(value) / error)))


def read_log(log: str | Path) -> list[LoggedMetric]:
    """Return the metrics in `samples_TASK_TIME.jsonl`, or in all such files of a folder.

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
    found = [each for file in files for each in _metrics(file, str(path), str(file.relative_to(folder)))]
    if not found:
        raise TextgenError(f"{str(path)!r} has no metric with a number for each document")
    return found


def _metrics(file: Path, log: str, place: str) -> Iterator[LoggedMetric]:
    """Yield the metrics in one file; each filter of a task's answers has its own."""
    units: dict[str, list[tuple[float, float]]] = defaultdict(list)
    documents: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    number = 0
    try:
        with open_plain(file, MAX_BYTES) as lines:
            for line in iter(lambda: lines.readline(MAX_JSON_BYTES), b""):
                number += 1
                sample = parse_json(line, constant=float)
                for metric, unit in _units(sample):
                    units[metric].append(unit)
                    documents[metric].append(tuple(str(sample.get(name, "")) for name in IDENTITY))
                if len(units) > MAX_METRICS:
                    raise ValueError(f"more than {MAX_METRICS} metrics")
    except OSError as error:
        raise TextgenError(f"cannot read {str(file)!r}: {reason_of(error)}") from None
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        reason = one_line(error, with_type=True)
        raise TextgenError(
            f"{str(file)!r} is not a file of lm-eval's samples, or damaged (line {number}: {reason})"
        ) from None
    task = file.stem.removeprefix("samples_").rpartition("_")[0] or file.stem
    for metric, found in units.items():
        yield LoggedMetric(log, place, task, metric, tuple(documents[metric]), np.array(found).T)


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
                yield CHAR_BITS, (bits, float(len(text)))
        elif isinstance(value, (int, float)) and math.isfinite(value) and metric != "perplexity":
            if abs(value) > LARGEST:
                raise ValueError(f"document {sample.get('doc_id')} has {value:g} for {metric}")
            yield name, (float(value), 1.0)  # a perplexity's are logarithms
