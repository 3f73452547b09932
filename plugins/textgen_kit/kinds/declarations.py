"""Checks of names of entries, of suites, and of functions: lexicons, backends and yardsticks."""

from __future__ import annotations

import inspect
from collections.abc import Container, Iterable
from pathlib import Path

from textgen.experiment.entry_parser import parse_entry
from textgen.generation.bound_sampler import build_sampler, suited_to
from textgen.registry.options import build
from textgen_kit.checking import CheckSkipped, Subject, expect, reworded, shown
from textgen_suites.schema import read_suite


def check_alias_entry(subject: Subject) -> None:
    """It is the name of an entry whose parts are installed."""
    expect(isinstance(subject.component, str), f"a string; got {shown(subject.component)}")
    with reworded("expected the name of an entry; got:"):
        parse_entry(subject.component)


check_reference_entry = check_alias_entry


def check_suite_cases(subject: Subject) -> None:
    """It is the path of a suite whose entries, cleaners and samplers are installed."""
    expect(isinstance(subject.component, str), f"a path; got {shown(subject.component)}")
    with reworded("expected a suite that can run; got:"):
        suite = read_suite(Path(subject.component))
        for question in suite.questions:
            build_sampler(suited_to(question.sampler, "any text"))
        for case in suite.cases():
            parse_entry(case.entry)
            if case.corpus:
                build("corpus", case.corpus.partition("/")[0])
            build("cleaner", case.clean)


def check_lexicon_words(subject: Subject) -> None:
    """It is a function that returns a set of words in lower case.

    One with an argument is asked for a language, and may return any container of words.
    """
    component = subject.component
    expect(callable(component), f"a function; got {shown(component)}")
    takes_language = bool(inspect.signature(component).parameters)
    with reworded("its data is not available:", into=CheckSkipped):
        words = component("de") if takes_language else component()
    if takes_language and isinstance(words, Container) and not isinstance(words, Iterable):
        return
    expect(isinstance(words, (set, frozenset)), f"a set of words; got {type(words).__name__}")
    wrong = [word for word in words if not isinstance(word, str) or word != word.lower()][:3]
    expect(bool(words) and not wrong, f"words in lower case; got {shown(wrong)}")


def check_yardstick_argument(subject: Subject) -> None:
    """It is a function of a path."""
    component = subject.component
    expect(callable(component), f"a function; got {shown(component)}")
    with reworded("expected a function of a path; got:", TypeError):
        inspect.signature(component).bind("")


def check_backend_arguments(subject: Subject) -> None:
    """It is a function of an address, and of the CPUs and GPUs of a job."""
    component = subject.component
    expect(callable(component), f"a function; got {shown(component)}")
    with reworded("expected a function of address, cpus_per_job, gpus_per_job; got:", TypeError):
        inspect.signature(component).bind("", 1.0, 0.0)
