"""Name and version of the distribution."""

__version__ = "0.1.0"
DISTRIBUTION = "textgen-bench"
"""Name of the distribution that pip installs, bundled plugins included."""
