"""Conformance kit: checks with which plugin authors test their component against its contract.

With pytest, this is a complete test file with one case per check:

    from textgen_kit import conformance_test


    class Lower:
        '''Text in lower case.'''

        def clean(self, text: str) -> str:
            return text.lower()


    test_lower = conformance_test("cleaner", Lower)

Without pytest, `run_checks` returns the results:

    from textgen_kit import run_checks

    for result in run_checks("cleaner", Lower):
        print(result.check, result.status, result.reason)

The component is the class itself, optionally followed by options: `run_checks("model", Bigram, size=16)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgen_kit.conformance import Check, CheckResult, checks, conformance_test, run_checks
else:

    def __getattr__(name: str) -> object:  # so that `textgen --help` imports no torch
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("textgen_kit.conformance"), name)


__all__ = ["Check", "CheckResult", "checks", "conformance_test", "run_checks"]
