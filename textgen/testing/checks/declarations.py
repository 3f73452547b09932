"""Checks of aliases and references (names of entries), lexicons (functions) and suites (TOML files)."""

from __future__ import annotations

import inspect
from collections.abc import Container, Iterable
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.experiment.entry import parse_entry
from textgen.registry.options import build
from textgen.suite.schema import read_suite
from textgen.testing.asserts import CheckError, CheckSkipped, require, shown
from textgen.testing.builders import Subject

__tracebackhide__ = True


def check_alias_entry(subject: Subject) -> None:
    """It is the name of an entry whose parts are installed."""
    require(isinstance(subject.component, str), f"expected a string; got {shown(subject.component)}")
    try:
        parse_entry(subject.component)
    except TextgenError as error:
        raise CheckError(f"expected the name of an entry; got: {error}") from error


check_reference_entry = check_alias_entry


def check_suite_cases(subject: Subject) -> None:
    """It is the path of a suite whose entries, cleaners and samplers are installed."""
    require(isinstance(subject.component, str), f"expected a path; got {shown(subject.component)}")
    try:
        for case in read_suite(Path(subject.component)).cases():
            parse_entry(case.entry)
            if case.corpus:
                build("corpus", case.corpus.partition("/")[0])
            build("cleaner", case.clean)
            for sampler in case.samplers:
                build("sampler", sampler)
    except TextgenError as error:
        raise CheckError(f"expected a suite that can run; got: {error}") from error


def check_lexicon_words(subject: Subject) -> None:
    """It is a function that returns a set of words in lower case.

    One with an argument is asked for a language, and may return any container of words.
    """
    component = subject.component
    require(callable(component), f"expected a function; got {shown(component)}")
    takes_language = bool(inspect.signature(component).parameters)
    try:
        words = component("de") if takes_language else component()
    except TextgenError as error:
        raise CheckSkipped(f"its data is not available: {error}") from error
    if takes_language and isinstance(words, Container) and not isinstance(words, Iterable):
        return
    require(isinstance(words, (set, frozenset)), f"expected a set of words; got {type(words).__name__}")
    wrong = [word for word in words if not isinstance(word, str) or word != word.lower()][:3]
    require(bool(words) and not wrong, f"expected words in lower case; got {shown(wrong)}")
