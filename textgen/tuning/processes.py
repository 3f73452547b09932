"""The processes that search in one study: each holds a lock as long as it lives, however it dies."""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from textgen.runtime.storage.files import make_folder
from textgen.runtime.storage.locks import is_held

WORKERS = "workers"
"""The folder in that of a study with the locks."""


class Workers:
    """This process among those that search in the study of a folder; it is one of them until `end`."""

    def __init__(self, folder: Path) -> None:
        """Join the others; what killed ones left is removed."""
        self._folder, self.name = folder / WORKERS, uuid.uuid4().hex
        self.lock = FileLock(self._folder / "study.lock")
        """Held while one of them changes the study."""
        self._life = FileLock(self._path(self.name))
        while not self._life.is_locked:
            make_folder(self._folder)
            with suppress(FileNotFoundError):  # the last process has just removed the folder
                self._life.acquire()
        with self.lock:
            self._others()

    def is_alive(self, name: str | None) -> bool:
        """Return whether a process lives; one without a name died before it could write it."""
        if name is None:
            return False
        return self._life.is_locked if name == self.name else is_held(self._path(name))

    def give_up(self) -> None:
        """Let this process count as dead, so that its trial is returned."""
        self._life.release()

    def end(self) -> None:
        """Leave the others; the last one leaves no file."""
        with self.lock:
            self._path(self.name).unlink(missing_ok=True)
            self._life.release()
            if not self._others():
                Path(self.lock.lock_file).unlink(missing_ok=True)
        with suppress(OSError):  # there are others
            self._folder.rmdir()

    def _others(self) -> list[Path]:
        """Return the locks of other processes; those of killed ones are removed."""
        mine = {self.lock.lock_file, self._life.lock_file}
        return [path for path in self._folder.glob("*.lock") if str(path) not in mine and is_held(path)]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"
