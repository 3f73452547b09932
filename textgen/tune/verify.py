"""Verification of a saved study: its final comparison from the result of that comparison."""

from __future__ import annotations

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.verification import Check, compared
from textgen.tune.final_comparison import conclusion
from textgen.tune.study_result import FinalComparison


def verify_final(saved: FinalComparison, result: Comparison) -> Check:
    """Return the check of a study's final comparison of two entries, which `result` holds."""
    found = conclusion(result, saved.default.name, saved.best.name, saved.seeds)
    return compared("values of the final comparison", vars(saved), vars(found))
