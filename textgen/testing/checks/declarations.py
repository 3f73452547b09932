"""Checks of names of entries (aliases, references), of functions (lexicons, backends) and of suites."""

from __future__ import annotations

import inspect
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from textgen.contracts import TextgenError
from textgen.experiment.entry import parse_entry
from textgen.registry.options import build
from textgen.suite.schema import read_suite
from textgen.testing.asserts import CheckError, CheckSkipped, require, shown
from textgen.testing.runner import check

__tracebackhide__ = True


@check("alias")
def check_alias_entry(component: Any, /) -> None:
    """It is the name of an entry whose parts are installed."""
    require(isinstance(component, str), f"expected a string; got {shown(component)}")
    try:
        parse_entry(component)
    except TextgenError as error:
        raise CheckError(f"expected the name of an entry; got: {error}") from error


@check("reference")
def check_reference_entry(component: Any, /) -> None:
    """It is the name of an entry whose parts are installed."""
    check_alias_entry(component)


@check("suite")
def check_suite_cases(component: Any, /) -> None:
    """It is the path of a suite whose entries, cleaners and samplers are installed."""
    require(isinstance(component, str), f"expected a path; got {shown(component)}")
    try:
        for case in read_suite(Path(component)).cases():
            parse_entry(case.entry)
            corpora = [("corpus", case.corpus.partition("/")[0])] if case.corpus else []
            for kind, spec in [
                *corpora,
                ("cleaner", case.clean),
                *(("sampler", spec) for spec in case.samplers),
            ]:
                build(kind, spec)
    except TextgenError as error:
        raise CheckError(f"expected a suite that can run; got: {error}") from error


@check("lexicon")
def check_lexicon_words(component: Any, /) -> None:
    """It is a function that returns a set of words in lower case.

    One with an argument is asked for a language, and may return any container of words.
    """
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


@check("backend")
def check_backend_arguments(component: Any, /) -> None:
    """It is a function of an address, and of the CPUs and GPUs of a job."""
    require(callable(component), f"expected a function; got {shown(component)}")
    try:
        inspect.signature(component).bind("", 1.0, 0.0)
    except TypeError as error:
        raise CheckError(
            f"expected a function of address, cpus_per_job, gpus_per_job; got: {error}"
        ) from None
