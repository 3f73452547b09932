"""The texts of the compression benchmarks `enwik8` and `text8`, from files that the user has."""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path
from zipfile import ZipFile

from textgen.contracts import TextgenError
from textgen.data.sources import download_folder
from textgen.data.text_file import naming_damage
from textgen.runtime.storage.files import new_file

NUM_BYTES = 100_000_000
"""The length of each of them."""
PAGE = "https://mattmahoney.net/dc"


class _HundredMillionBytes:
    """A file that is known by its name, length and MD5; read where it is, since it is large."""

    name = ""
    md5 = ""

    def path(self, item: str) -> Path:
        """Return the file at the path `item`, or without one that among the downloads, once it is verified.

        An archive (.zip) is unpacked into the cache once. Raises `TextgenError` if it is not there, or
        another file.
        """
        folder = download_folder()
        here = folder / self.name
        places = [Path(item).expanduser()] if item else [here, here.with_suffix(".zip")]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            where = f"no such file: {item}" if item else f"{folder} does not contain {self.name}"
            raise TextgenError(
                f"{where}; download {PAGE}/{self.name}.zip and name it after a slash, as "
                f"{self.name}/{self.name}.zip"
            )
        if found.suffix == ".zip":
            found = self._unpacked(found, folder / self.name)
        self._verify(found)
        return found

    def read(self, item: str) -> str:
        """Return the text; raises as `path` does."""
        return self.path(item).read_text("utf-8")

    def _unpacked(self, archive: Path, target: Path) -> Path:
        if target.is_file() and target.stat().st_size == NUM_BYTES:
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with naming_damage(str(archive)), ZipFile(archive) as packed, new_file(target) as file:
            if packed.getinfo(self.name).file_size != NUM_BYTES:
                raise TextgenError(f"{archive} does not have the {NUM_BYTES:,} bytes of {self.name}")
            with packed.open(self.name) as member:
                shutil.copyfileobj(member, file)
        return target

    def _verify(self, path: Path) -> None:
        state = path.stat()
        if (size := state.st_size) != NUM_BYTES:
            problem = f"{size:,} bytes instead of {NUM_BYTES:,}"
        elif (found := _md5(path, state.st_mtime_ns)) != self.md5:
            problem = f"MD5 {found} instead of {self.md5}"
        else:
            return
        raise TextgenError(f"{path} is not {self.name}: {problem}; download {PAGE}/{self.name}.zip")


@cache
def _md5(path: Path, changed: int) -> str:  # noqa: ARG001 - a file that has changed is read again
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


class Enwik8(_HundredMillionBytes):
    """Wikipedia of 2006 with its markup, 100 million bytes, from a file.

    The user has the file, as `enwik8/PATH/enwik8.zip` names it, of <https://mattmahoney.net/dc/textdata.html>
    (M. Mahoney). Its length and MD5 are checked. Papers train on the first 90 million bytes and test on the
    last 5 million: `--clean raw --split exact:90/5/5`. Licence: CC BY-SA and GFDL.
    """

    name = "enwik8"
    md5 = "a1fa5ffddb56f4953e226637dabbb36a"


class Text8(_HundredMillionBytes):
    """Words of the same Wikipedia, 100 million letters and spaces, from a file.

    The user has the file, as `text8/PATH/text8.zip` names it; otherwise as `enwik8`.
    """

    name = "text8"
    md5 = "3bea1919949baf155f99411df5fada7e"
