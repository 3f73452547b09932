"""Cases for `python -m textgen_benchmarks.fuzz`: damaged files, hostile ones, and odd words."""
