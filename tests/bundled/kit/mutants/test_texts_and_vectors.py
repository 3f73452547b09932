"""Embeddings, corpora, cleaners and metrics with one fault each."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from textgen.contracts import TextgenError, WordVectors
from textgen.data.decoding import utf8
from textgen_kit import run_checks

# --- embeddings


class Hashed:
    """A vector for every word, made from its hash."""

    frozen = False

    def vectors(self, train_text: str, tokens: Sequence[str]) -> WordVectors:
        words = sorted({token.strip() for token in tokens} - {""})
        return WordVectors(words, self.table(words))

    def table(self, words: list[str]) -> NDArray[np.float32]:
        digests = b"".join(hashlib.sha256(utf8(word)).digest() for word in words)
        return np.frombuffer(digests, np.uint8).reshape(len(words), 32).astype(np.float32) - 128


class NewVectorsEachTime(Hashed):
    found_by = "embedding-deterministic"

    def table(self, words: list[str]) -> NDArray[np.float32]:
        return np.random.default_rng().normal(size=(len(words), 32)).astype(np.float32)


class DrawsFromTheGlobalGenerator(Hashed):
    found_by = "embedding-deterministic"

    def table(self, words: list[str]) -> NDArray[np.float32]:
        np.random.seed(0)
        return np.random.normal(size=(len(words), 32)).astype(np.float32)


class VectorsThatAreNoNumbers(Hashed):
    found_by = "embedding-vectors"

    def table(self, words: list[str]) -> NDArray[np.float32]:
        return np.where(super().table(words) > 120, np.float32("nan"), super().table(words))


class GivesAWordTwice(Hashed):
    found_by = "embedding-vectors"

    def vectors(self, train_text: str, tokens: Sequence[str]) -> WordVectors:
        words = sorted(token.strip() for token in tokens)
        return WordVectors(words, self.table(words))


class GivesAVectorTooFew(Hashed):
    found_by = "embedding-vectors"

    def table(self, words: list[str]) -> NDArray[np.float32]:
        return super().table(words)[1:]


class KnowsNoWord(Hashed):
    found_by = "embedding-covers"

    def vectors(self, train_text: str, tokens: Sequence[str]) -> WordVectors:
        return super().vectors(train_text, ["qqq"])


# --- corpora


class Numbers:
    """The numbers from 0 to 9, one text per language."""

    def items(self) -> list[str]:
        return ["en"]

    def read(self, item: str) -> str:
        if item not in ("", "en"):
            raise TextgenError(f"no numbers in {item!r}; the corpus numbers has: en")
        return "zero one two three four five six seven eight nine"


class ShuffledNumbers(Numbers):
    found_by = "corpus-deterministic"

    def read(self, item: str) -> str:
        words = super().read(item).split()
        return " ".join(random.Random().sample(words, len(words)))


class NumbersAndHalfACharacter(Numbers):
    found_by = "corpus-text"

    def read(self, item: str) -> str:
        return f"{super().read(item)} \ud83d"


class LooksItemsUp(Numbers):
    found_by = "corpus-unknown-item"

    def read(self, item: str) -> str:
        return {"": "zero", "en": "zero"}[item]


# --- cleaners


class Stripped:
    """Lines without white space around them; empty ones are dropped."""

    joint = ""

    def clean(self, text: str) -> str:
        return "".join(f"{line.strip()}\n" for line in text.split("\n") if line.strip())


class EncodesText(Stripped):
    found_by = "cleaner-any-text"

    def clean(self, text: str) -> str:
        return super().clean(text.encode("utf-8").decode())


class AddsALineBreak(Stripped):
    found_by = "cleaner-empty-text"

    def clean(self, text: str) -> str:
        return super().clean(text) or "\n"


class DropsLinesAtRandom(Stripped):
    found_by = "cleaner-deterministic"

    def clean(self, text: str) -> str:
        return "".join(
            line for line in super().clean(text).splitlines(keepends=True) if random.random() < 0.9
        )


class HalvesSpaces(Stripped):
    """Of two spaces it leaves one, of three two."""

    found_by = "cleaner-idempotent"

    def clean(self, text: str) -> str:
        return super().clean(text.replace("  ", " "))


class HalvesBlankLines(Stripped):
    found_by = "cleaner-idempotent"
    joint = "\n"

    def clean(self, text: str) -> str:
        return text.replace("\n\n", "\n")


class LeavesTheJointToChance(Stripped):
    found_by = "cleaner-blocks"
    joint = "\n"


# --- metrics


class Capitals:
    """The share of characters that are capitals."""

    unit, best = "%", "author"

    def measure(self, text: str) -> float | None:
        return sum(map(str.isupper, text)) / len(text) if text else None


class DividesByNothing(Capitals):
    found_by = "metric-numbers"

    def measure(self, text: str) -> float | None:
        return sum(map(str.isupper, text)) / len(text)


class CountsInPercent(Capitals):
    found_by = "metric-numbers"

    def measure(self, text: str) -> float | None:
        return 100 * (super().measure(text) or 0.0)


class IsBestInTheMiddle(Capitals):
    found_by = "metric-numbers"
    best = "middle"


class AddsUp(Capitals):
    found_by = "metric-deterministic"

    def __init__(self) -> None:
        self.highest = 0.0

    def measure(self, text: str) -> float | None:
        self.highest = max(self.highest, super().measure(text) or 0.0)
        return self.highest


@pytest.mark.parametrize(
    ("kind", "component"),
    [("embedding", Hashed), ("corpus", Numbers), ("cleaner", Stripped), ("metric", Capitals)],
)
def test_without_its_fault_it_passes(kind: str, component: type) -> None:
    assert [result for result in run_checks(kind, component) if result.status == "failed"] == []


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert mutant.found_by in failures
    assert failures[mutant.found_by]
    assert "\n" not in failures[mutant.found_by]
