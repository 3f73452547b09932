"""What is written up to an end, such as that of the line: one name, title or verse of many."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from textgen.contracts import TextgenWarning
from textgen.data.corpus import load_again
from textgen.data.labels import without_signs
from textgen.defaults import SAMPLER
from textgen.experiment.entry_result import Sample
from textgen.library.runs import Run
from textgen.runtime.messages import UsageError

ENDS = {
    "line": re.compile(r"(?=\n)"),
    "sentence": re.compile(r"[.!?\u2026\u3002][\"'\u201d\u2019)\]]*(?=\s|$)|(?=\n\s*\n)"),
    "paragraph": re.compile(r"(?=\n\s*\n)"),
}
"""The end of the first item of a text that has begun."""
TRIES = 20
"""How many texts are written at most for each item that is asked for."""


def first_item(text: str, until: str) -> str | None:
    """Return a text up to its first end, without space around it; None if it has none, or nothing before."""
    end = ENDS[until].search(text, len(text) - len(text.lstrip()))
    return (text[: end.end()].strip() or None) if end else None


def all_items(text: str, until: str) -> set[str]:
    """Return all items of a text."""
    places = [0, *(match.end() for match in ENDS[until].finditer(text)), len(text)]
    return {text[begin:end].strip() for begin, end in pairwise(places)}


def written_items(
    run: Run,
    number: int,
    prompt: str,
    until: str,
    *,
    unique: bool,
    new: bool,
    seed: int,
    settings: dict[str, Any],
) -> Iterator[Sample]:
    """Yield items that a run writes; see `textgen_tools.items`. `settings` are others of `Run.samples`."""
    if until not in ENDS:
        raise UsageError(f"until must be {', '.join(ENDS)}, not {until!r}")
    known, found = all_items(_train_text(run), until) if new else set[str](), 0
    for begin in range(seed, seed + TRIES * number, number):
        for place, text in enumerate(run.samples(number, prompt, seed=begin, **settings), start=begin):
            item = first_item(without_signs(prompt + text, run.settings.corpus.labels), until)
            if item is None or item in known:
                continue
            yield Sample(prompt, settings.get("sampler", SAMPLER), place, item.removeprefix(prompt.lstrip()))
            known |= {item} if unique else set()
            if (found := found + 1) == number:
                return
    message = f"only {found} of {number} such texts are among {TRIES * number:,}"
    warnings.warn(f"{message}; try another temperature", TextgenWarning, stacklevel=2)


def _train_text(run: Run) -> str:
    corpus = run.settings.corpus
    text = load_again(run.saved.sources, corpus.cleaner, corpus.split.method).split.train.text[:]
    return without_signs(text, corpus.labels)
