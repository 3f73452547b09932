"""The lexicon by which words count as real: the union of all installed ones."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from textgen.api import TextgenError, TextgenWarning
from textgen.registry.attribution import describe_error
from textgen.registry.registry import PluginError, find, load, names


def load_lexicon() -> frozenset[str]:
    """Return the union of all installed lexicons; one whose data is not installed adds nothing.

    A broken one adds nothing either, with a `TextgenWarning`.
    """
    union: frozenset[str] = frozenset()
    for name in names("lexicon"):
        try:
            union |= _words_of(name)
        except PluginError as error:  # one that is broken must not take a comparison down
            _warn(str(error))
        except TextgenError:  # real words are then looked up in the training text alone
            continue
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            _warn(describe_error(error))
    return union


def _warn(problem: str) -> None:
    warnings.warn(f"{problem}; words are looked up without it", TextgenWarning, stacklevel=3)


def _words_of(lexicon: str) -> frozenset[str]:
    found = load("lexicon", lexicon)()
    if isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise PluginError(f"{find('lexicon', lexicon)} returned {type(found).__name__}, not a set of words")
    return frozenset(found)
