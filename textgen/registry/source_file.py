"""A file of plugins that are not installed: known by its hash, and run when it is needed."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from textgen.contracts import TextgenError
from textgen.runtime.messages import reason_of
from textgen.runtime.storage.files import read_plain

MAX_BYTES = 2**24


@dataclass(frozen=True)
class SourceFile:
    """A Python file, as it was when it was read."""

    path: Path
    version: str
    """The beginning of its hash, so that caches of an older version are not used."""

    @property
    def module(self) -> str:
        """The name of its module: files of the same name in different folders are different modules."""
        place = hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:8]
        stem = re.sub(r"\W", "_", self.path.stem)
        return f"plugin_file_{stem}_{place}"

    @property
    def is_imported(self) -> bool:
        return getattr(sys.modules.get(self.module), "__version__", None) == self.version

    def imported(self) -> ModuleType:
        """Return its module, after running it unless that has been done; raises whatever it raises.

        Raises `TextgenError` if it has changed since it was read.
        """
        if self.is_imported:
            return sys.modules[self.module]
        # Not by importlib, which would write bytecode next to the file and could run that of an older version
        # of it: the code that runs must be that whose hash is the plugin's version.
        source = _contents(self.path)
        if _version(source) != self.version:
            raise TextgenError(f"the plugin file {self.path} has just changed; run the command again")
        module = ModuleType(self.module)
        vars(module).update(__file__=str(self.path), __version__=self.version)
        sys.modules[self.module] = module  # dataclasses and pickle look it up there
        try:
            exec(compile(source, str(self.path), "exec"), module.__dict__)
        except BaseException:
            del sys.modules[self.module]
            raise
        return module


def read_source(path: Path) -> SourceFile:
    """Return a plugin file without running it; raises `TextgenError` for what is not a file."""
    return SourceFile(path.absolute(), _version(_contents(path)))


def _version(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()[:12]


def _contents(path: Path) -> bytes:
    try:
        return read_plain(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        raise TextgenError(f"cannot read the plugin file {path}: {reason_of(error)}") from None
