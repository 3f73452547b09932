"""Jobs that travel to other machines: pickled without their large parts, which travel once, with their files.

What a job reads and writes is in its `folder`, and the plugins that it needs are in its `plugin_files`. Both
are on the machine that gave it; where it is computed they are copies.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from textgen.runtime.storage.files import temporary_folder

LARGE = 100_000
"""Characters, bytes or items of a part that travels apart."""
MAX_KEPT = 32
"""Parts that are remembered; a suite has several texts."""


@dataclass(frozen=True)
class Parcel:
    """A job on its way."""

    data: bytes
    parts: Sequence[Any]
    """References to large parts, in the order of their numbers in `data`."""
    folder: str | None
    """The name of the job's folder."""
    files: Mapping[str, bytes]
    """Those in the folder, by their paths in it."""
    plugin_files: Mapping[str, bytes]


@dataclass(frozen=True)
class ReceivedJob:
    """A job that was received, with copies of its files; only what computes it needs to know its types."""

    data: bytes
    parts: Sequence[Any]
    changes: Mapping[str, Any]
    """Where its files are."""

    @property
    def folder(self) -> Path | None:
        """The job's folder."""
        return self.changes.get("folder")

    def job(self) -> Any:
        """Return the job."""
        job = _Unpickler(self.data, self.parts).load()
        return replace(job, **self.changes) if self.changes else job


@dataclass(frozen=True)
class UnpackingFunction:
    """Computes jobs that were received."""

    function: Callable[[Any], Any]

    def __call__(self, received: ReceivedJob) -> Any:
        """Return the result of the job."""
        return self.function(received.job())


class Packer:
    """Packs jobs; a large part that several of them have is put away once."""

    def __init__(self, put_away: Callable[[Any], Any]) -> None:
        """`put_away` stores a part and returns a reference to it."""
        self._put_away = put_away
        self._kept: OrderedDict[int, tuple[Any, Any]] = OrderedDict()
        """By `id`: each part, kept alive so that its `id` is not used again, and its reference."""

    def pack(self, job: Any) -> Parcel:
        """Return the parcel of a job."""
        parts: list[Any] = []
        file = io.BytesIO()

        def number_of(part: Any) -> int:
            parts.append(self._reference(part))
            return len(parts) - 1

        _Pickler(file, number_of).dump(job)
        folder: Path | None = getattr(job, "folder", None)
        plugin_files: Sequence[Path] = getattr(job, "plugin_files", ())
        return Parcel(
            file.getvalue(),
            parts,
            None if folder is None else folder.name,
            contents(folder) if folder is not None else {},
            {str(path): path.read_bytes() for path in plugin_files},
        )

    def _reference(self, part: Any) -> Any:
        known = self._kept.pop(id(part), None) or (part, self._put_away(part))
        self._kept[id(part)] = known
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return known[1]


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, number_of: Callable[[Any], int]) -> None:
        super().__init__(file, protocol=5)
        self._number_of = number_of

    def persistent_id(self, part: Any) -> int | None:
        """Return the number of a part that travels apart."""
        size = part.size if isinstance(part, np.ndarray) else 0
        if isinstance(part, str | bytes | frozenset):
            size = len(part)
        return self._number_of(part) if size > LARGE else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, parts: Sequence[Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._parts = parts

    def persistent_load(self, number: int) -> Any:
        """Return the part of this number."""
        return self._parts[number]


@contextmanager
def unpacked(parcel: Parcel, parts: Sequence[Any]) -> Iterator[ReceivedJob]:
    """Yield the job, with its files in a temporary folder; `parts` are what the references mean."""
    changes: dict[str, Any] = {}
    with temporary_folder("job") as there:
        if parcel.plugin_files:
            changes["plugin_files"] = list(_copies(parcel.plugin_files, there))
        if parcel.folder is not None:
            changes["folder"] = folder = there / "results" / parcel.folder
            folder.parent.mkdir()
            write_contents(folder, parcel.files)
        yield ReceivedJob(parcel.data, parts, changes)


def _copies(files: Mapping[str, bytes], there: Path) -> Iterator[Path]:
    """Write files that may have the same names, and yield their paths."""
    for number, (path, source) in enumerate(files.items()):
        copy = there / f"plugins-{number}" / Path(path).name
        copy.parent.mkdir()
        copy.write_bytes(source)
        yield copy


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder, by their paths in it; none if there is no folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_contents(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their paths in a folder, which is made if there are any."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
