"""Logs of lm-eval against each other: paired differences, document by document, and their report."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from string import ascii_uppercase
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import Contrast, holm
from textgen.reports.document import DASH, Lines, Note, Report, Section, lines, text_table
from textgen.reports.formats import listed
from textgen.runtime.messages import UsageError
from textgen_tools.lm_eval_log import (
    CHAR_BITS,
    IDENTITY,
    ImportedScore,
    LoggedMetric,
    over_documents,
    read_log,
)

MAX_NAMED = 5
"""The most metrics of a log that a line names."""
MAX_LOGS = len(ascii_uppercase)
"""The most logs that are compared, each named by a letter."""
DEFINITION = (
    "95 % intervals over documents, which are paired in differences: Student's t; for values of 0 or 1 "
    "Wilson's, and for their differences Bonett and Price (2012). p is adjusted for all differences here "
    "(Holm 1979); below 0.05 one is clear. Whether more is better depends on the metric."
)


@dataclass(frozen=True, kw_only=True)
class LogDifference(Contrast):
    """How much a metric of log `b` is above that of `a`, the first one, on the same documents.

    The p-value is adjusted for all differences by the method of Holm (1979).
    """

    a: str
    b: str
    task: str
    metric: str
    num_documents: int


@dataclass(frozen=True)
class Lacking:
    """A metric that a log lacks and the one that it is compared with has."""

    log: str
    task: str
    metric: str

    def __str__(self) -> str:
        """Return what is lacking."""
        return f"{self.metric} of {self.task!r}"


@dataclass(frozen=True)
class ImportedLogs:
    """The scores in logs of lm-eval, and the differences of what the others share with the first log."""

    scores: tuple[ImportedScore, ...]
    differences: tuple[LogDifference, ...]
    """Empty with a single log; without bits per character, which are bits per byte times a constant."""
    not_compared: tuple[Lacking, ...] = ()
    unhashed: tuple[str, ...] = ()
    """Logs without some hashes, whose documents are compared by number, size and the others."""


def import_logs(logs: Sequence[str | Path]) -> ImportedLogs:
    """Return the scores in logs, and their differences from the first.

    Raises `TextgenError` if a log has no scores or a task twice, or if two share no metric or differ in the
    documents of one.
    """
    if not 1 <= len(logs) <= MAX_LOGS:
        raise UsageError(f"give 1 to {MAX_LOGS} logs, not {len(logs)}")
    if len({Path(log) for log in logs}) < len(logs):
        raise UsageError("a log is named twice; name each once")
    read = [read_log(log) for log in logs]
    scores = tuple(each.score() for log in read for each in log)
    if len(read) == 1:
        return ImportedLogs(scores, ())
    first, *others = map(_by_name, read)
    found = [each for other in others for each in _differences(first, other)]
    p_values = holm([each.p_value for each in found])
    lacking = [each for other in others for pair in permutations((first, other)) for each in _lacking(*pair)]
    return ImportedLogs(
        scores,
        tuple(replace(each, p_value=p_value) for each, p_value in zip(found, p_values, strict=True)),
        tuple(dict.fromkeys(lacking)),
        tuple(log[0].log for log in read if any("" in one for each in log for one in each.documents)),
    )


Metrics: TypeAlias = dict[tuple[str, str], LoggedMetric]
"""Those of a log by task and name."""


def _lacking(log: Metrics, other: Metrics) -> list[Lacking]:
    """Return what a log lacks of another one."""
    name = next(iter(log.values())).log
    return [Lacking(name, *each) for each in other if each not in log and each[1] != CHAR_BITS]


def _named(metrics: Sequence[Lacking]) -> str:
    """Return the names of metrics, or of the first."""
    rest = [f"{len(metrics) - MAX_NAMED} more"] if len(metrics) > MAX_NAMED else []
    return listed([*map(str, metrics[:MAX_NAMED]), *rest] or [CHAR_BITS])


def paired_rates(new: NDArray[np.float64], old: NDArray[np.float64]) -> Contrast:
    """Return how much more often `new` is 1 than `old`, of values of 0 or 1 on the same documents.

    The interval is that of Wald with a document more of each kind on which the two disagree, so that it has a
    width where they agree on all. Sources: Bonett and Price 2012, doi:10.3102/1076998611411915; recommended
    by Fagerland, Lydersen and Laake 2014, doi:10.1002/sim.6148.
    """
    number = len(new) + 2
    gained, lost = (int((one > other).sum()) + 1 for one, other in ((new, old), (old, new)))
    centre = (gained - lost) / number
    error = math.sqrt(((gained + lost) / number - centre**2) / number)
    reach = float(ndtri(0.975)) * error
    interval = max(centre - reach, -1.0), min(centre + reach, 1.0)
    return Contrast(float((new - old).mean()), interval, 2 * float(ndtr(-abs(centre) / error)))


def _by_name(log: Sequence[LoggedMetric]) -> Metrics:
    """Return the metrics of a log by task and name."""
    found = {(each.task, each.metric): each for each in log}
    for each in log:
        if (other := found[each.task, each.metric]) is not each:
            raise TextgenError(
                f"{each.log!r} has {each.metric} of {each.task!r} in {each.file!r} and {other.file!r}; "
                "name one of these files, or a folder with one"
            )
    return found


def _differences(first: Metrics, other: Metrics) -> Iterator[LogDifference]:
    """Yield the differences in the metrics that two logs share."""
    shared = [name for name in first if name in other and name[1] != CHAR_BITS]
    if not shared:
        has, lacks = _lacking(other, first), _lacking(first, other)
        having = f"the first has {_named(has)}, the second {_named(lacks)}"
        names = (next(iter(log.values())).log for log in (first, other))
        raise TextgenError("{!r} and {!r} share no metric of a task: {}".format(*names, having))
    for name in shared:
        old, new = _paired(first[name], other[name])
        if old.is_mean and np.isin([old.units[0], new.units[0]], (0, 1)).all():
            found = paired_rates(new.units[0], old.units[0])
        else:
            sides = [each.measured() for each in (new, old)]
            shares = sides[0].pseudovalues[0] - sides[1].pseudovalues[0]
            found = over_documents(sides[0].value - sides[1].value, shares)
        yield LogDifference(
            found.value,
            found.interval,
            found.p_value,
            a=old.log,
            b=new.log,
            task=old.task,
            metric=old.metric,
            num_documents=len(old.documents),
        )


def _paired(first: LoggedMetric, other: LoggedMetric) -> tuple[LoggedMetric, LoggedMetric]:
    """Return a metric of two logs, whose documents are the same, in the order of their numbers.

    Raises `TextgenError` with the first document that only one has, or that differs.
    """
    what = f"of {first.task!r}, {first.metric}"
    numbers = {each: dict.fromkeys(number for number, *_ in each.documents) for each in (first, other)}
    for each, own in numbers.items():
        if len(own) < len(each.documents):
            ((number, _),) = Counter(number for number, *_ in each.documents).most_common(1)
            problem = f"document {number} twice" if number else "documents without a doc_id"
            raise TextgenError(f"{each.log!r} has {problem} {what}, which cannot be paired")
    for (one, own), (two, having) in permutations(numbers.items()):
        if lacking := [number for number in own if number not in having]:
            raise TextgenError(
                f"{two.log!r} lacks document {lacking[0]} {what}, which {one.log!r} has "
                f"({len(having):,} and {len(own):,} documents); run lm-eval on the same ones"
            )
    old, new = first.in_order(), other.in_order()
    sizes = zip(old.units[1], new.units[1], strict=True)
    for *documents, size in zip(old.documents, new.documents, sizes, strict=True):
        said = {**dict(zip(IDENTITY, zip(*documents, strict=True), strict=True)), "size": size}
        if names := [name for name, (one, two) in said.items() if one != two and "" not in (one, two)]:
            raise TextgenError(
                f"document {documents[0][0]} {what}, differs in {listed(names)} between {first.log!r} and "
                f"{other.log!r}; run lm-eval on the same documents with the same prompts"
            )
    return old, new


def logs_report(result: ImportedLogs) -> Report:
    """Return how many differences are clear, the differences and the scores."""
    logs = dict.fromkeys(each.log for each in result.scores)
    letters = dict(zip(logs, ascii_uppercase, strict=False))
    pairs = [f"{letters[each.b]} \N{MINUS SIGN} {letters[each.a]}" for each in result.differences]
    differences = [
        [*_told(each, pair, "+.4g"), f"{each.p_value:.2g}", f"{each.num_documents:,}"]
        for each, pair in zip(result.differences, pairs, strict=True)
    ]
    scores = [[*_told(each, letters[each.log], ".4g"), f"{each.num_documents:,}"] for each in result.scores]
    columns = ["task", "metric", "log", "value", "95 % interval"]
    tables = [
        text_table("Differences", [*columns, "p", "documents"], differences, lefts=range(3)),
        text_table("Scores", [*columns, "documents"], scores, lefts=range(3)),
    ]
    notes = [Note(letter, [log]) for log, letter in letters.items()]
    remarks = []
    for log, letter in letters.items():
        if lacking := [each for each in result.not_compared if each.log == log]:
            remarks.append(f"Not compared, since {letter} lacks it: {_named(lacking)}.")
        if log in result.unhashed:
            remarks.append(f"{letter} lacks hashes: documents or prompts that differ may go unnoticed.")
    return Report(
        kind="logs",
        result=result,
        title="",
        answer=_answer(result, letters),
        definition=DEFINITION,
        sections=[
            Section("logs", "", [Lines(notes, is_list=True), lines(remarks)]),
            *(Section(table.title.lower(), table.title, [table]) for table in tables),
        ],
    )


def _told(found: ImportedScore | LogDifference, log: str, form: str) -> list[str]:
    interval = found.interval
    ends = DASH if interval is None else "{:.4g} to {:.4g}".format(*interval)
    return [found.task, found.metric, log, format(found.value, form), ends]


def _answer(result: ImportedLogs, letters: Mapping[str, str]) -> str:
    said = []
    for log, letter in list(letters.items())[1:]:
        own = [each for each in result.differences if each.b == log]
        said.append(f"{letter} {sum(each.is_clear for each in own)} of {len(own)}")
    return f"Clear differences from A: {', '.join(said)}."
