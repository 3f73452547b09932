"""The conformance kit: checks that tell plugin authors whether their component keeps its contract.

With pytest, the whole test file of a plugin is

    from textgen.testing import (
    cleaner,
    corpus,
    embedding,
    general,
    model,
    model_training,
    other,
    sampler,
    tokenizer,
)
    test_conformance = conformance_test("model", Bigram)

and without it `examine("model", Bigram)` returns the outcomes. A component is the class itself; options
for building it may follow. Importing this package needs neither pytest nor hypothesis.
"""

from textgen.testing import (
    cleaner,
    corpus,
    embedding,
    general,
    model,
    model_training,
    other,
    sampler,
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
    "cleaner",
    "conformance_test",
    "corpus",
    "embedding",
    "examine",
    "general",
    "model",
    "model_training",
    "other",
    "sampler",
    "tokenizer",
]
