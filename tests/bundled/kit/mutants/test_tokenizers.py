"""Tokenizers with one fault each, in a file that another process imports quickly: without torch."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textgen.data.vocabulary import BYTE_TOKENS
from textgen_tokenizers.char import CharTokenizer


class Lossy(CharTokenizer):
    found_by = "tokenizer-lossless"

    def encode(self, text: str) -> NDArray[np.int32]:
        return super().encode(text.replace("\r", ""))


class GrowsWhileEncoding(CharTokenizer):
    found_by = "tokenizer-vocabulary-from-training"

    def encode(self, text: str) -> NDArray[np.int32]:
        self._build("".join(dict.fromkeys(self._alphabet + text)))
        return super().encode(text)


class ShuffledAlphabet(CharTokenizer):
    found_by = "tokenizer-deterministic"

    def _build(self, alphabet: str) -> None:
        super()._build("".join(random.sample(alphabet, len(alphabet))))

    def restore(self, state: dict[str, Any]) -> None:
        super()._build("".join(state["alphabet"]))


class KeysThatJSONMakesStrings(CharTokenizer):
    found_by = "tokenizer-state"

    def state(self) -> dict[Any, Any]:
        return dict(enumerate(self._alphabet))

    def restore(self, state: dict[Any, Any]) -> None:
        self._build("".join(state.get(index, "") for index in range(len(state))))


class StrictDecoding(CharTokenizer):
    found_by = "tokenizer-decodes-any-ids"

    def decode(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> str:
        return b"".join([self._table.pieces[token] for token in ids]).decode("utf-8", "surrogatepass")


class SpaceShownAsUnderline(CharTokenizer):
    found_by = "tokenizer-surfaces"

    def _build(self, alphabet: str) -> None:
        super()._build(alphabet)
        self.tokens = [token.replace(" ", "▁") for token in self.tokens]


class EndsWithAnUnknownId(CharTokenizer):
    found_by = "tokenizer-ids"

    def encode(self, text: str) -> NDArray[np.int32]:
        return np.append(super().encode(text), np.int32(len(self.tokens)))


class ListOfIds(CharTokenizer):
    found_by = "tokenizer-ids"

    def encode(self, text: str) -> Any:
        return super().encode(text).tolist()


class BeginsWithALineBreak(CharTokenizer):
    found_by = "tokenizer-empty-text"

    def encode(self, text: str) -> NDArray[np.int32]:
        return super().encode(text or "\n")


class KeepsTheFirstAlphabet(CharTokenizer):
    found_by = "tokenizer-fit-forgets"

    def fit(self, text: str) -> None:
        super().fit("".join(self.tokens[: -len(BYTE_TOKENS)]) + text)


class CountsTheFirstBlockOnly(CharTokenizer):
    found_by = "tokenizer-counts"

    def fit_counts(self, counts: Iterable[str]) -> None:
        super().fit_counts(list(counts)[:1])


class ExtendsInFront(CharTokenizer):
    found_by = "tokenizer-extend"

    def extend(self, text: str) -> None:
        self.fit(text + self._alphabet)


class ForgetsWhatItAdded(CharTokenizer):
    found_by = "tokenizer-extend"

    def state(self) -> dict[str, Any]:
        return {name: value for name, value in super().state().items() if name != "added"}


class LosesItsAlphabet(CharTokenizer):
    found_by = "tokenizer-pickle"

    def __reduce__(self) -> Any:
        return unfitted, ()


def unfitted() -> CharTokenizer:
    tokenizer = CharTokenizer()
    tokenizer.fit("")
    return tokenizer


class ShortFallback(CharTokenizer):
    found_by = "tokenizer-fallback"

    def _build(self, alphabet: str) -> None:
        super()._build(alphabet)
        self.fallback = self.fallback[1:]


class WithoutState(CharTokenizer):
    found_by = "tokenizer-contract"
    state = None  # type: ignore[assignment]


class TokensInADictionary(CharTokenizer):
    found_by = "tokenizer-contract"

    def _build(self, alphabet: str) -> None:
        super()._build(alphabet)
        self.tokens = dict(enumerate(self.tokens))  # type: ignore[assignment]


class TokensOfBytes(CharTokenizer):
    found_by = "tokenizer-contract"

    def _build(self, alphabet: str) -> None:
        super()._build(alphabet)
        self.tokens = [token.encode() for token in self.tokens]  # type: ignore[misc]


class NeedsAnArgument(CharTokenizer):
    found_by = "tokenizer-options"

    def __init__(self, path: str) -> None:
        super().__init__()


class DefaultOutOfItsType(CharTokenizer):
    found_by = "tokenizer-options"

    def __init__(self, size: int = "many") -> None:  # type: ignore[assignment]
        super().__init__()


def test_without_its_fault_it_passes() -> None:
    from textgen_kit import run_checks

    assert [result for result in run_checks("tokenizer", CharTokenizer) if result.status == "failed"] == []


def test_the_check_meant_for_a_fault_finds_it(mutant: Any, failures: dict[str, str]) -> None:
    assert mutant.found_by in failures
    assert failures[mutant.found_by]
    assert "\n" not in failures[mutant.found_by]
