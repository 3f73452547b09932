"""Suites: comparisons declared as data, resumable, each change with its effect."""
