"""The process that holds the runs: one thing at a time, a few tokens of each continuation in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from textgen.contracts import TextgenError
from textgen.library.runs import Run, load
from textgen.registry.single_file import load_with_configured
from textgen.runtime.storage.json_records import to_values
from textgen_play import live
from textgen_play.live import TextOfRun, WrittenToken

R = TypeVar("R")

TURN_SECONDS = 0.005
"""How long one continuation is written before the next one has its turn."""
MAX_SNAPSHOTS = 8
"""Snapshots in memory, besides those that something is written with."""
_runs: list[Run] = []  # of this process
_open: dict[str, Iterator[WrittenToken]] = {}
_texts: dict[tuple[str, str, str], TextOfRun] = {}


def load_runs(folders: Sequence[Path], plugin_files: Sequence[Path], device: str) -> None:
    """Load all runs; the first thing that the process does."""
    load_with_configured(plugin_files)
    _runs[:] = [load(folder, device=device) for folder in folders]


def call(asked: tuple[Callable[..., R], tuple[Any, ...]]) -> R:
    """Return what a function of this module returns for its arguments."""
    function, arguments = asked
    return function(*arguments)


def describe_runs() -> list[dict[str, Any]]:
    """Return what the page says about each run."""
    return [
        {
            "entry": run.entry,
            "seed": run.settings.seed,
            "text": run.settings.corpus.name,
            "text_id": run.settings.corpus.sha256,
            "spells": bool(run.saved.tokenizer.vocabulary.fallback.any()),
            "bits": None if (score := run.result.test) is None else score.bits_per_char,
            "reads_on": run.result.reads_on,
            "updates": run.result.train.num_updates,
            "timeline": _timeline(run),
        }
        for run in _runs
    ]


def _timeline(run: Run) -> list[tuple[int, float | None]]:
    """Return updates and validation bits of each snapshot, then of the run itself; nothing without any."""
    train, points = run.result.train, run.snapshots
    best = [point for point in train.curve if points and point.num_updates == train.best_update]
    return [(point.num_updates, point.validation_bits_per_char) for point in (*points, *best)]


def read(index: int, text: str, after: int | None = None) -> dict[str, Any]:
    """Return how a run, perhaps with the weights after some updates, predicts a text."""
    values: dict[str, Any] = to_values(live.read(_run(index, after), text))
    return values


def begin(
    name: str, index: int, prompt: str, settings: dict[str, Any], after: int | None = None
) -> float | None:
    """Open a continuation, known by a name, with the settings of `live.write`; return its temperature."""
    writing = live.write(_run(index, after), prompt, **settings)
    _open[name] = writing.tokens
    return writing.temperature


def advance(name: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the next tokens of a continuation, and whether it has ended."""
    tokens, end = list[dict[str, Any]](), time.monotonic() + TURN_SECONDS
    if name not in _open:  # it was begun by a process that has died
        raise TextgenError("the continuation was lost; write again")
    for token in _open[name]:
        tokens.append(to_values(token))
        if time.monotonic() > end:
            return tokens, False
    end_of(name)
    return tokens, True


def end_of(name: str) -> None:
    """Forget a continuation."""
    _open.pop(name, None)


def _run(index: int, after: int | None = None) -> Run:
    if index >= len(_runs):
        raise TextgenError(f"entry {index} does not exist; the page has {len(_runs)} entries")
    return _runs[index] if after is None else _snapshot(index, after)


@lru_cache(MAX_SNAPSHOTS)
def _snapshot(index: int, after: int) -> Run:
    """Return a run with the weights after some updates: a model of its own, so that no other one changes."""
    run = _run(index)
    return load(run.folder, device=str(run.config.device), after=after)


def marks(index: int, written: str) -> dict[str, Any]:
    """Return what is conspicuous in a text that a run has written."""
    values: dict[str, Any] = to_values(_text_of(index).marks(written))
    return values


def passages() -> list[dict[str, str]]:
    """Return passages of the held-out text, if that is the same for all runs."""
    if len({_key(run) for run in _runs}) > 1:
        raise TextgenError("these runs were trained on different texts, so none is held out for all")
    return [{"before": before, "text": text} for before, text in _text_of(0).passages()]


def _text_of(index: int) -> TextOfRun:
    """Return the text of a run, which those of one comparison share."""
    run = _run(index)
    if _key(run) not in _texts:
        _texts[_key(run)] = TextOfRun(run)
    return _texts[_key(run)]


def _key(run: Run) -> tuple[str, str, str]:
    corpus = run.settings.corpus
    return corpus.sha256, corpus.split.method, corpus.split.train.sha256
