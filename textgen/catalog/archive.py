"""Results as one zip archive, to keep or to send; what comes from elsewhere is checked before it is used.

An archive holds one folder of results. Only files that textgen writes are taken from it, and nothing in them
is code: JSON, safetensors, and the database of a study. Pages are left out, since a browser would run them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import stat
import struct
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from textgen.catalog.folders import FILES, Kind, ResultFolder, belongs, result_files
from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line
from textgen.runtime.storage.digests import DIGESTS, check_digests
from textgen.runtime.storage.files import make_folder, new_file, new_folder
from textgen.runtime.storage.json_records import read_record
from textgen.runtime.storage.plain_files import open_plain, read_json
from textgen.runtime.storage.result_folders import is_lock, result_folder

MAX_FILES = 10_000
MAX_ARCHIVE_BYTES = 16 * 2**30
MAX_MEMBER_BYTES = 2**28
MAX_RATIO = 200
"""Bytes that a compressed byte may stand for in a file of more than `SMALL_BYTES`; zeros give 1,000."""
SMALL_BYTES = 2**20
_STATE = ("state.json", "tensors.safetensors")
DIGESTED: dict[str, tuple[str, ...]] = {
    DIGESTS: (),
    FILES["run"]: (FILES["run"], "tokenizer.json", "weights.safetensors"),
    **{name: (name,) for name in ("tokenizer.json", "weights.safetensors", "spellings.json")},
    **dict.fromkeys(_STATE, _STATE),
}
"""Files whose digests are in another one next to them, with those that must be there too."""
STUDY = "study.db"
PAGES = (".html",)
IS_ENCRYPTED = 1
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
UNREADABLE = (
    ArithmeticError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""Errors that reading an archive raises that was cut or changed."""
SAFE_NAME = re.compile(r"""(?![.-])[^\\/:*?"<>|]{0,199}[^\\/:*?"<>|. ]""")
RESERVED_NAME = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def export_archive(folder: ResultFolder, file: Path) -> None:
    """Write a folder of results to a new zip file, whole or not at all.

    Raises `TextgenError` if a result cannot be read or has changed.
    """
    if file.exists():
        raise TextgenError(f"{str(file)!r} exists already; choose another file (--out)")
    if not file.parent.is_dir():
        raise TextgenError(f"there is no folder {str(file.parent)!r}; choose another file (--out)")
    try:
        for path in result_files(folder):
            open_plain(folder.path / path).close()
        _check_results(folder)
    except (OSError, ValueError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise TextgenError(f"cannot export {str(folder.path)!r}: {reason}") from None
    with (
        new_file(file) as target,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
    ):
        for path in result_files(folder):
            archive.write(folder.path / path, PurePosixPath(folder.path.absolute().name) / path)


def import_archive(file: Path, root: Path) -> Path:
    """Unpack an archive of results into a new folder below `root`, whole or not at all; return the folder.

    Raises `TextgenError` if it contains anything but the files of one result, if these cannot be read, or if
    there is a folder of its name.
    """
    try:
        with open_plain(file) as plain, zipfile.ZipFile(plain) as archive:
            _check_size(archive, os.fstat(plain.fileno()).st_size)
            name, kind, members = _checked(archive)
            folder = root / name
            if folder.exists():
                raise TextgenError(f"{str(folder)!r} exists already; choose another folder (--root)")
            with result_folder(root, lambda: name):
                make_folder(root)
                with new_folder(folder) as made:
                    _unpack(archive, members, made)
                    _check_results(ResultFolder(made, kind))
    except UNREADABLE as error:
        reason = (isinstance(error, OSError) and error.strerror) or one_line(error, with_type=False)
        raise TextgenError(f"cannot import {str(file)!r}: {reason}") from error
    return folder


def _check_size(archive: zipfile.ZipFile, num_bytes: int) -> None:
    """Raise `ValueError` if an archive unpacks to too much, whatever its files share."""
    infos = archive.infolist()
    total = sum(info.file_size for info in infos)
    if len(infos) > MAX_FILES or total > MAX_ARCHIVE_BYTES:
        raise ValueError(f"it has more than {MAX_FILES:,} files or {MAX_ARCHIVE_BYTES / 2**30:.0f} GiB")
    if total > max(MAX_RATIO * num_bytes, SMALL_BYTES):
        raise ValueError(f"it is compressed more than {MAX_RATIO}-fold")


def _checked(archive: zipfile.ZipFile) -> tuple[str, Kind, Mapping[PurePosixPath, zipfile.ZipInfo]]:
    """Return the name of the folder in an archive, its kind, and its files, which are all allowed."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if not infos:
        raise ValueError("it is empty")
    for info in infos:
        _check_member(info)
    paths = {PurePosixPath(info.filename): info for info in infos}
    name = PurePosixPath(infos[0].filename).parts[0]
    if any(path.parts[0] != name or len(path.parts) < 2 for path in paths):
        raise ValueError("its files are not in one folder")
    members = {path.relative_to(name): info for path, info in paths.items()}
    if len({str(path).casefold() for path in members}) < len(infos):
        raise ValueError("it contains a file twice")
    kind = next((kind for kind, file in FILES.items() if PurePosixPath(file) in members), None)
    if kind is None:
        raise ValueError(f"it is not a result of textgen: it lacks {' or '.join(FILES.values())}")
    for path in members:
        if not belongs(kind, path):
            raise ValueError(f"{str(path)!r} is not part of a {kind}")
    return name, kind, members


def _is_safe(name: str) -> bool:
    """Return whether a file name is printable and valid on every system.

    Hidden names, and those that look like an option or reverse the direction of a line, are not.
    """
    shown = all(unicodedata.category(character)[0] != "C" for character in name)
    return shown and bool(SAFE_NAME.fullmatch(name)) and not RESERVED_NAME.fullmatch(name)


def _check_member(info: zipfile.ZipInfo) -> None:
    """Raise `ValueError` for a path that leads elsewhere, a link, or a file that is too well compressed."""
    if not all(map(_is_safe, info.filename.split("/"))):
        raise ValueError(f"{info.filename!r} is not a safe path")
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        raise ValueError(f"{info.filename!r} is not a plain file")
    if info.compress_type not in ZIP_METHODS or info.flag_bits & IS_ENCRYPTED:
        raise ValueError(f"{info.filename!r} is encrypted, or compressed by another method")
    if info.filename.endswith(".json") and info.file_size > MAX_MEMBER_BYTES:
        raise ValueError(f"{info.filename!r} has {info.file_size / 2**20:,.0f} MiB")
    if info.file_size > SMALL_BYTES and info.file_size > MAX_RATIO * info.compress_size:
        raise ValueError(f"{info.filename!r} is compressed more than {MAX_RATIO}-fold")


def _unpack(archive: zipfile.ZipFile, members: Mapping[PurePosixPath, zipfile.ZipInfo], folder: Path) -> None:
    for path, info in members.items():
        if not _is_kept(path):
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, open(target, "xb") as copy:
            shutil.copyfileobj(source, copy)
        changed = time.mktime((*info.date_time, 0, 0, -1))
        os.utime(target, (changed, changed))


def _check_results(folder: ResultFolder) -> None:
    """Raise `ValueError` if a file in a folder of results is not what its name says, or has changed."""
    from safetensors import SafetensorError

    files = [folder.path / path for path in result_files(folder) if _is_kept(path)]
    digested = [file for file in files if file.name in DIGESTED]
    needed: dict[Path, set[str]] = {}
    for file in digested:
        needed.setdefault(file.parent, set()).update(DIGESTED[file.name])
    try:
        for file in files:
            if file.name not in DIGESTED or file.name == FILES["run"]:
                _check_content(file)
        for place, names in needed.items():
            check_digests(place, sorted(names))
        for file in digested:  # after the digests, which say what has changed
            if file.name != FILES["run"]:
                _check_content(file)
    except (TextgenError, OSError, SafetensorError, sqlite3.Error) as error:
        raise ValueError(str(error).replace(f"{folder.path}{os.sep}", "")) from None


def _check_content(file: Path) -> None:
    """Read a file of results as what its name says that it is; raises an error if it is not."""
    from textgen.catalog.items import read_result
    from textgen.comparison.bench import DETAILS
    from textgen.comparison.guesses import GUESSES, Guesses
    from textgen.comparison.readings import Details
    from textgen.experiment.kept_samples import SAMPLES, KeptSamples
    from textgen.runtime.storage.state_files import check_header
    from textgen.suites.suite_result import JobResult

    kinds: dict[str, Kind] = {name: kind for kind, name in FILES.items()}
    records: dict[str, type] = {GUESSES: Guesses, SAMPLES: KeptSamples, DETAILS: Details}
    if file.name in kinds:
        read_result(ResultFolder(file.parent, kinds[file.name]))
    elif file.name in records:
        read_record(records[file.name], file)
    elif file.parent.name == "jobs":
        read_record(JobResult, file, needs_digest=True)
    elif file.suffix == ".json":
        read_json(file, MAX_MEMBER_BYTES)
    elif file.suffix == ".safetensors":
        check_header(file)
    elif file.name == STUDY:  # which takes in what SQLite has left next to it
        with contextlib.closing(sqlite3.connect(file)) as database:
            found = database.execute("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise ValueError(f"{file.name} is damaged: {found}")


def _is_kept(path: PurePosixPath) -> bool:
    """Return whether a file is worth keeping: locks and databases that are being made are not."""
    return path.suffix not in PAGES and not is_lock(path) and not path.name.startswith(f"{STUDY}.new")
