"""Suites: comparisons declared as data, measured run by run, resumable, each change with its effect."""

from textgen.suite.plan import Case, Factor, Suite, load_suite
from textgen.suite.preparation import SuiteOptions
from textgen.suite.runner import run_suite

__all__ = ["Case", "Factor", "Suite", "SuiteOptions", "load_suite", "run_suite"]
