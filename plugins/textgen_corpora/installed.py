"""A text that Python installs: its standard library."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path

from textgen.contracts import TextgenError


@dataclass
class StandardLibrary:
    """The modules of Python's standard library by their names: 4.7 M characters in 3.11.

    Packages are left out, which are tests in part. Other versions of Python have another text; every result
    gives its hash.
    """

    def read(self, item: str) -> list[str]:
        """Return the source of all modules, each after a line with its name."""
        if item:
            raise TextgenError(f"the corpus 'stdlib' has no item {item!r}; leave it out")
        folder = Path(sysconfig.get_path("stdlib"))
        files = sorted(folder.glob("*.py"))
        if not files:
            raise TextgenError(f"no modules in {folder}: this Python stores them elsewhere")
        return [f"# {path.name}\n{path.read_text('utf-8')}" for path in files]
