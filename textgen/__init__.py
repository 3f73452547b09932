"""textgen: train any tokenizer, model and embedding on one text under one budget, and compare them fairly."""

__version__ = "0.1.0"
DISTRIBUTION = "textgen-bench"
"""What pip installs; the bundled plugins come with it."""
