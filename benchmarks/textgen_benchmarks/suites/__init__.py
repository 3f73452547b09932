"""Suites, each a TOML file: what `textgen suite NAME` measures."""

from importlib.resources import files

IMPROVEMENTS = str(files(__package__) / "improvements.toml")
LANGUAGES = str(files(__package__) / "languages.toml")
ORIGINAL = str(files(__package__) / "original.toml")
