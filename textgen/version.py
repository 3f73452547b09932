"""Name and version of the distribution."""

__version__ = "0.1.0"
DISTRIBUTION = "textgen-bench"
"""What pip installs; the bundled plugins come with it."""
