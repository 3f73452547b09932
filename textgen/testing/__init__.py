"""The conformance kit: checks that tell plugin authors whether their component keeps its contract.

With pytest this is a whole test file, and has one case for each check:

    from textgen.testing import conformance_test


    class Lower:
        '''Text in lower case.'''

        def clean(self, text: str) -> str:
            return text.lower()


    test_lower = conformance_test("cleaner", Lower)

Without pytest, `examine` returns the outcomes:

    from textgen.testing import examine

    for outcome in examine("cleaner", Lower):
        print(outcome.check, outcome.status, outcome.reason)

A component is the class itself; options for building it may follow: `examine("model", Bigram, size=16)`.
Importing this package needs neither pytest nor hypothesis.
"""

from textgen.testing import (  # noqa: F401 - importing them registers their checks
    cleaner,
    corpus,
    embedding,
    general,
    model,
    model_reach,
    model_saved,
    model_state,
    model_training,
    no_global_state,
    other,
    sampler,
    sampler_rows,
    tokenizer,
)
from textgen.testing.exam import Check, Outcome, checks, conformance_test, examine
from textgen.testing.expectations import CheckError, CheckSkipped

__all__ = [
    "Check",
    "CheckError",
    "CheckSkipped",
    "Outcome",
    "checks",
    "conformance_test",
    "examine",
]
