"""Suites, each a TOML file: what `textgen bench --suite NAME` measures."""

from importlib.resources import files

IMPROVEMENTS = str(files(__package__) / "improvements.toml")
SEED = str(files(__package__) / "seed.toml")
