"""Bundled suites: the path of the TOML file of each, for `textgen suite NAME`."""

from importlib.resources import files

IMPROVEMENTS = str(files(__package__) / "improvements.toml")
LANGUAGES = str(files(__package__) / "languages.toml")
ORIGINAL = str(files(__package__) / "original.toml")
READING_ON = str(files(__package__) / "reading-on.toml")
