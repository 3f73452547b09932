"""Mutants are classes that name, in `found_by`, the check that is meant for their fault."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from textgen.testing import run_checks


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that has an argument `mutant` for each one of its module."""
    if "mutant" in metafunc.fixturenames:
        things = vars(metafunc.module).values()
        mutants = [thing for thing in things if inspect.isclass(thing) and "found_by" in vars(thing)]
        metafunc.parametrize("mutant", mutants, ids=lambda mutant: f"{mutant.__name__} {mutant.found_by}")


@pytest.fixture
def failures(mutant: Any) -> dict[str, str]:
    """The checks that the mutant fails, each with its reason."""
    kind = mutant.found_by.partition("-")[0]
    return {result.check: result.reason for result in run_checks(kind, mutant) if result.status == "failed"}
