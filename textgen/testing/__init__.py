"""Conformance kit: checks that tell plugin authors whether their component fulfils its contract.

With pytest, this is a complete test file with one case per check:

    from textgen.testing import conformance_test


    class Lower:
        '''Text in lower case.'''

        def clean(self, text: str) -> str:
            return text.lower()


    test_lower = conformance_test("cleaner", Lower)

Without pytest, `run_checks` returns the results:

    from textgen.testing import run_checks

    for result in run_checks("cleaner", Lower):
        print(result.check, result.status, result.reason)

The component is the class itself; options for it may follow: `run_checks("model", Bigram, size=16)`.
Importing this package needs neither pytest nor hypothesis.
"""

from textgen.testing.asserts import CheckError, CheckSkipped
from textgen.testing.runner import Check, CheckResult, checks, conformance_test, failures, run_checks

__all__ = [
    "Check",
    "CheckError",
    "CheckResult",
    "CheckSkipped",
    "checks",
    "conformance_test",
    "failures",
    "run_checks",
]
