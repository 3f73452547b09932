"""Jobs that travel to other machines, with their files.

What a job reads and writes is in its `folder`, and the plugins that it needs are in its `plugin_files`. Both
are on the machine that gave it; where it is computed they are copies.
"""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textgen.runtime.storage.files import private_folder


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
    """A job on its way."""

    job: bytes
    """Pickled."""
    withheld: bytes | None
    """What the job's process asks for later, pickled."""
    folder: str | None
    """The name of the job's folder."""
    files: Mapping[str, bytes]
    """Those in the folder, by their paths in it."""
    plugin_files: Sequence[tuple[str, bytes]]
    """Their names, which may be equal, and contents."""


def packed(job: Any) -> Parcel:
    """Return the parcel of a job."""
    later, folder = getattr(job, "withheld", None), job.folder
    return Parcel(
        pickle.dumps(job),
        None if later is None else pickle.dumps(later),
        folder and folder.name,
        contents(folder) if folder else {},
        [(path.name, path.read_bytes()) for path in job.plugin_files],
    )


@dataclass(frozen=True)
class Pickled:
    """A pickled job, or what it asks for later; the process that it is sent to gets that itself.

    Only that process needs torch and all that the job is made of.
    """

    data: bytes
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields that are others where it is computed."""
    withheld: Pickled | None = None

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _unpickled, (self.data, self.changes)


def _unpickled(data: bytes, changes: Mapping[str, Any]) -> Any:
    made = pickle.loads(data)
    return replace(made, **changes) if changes else made


@contextmanager
def unpacked(parcel: Parcel) -> Iterator[tuple[Pickled, Path | None]]:
    """Yield the job, and its folder, in a temporary folder."""
    with temporary_folder() as there:
        plugin_files = []
        for number, (name, source) in enumerate(parcel.plugin_files):
            plugin_files.append(there / f"plugins-{number}" / name)
            write_contents(plugin_files[-1].parent, {name: source})
        folder = there / "results" / parcel.folder if parcel.folder else None
        (there / "results").mkdir()
        if folder:
            write_contents(folder, parcel.files)
        changes = {"plugin_files": plugin_files} | ({"folder": folder} if folder else {})
        later = None if parcel.withheld is None else Pickled(parcel.withheld)
        yield Pickled(parcel.job, changes, later), folder


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
