"""The rules of a leaderboard, in `leaderboard.toml`: its texts and its budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, CorpusInfo
from textgen.defaults import CLEANER, SPLIT
from textgen.evaluation.baselines import reference_scores
from textgen.library.corpus import load_corpus
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import read_toml
from textgen.runtime.storage.json_records import from_values
from textgen.training.budget import parse_budget

RULES = "leaderboard.toml"
STATIC, READING = "static", "reading-on"
"""The classes: entries that read on learn from the text while it is scored."""
MIN_SEEDS = 3
"""Seeds of a model that is trained by gradient, from 0 on, so that none was chosen."""


@dataclass(frozen=True, kw_only=True)
class BoardText:
    """A text that entries are compared on."""

    corpus: str
    """As `--corpus` takes it."""
    sha256: str
    """The hash of the cleaned text."""
    clean: str = CLEANER
    split: str = SPLIT
    about: str = ""

    def is_of(self, corpus: CorpusInfo) -> bool:
        """Return whether a result says that it is of this text and of this split."""
        return (corpus.sha256, corpus.split.method) == (self.sha256, self.split)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a leaderboard accepts."""

    budgets: tuple[str, ...]
    texts: Mapping[str, BoardText]

    def text_of(self, corpus: CorpusInfo) -> str | None:
        """Return the name of the text of a result, or None if it is none of these."""
        return next((name for name, text in self.texts.items() if text.is_of(corpus)), None)

    def budget_of(self, text: str) -> str | None:
        """Return the budget that is the same amount, or None if there is none; `60s` is `1m`."""
        asked = parse_budget(text)
        same = (
            each
            for each in self.budgets
            if (known := parse_budget(each)).unit == asked.unit and known.amount == asked.amount
        )
        return next(same, None)


def read_rules(board: Path) -> Rules:
    """Return the rules of the leaderboard in a folder; raises `TextgenError` if there are none."""
    path = board / RULES
    try:
        values = read_toml(path)
        rules = from_values(Rules, values)
        for budget in rules.budgets:
            parse_budget(budget)
        return rules
    except OSError as error:
        raise TextgenError(
            f"no leaderboard in {str(board)!r} ({RULES}: {reason_of(error)}); name the folder of one"
        ) from None
    except ValueError as error:
        raise TextgenError(f"{str(path)!r} is not valid: {error}") from None


@cache
def loaded_text(text: BoardText) -> Corpus:
    """Return a text as loaded on this machine.

    Raises `TextgenError` if it cannot be loaded, or is another one than the rules say.
    """
    corpus = load_corpus(text.corpus, clean=text.clean, split=text.split)
    if not text.is_of(corpus.info):
        raise TextgenError(f"the text {text.corpus} has changed: its SHA-256 is {corpus.sha256}")
    return corpus


@cache
def compressed(text: BoardText) -> dict[str, float]:
    """Return the bits per character of a text by compressors that have read its training part."""
    split = loaded_text(text).split
    scores = reference_scores(split.train.text, split.held_out.stretches())
    return {name: sum(bits) / sum(split.held_out.stretch_chars) for name, bits in scores.items()}
