"""The files of a result that is verified: they are read here, so that all their values are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.results.header import Header, JudgedHeader
from textgen.results.kinds import kinds
from textgen.runtime.storage.json_records import Record, read_record, to_values
from textgen_verify.verification import value_kinds


@dataclass
class VerifiedFiles:
    """Reads the files of a result, and collects the kinds of values that it has."""

    path: Path
    """That of the result itself."""
    device: str | None = None
    """The device on which saved runs score the text again; None if they do not."""
    kinds: set[str] = field(default_factory=set)
    """The kinds of values in the files that were read; those of other files begin with their names."""
    results: list[tuple[Path, Header]] = field(default_factory=list)
    """Those of the files that are results of their own, with what they hold."""

    def read(self, record: type[Record], path: Path) -> Record:
        """Read a file of the result, whose values are to be checked and whose intervals are of our kind.

        Raises `TextgenError` if it is damaged or lacks its digest.
        """
        values = read_record(record, path, needs_digest=True)
        self.kinds.update(map(self.place(path).__add__, value_kinds(to_values(values))))
        if isinstance(values, JudgedHeader) and values.interval_method != INTERVAL_METHOD:
            raise TextgenError(
                f"{str(path)!r} lacks what its intervals were computed from ({values.interval_method}); "
                "measure it again"
            )
        if isinstance(values, Header):
            self.results.append((path, values))
        return values

    def name(self, path: Path) -> str:
        """Return the name of a file or folder among those of the result."""
        return path.relative_to(self.path.parent).as_posix()

    def place(self, path: Path) -> str:
        """Return what the kinds of values in a file begin with: nothing for that of the result itself.

        Those of a result in a folder begin with the name of that.
        """
        if path == self.path:
            return ""
        is_result = path.name in {kind.file for kind in kinds().values()}
        return f"{self.name(path.parent if is_result else path)}/"
