"""Dictionaries of some fifty languages, in which real words are looked up."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from simplemma import is_known
from simplemma.strategies.dictionaries.dictionary_factory import SUPPORTED_LANGUAGES

from textgen.contracts import TextgenError

SHARED = {"bs": "hbs", "hr": "hbs", "no": "nb", "sr": "hbs"}
"""Languages whose dictionary has another code."""


def lexicon(language: str) -> Container[str]:
    """Return the words of a language, a BCP 47 tag; no entry spells from this list.

    They are the inflected forms in the dictionaries of simplemma (Barbaresi), mostly from Wiktionary. Raises
    `TextgenError` for a language that it lacks.
    """
    primary = language.partition("-")[0].lower()
    code = SHARED.get(primary, primary)
    if code not in SUPPORTED_LANGUAGES:
        raise TextgenError(f"simplemma has no dictionary for the language {language!r}")
    return Dictionary(code)


@dataclass(frozen=True)
class Dictionary(Container[str]):
    """The words of a dictionary, looked up in lower case and, as names and German nouns are, capitalised."""

    code: str

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str) or not word:
            return False
        return any(is_known(form, lang=self.code) for form in (word, word.capitalize()))
