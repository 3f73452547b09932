"""Jobs that travel to other machines: pickled without their large parts, which travel once, with their files.

What a job reads and writes is in its `folder`, and the plugins that it needs are in its `plugin_files`. Both
are on the machine that gave it; where it is computed they are copies.
"""

from __future__ import annotations

import io
import pickle
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from textgen.runtime.storage.files import private_folder

LARGE = 100_000
"""Characters, bytes or items of a part that travels apart."""
MAX_PARTS = 32
"""Parts that are remembered; a suite has several texts."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a private folder, which is removed at the end."""
    made = private_folder()
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@dataclass(frozen=True)
class Parcel:
    """A job on its way, without its large parts."""

    job: bytes
    """Pickled."""
    withheld: bytes | None
    """What the job's process asks for later, pickled the same way."""
    num_parts: int
    """Large parts of the job itself, the first ones."""
    folder: str | None
    """The name of the job's folder."""
    files: Mapping[str, bytes]
    """Those in the folder, by their paths in it."""
    plugin_files: Sequence[tuple[str, bytes]]
    """Their names, which may be equal, and contents."""


class Packer:
    """Packs jobs; a large part that several of them have is put away once.

    Ray itself puts away arguments of tasks as a whole, but the texts are strings deep inside a job.
    """

    def __init__(self, put_away: Callable[[Any], Any]) -> None:
        """`put_away` stores a pickled part and returns a reference to it."""
        self._put_away = put_away
        self._known: OrderedDict[int, tuple[Any, Any]] = OrderedDict()
        """By `id`: each part, kept alive so that its `id` is not used again, and its reference."""

    def pack(self, job: Any) -> tuple[Parcel, list[Any]]:
        """Return the parcel of a job, and references to its large parts."""
        parts = dict[int, Any]()
        pickled, num_parts = _pickled(job, parts), len(parts)
        later = getattr(job, "withheld", None)
        withheld = None if later is None else _pickled(later, parts)
        folder, plugin_files = job.folder, [(path.name, path.read_bytes()) for path in job.plugin_files]
        name, files = (folder.name, contents(folder)) if folder else (None, {})
        references = [self._reference(part) for part in parts.values()]
        return Parcel(pickled, withheld, num_parts, name, files, plugin_files), references

    def _reference(self, part: Any) -> Any:
        known = self._known.pop(id(part), None) or (part, self._put_away(pickle.dumps(part, protocol=5)))
        self._known[id(part)] = known
        if len(self._known) > MAX_PARTS:
            self._known.popitem(last=False)
        return known[1]


def _pickled(job: Any, parts: dict[int, Any]) -> bytes:
    """Return a job without its large parts, which are added to `parts`."""
    file = io.BytesIO()
    _Pickler(file, parts).dump(job)
    return file.getvalue()


class _Pickler(pickle.Pickler):
    """Pickles numbers instead of large parts, which it collects."""

    def __init__(self, file: io.BytesIO, parts: dict[int, Any]) -> None:
        super().__init__(file, protocol=5)
        self.parts = parts
        """By `id`, in the order of their numbers."""

    def persistent_id(self, part: Any) -> int | None:
        size = part.size if isinstance(part, np.ndarray) else 0
        if isinstance(part, str | bytes | frozenset):
            size = len(part)
        if size <= LARGE:
            return None
        self.parts[id(part)] = part
        return [*self.parts].index(id(part))


@dataclass(frozen=True)
class ReceivedJob:
    """A job that was received, with copies of its files; the process that it is sent to gets the job itself.

    Only that process needs torch and all that the job is made of.
    """

    parcel: Parcel
    parts: Mapping[int, bytes]
    """Its large parts, by their numbers."""
    folder: Path | None
    plugin_files: Sequence[Path]

    @property
    def withheld(self) -> Received | None:
        """What its process asks for later."""
        return None if self.parcel.withheld is None else Received(self.parcel.withheld, self.parts)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        parts = {number: part for number, part in self.parts.items() if number < self.parcel.num_parts}
        return _job, (self.parcel.job, parts, self.folder, self.plugin_files)


@dataclass(frozen=True)
class Received:
    """Pickled values with their large parts; the process that they are sent to gets the values."""

    data: bytes
    parts: Mapping[int, bytes]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _unpickled, (self.data, self.parts)


def _job(data: bytes, parts: Mapping[int, bytes], folder: Path | None, plugin_files: Sequence[Path]) -> Any:
    job = _unpickled(data, parts)
    return replace(job, plugin_files=plugin_files, **({"folder": folder} if folder else {}))


def _unpickled(data: bytes, parts: Mapping[int, bytes]) -> Any:
    class Unpickler(pickle.Unpickler):
        persistent_load = staticmethod({number: pickle.loads(part) for number, part in parts.items()}.get)

    return Unpickler(io.BytesIO(data)).load()


@contextmanager
def unpacked(parcel: Parcel, parts: Sequence[bytes]) -> Iterator[ReceivedJob]:
    """Yield the job, with files in a temporary folder.

    `parts` are the large parts, pickled.
    """
    with temporary_folder() as there:
        plugin_files = []
        for number, (name, source) in enumerate(parcel.plugin_files):
            plugin_files.append(there / f"plugins-{number}" / name)
            write_contents(plugin_files[-1].parent, {name: source})
        folder = there / "results" / parcel.folder if parcel.folder else None
        (there / "results").mkdir()
        if folder:
            write_contents(folder, parcel.files)

        yield ReceivedJob(parcel, dict(enumerate(parts)), folder, plugin_files)


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
