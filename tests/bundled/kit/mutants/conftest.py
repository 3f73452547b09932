"""Mutants are classes that name, in `found_by`, the check that is meant for their fault."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from textgen_kit import checks, run_checks


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that has an argument `mutant` for each one of its module."""
    if "mutant" in metafunc.fixturenames:
        things = vars(metafunc.module).values()
        mutants = [thing for thing in things if inspect.isclass(thing) and "found_by" in vars(thing)]
        metafunc.parametrize("mutant", mutants, ids=lambda mutant: f"{mutant.__name__} {mutant.found_by}")


@pytest.fixture
def failures(mutant: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The reason why the mutant fails the check that is meant for its fault; nothing if it passes.

    The other checks are left out, since they would take most of the time.
    """
    kind = mutant.found_by.partition("-")[0]
    meant = [each for each in checks(kind) if each.id == mutant.found_by]
    monkeypatch.setattr("textgen_kit.runner.checks", lambda _: meant)
    return {result.check: result.reason for result in run_checks(kind, mutant) if result.status == "failed"}
