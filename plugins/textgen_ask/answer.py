"""The entry to take for a text, how long to train it, and what to expect of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textgen.library.corpus import TextSource, as_text, loaded, name_of
from textgen.library.options import changed
from textgen.library.presentation import PROMPT, command
from textgen.requests import TrainRequest
from textgen.runtime.device import choose_device
from textgen.training.budget import parse_duration
from textgen.training.progress import Report, Step
from textgen_ask.facts import ENGLISH, ENTRIES, Facts, entry_of, measure
from textgen_ask.predict import Expected, Table, read_table

BUDGETS = ("1m", "4m", "16m")
"""Those after which scores are expected."""
ADVISED = ("1m", "2m", "4m", "8m")
"""Those that may be advised: the first one of which twice as much is worth less than `WORTH`, or the last."""
WORTH = 0.01
"""Bits per character."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What to expect of an entry."""

    entry: str
    level: str
    scores: tuple[Expected, ...]
    """Bits per character of the test part after each of `BUDGETS`."""
    real_words: Expected | None
    """The share of real words in what it writes; None if the text is not English."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What `textgen ask` says of a text."""

    facts: Facts
    entry: str
    budget: str
    expected: Expected
    """Bits per character of the test part after this training."""
    outlooks: tuple[Outlook, ...]
    """The entry of each level; the one that is better after its first updates comes first."""
    twice_the_time: float
    """Bits per character that twice the budget is worth."""
    twice_the_text: float
    """Bits per character that twice as much text is worth, after the same time."""
    unlike: str
    """What sets the text apart from the recorded ones, so that intervals are wide; empty if nothing does."""
    commands: tuple[str, ...]
    """To train, to write and to compare."""

    @property
    def sentence(self) -> str:
        """The advice, and what it is expected to give."""
        after = self.budget.replace("m", " minutes" if self.budget != "1m" else " minute")
        return f"Train {self.entry} for {after}, and expect {self.expected} bits per character."


def ask(source: TextSource, device: str, precision: str, report: Report) -> Answer:
    """Return the answer for a text; raises `TextgenError` if it cannot be read or is too short."""
    report(Step("reading the text"))
    text = as_text(source)
    corpus = loaded(text)
    facts = measure(corpus, choose_device(device, precision), report)
    sources = corpus.sources.names or (name_of(text),)
    given = {name: str(getattr(text, name)) for name in changed(text) if name != "corpus"}
    return answer(facts, read_table(), [("corpus", name) for name in sources] + [*given.items()])


def answer(facts: Facts, table: Table, text: Sequence[tuple[str, str]]) -> Answer:
    """Return the answer that follows from the facts of a text, which these options of commands name."""

    def bits(level: str, seconds: float, times: float = 1.0) -> float:
        return table.expect(level, facts, seconds, times).value

    ranked = sorted(ENTRIES, key=facts.probe_bits.__getitem__)
    entries = [entry_of(level, facts.english) for level in ranked]
    seconds = [parse_duration(each, "") for each in ADVISED]
    falls = [bits(ranked[0], each) - bits(ranked[0], 2 * each) for each in seconds]
    chosen = next((place for place, fall in enumerate(falls) if fall < WORTH), len(ADVISED) - 1)
    corpus = [word for name, value in text for word in (f"--{name.replace('_', '-')}", value)]
    return Answer(
        facts=facts,
        entry=entries[0],
        budget=ADVISED[chosen],
        expected=table.expect(ranked[0], facts, seconds[chosen]),
        outlooks=tuple(
            Outlook(
                entry=entry,
                level=level,
                scores=tuple(table.expect(level, facts, parse_duration(each, "")) for each in BUDGETS),
                real_words=table.fits[level].real_words if facts.english >= ENGLISH else None,
            )
            for level, entry in zip(ranked, entries, strict=True)
        ),
        twice_the_time=falls[chosen],
        twice_the_text=bits(ranked[0], seconds[chosen]) - bits(ranked[0], seconds[chosen], 2.0),
        unlike=table.unlike(ranked[0], facts),
        commands=(
            command("train", entries[0], *corpus, "--budget", ADVISED[chosen]),
            command("sample", "latest", "--prompt", PROMPT),
            command("bench", *entries, "char-lstm", *corpus),
        ),
    )


def advised(request: TrainRequest, report: Report) -> TrainRequest:
    """Return a request for training with the entry and the budget that the answer for its text names."""
    found = ask(request.text, request.cluster.device, request.cluster.precision, report)
    report(Step("", remark=f"textgen ask says: {found.sentence}"))
    return replace(request, entry=found.entry, budget=found.budget)
