"""The words of a language that count as real: those of all installed lexicons."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any

from textgen.contracts import TextgenError, TextgenWarning
from textgen.defaults import LANGUAGE
from textgen.registry.attribution import describe_error
from textgen.registry.registry import PluginError, find, load, names


@dataclass(frozen=True, repr=False)
class Lexicon:
    """Real words, which are looked up here besides the training text."""

    words: tuple[Container[str], ...] = ()
    """Words in lower case, with straight apostrophes."""
    sources: tuple[str, ...] = ()
    """The names of the lexicons, each with its languages, such as `debian (de)`."""

    def __contains__(self, word: object) -> bool:
        return any(word in words for words in self.words)


def load_lexicon(language: str = LANGUAGE) -> Lexicon:
    """Return the installed lexicons of a language, or of several with plus signs between.

    One whose data is not installed adds nothing. A broken one adds nothing either, with a `TextgenWarning`.
    """
    words: list[Container[str]] = []
    sources: list[str] = []
    for name in names("lexicon"):
        by_language: dict[str, Container[str]] = {}
        for each in language.split("+"):
            try:
                known = _words_of(name, each)
            except PluginError as error:  # one that is broken must not take a comparison down
                _warn(str(error))
            except TextgenError:  # real words are then looked up without it
                continue
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                _warn(describe_error(error))
            else:
                by_language |= {} if known is None else {each: known}
        words += by_language.values()
        sources += [f"{name} ({', '.join(by_language)})"] if by_language else []
    return Lexicon(tuple(words), tuple(sources))


def _warn(problem: str) -> None:
    warnings.warn(f"{problem}; words are looked up without it", TextgenWarning, stacklevel=3)


def _words_of(name: str, language: str) -> Container[str] | None:
    """Return the words of a lexicon, or None for a language that it lacks."""
    function: Callable[..., Any] = load("lexicon", name)
    if inspect.signature(function).parameters:
        known = function(language)
    elif language.partition("-")[0].lower() == LANGUAGE:
        known = function()
    else:
        return None
    if isinstance(known, str | bytes) or not isinstance(known, Container):
        raise PluginError(f"{find('lexicon', name)} returned {type(known).__name__}, not a set of words")
    return frozenset(known) if isinstance(known, Iterable) else known
