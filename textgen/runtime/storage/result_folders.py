"""Folders of results: names that say what is in them, claimed at once, and removed if they stay empty.

Leftovers of killed processes are removed when the next command begins.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath

from textgen.runtime.storage.files import cannot_write, make_folder, remove_unfinished
from textgen.runtime.storage.locks import LOCK, is_held

RUNS = Path("runs")
"""Folder in which results are saved, and looked for, unless one is given."""
RUN_FILE = "run.json"
"""File by which the folder of a run is recognized."""
PAGE, MARKDOWN = "report.html", "report.md"
"""Reports in a folder of results, for the browser and as text."""

MAX_NAME_CHARS = 120
MAX_CORPUS_CHARS = 30
NUMBER_CHARS = len("-999")
"""Room for the number that tells folders of one name apart."""
CLAIMED = re.compile(r"(?:suite-.+|.+-\d{4}-\d\d-\d\d-\d{4}(?:-\d+)?)(?:\.partial)?")
"""Names of folders that are made under `runs`."""
ABANDONED_SECONDS = 60
"""Age after which a folder without results is taken for one of a killed process."""
DEEPEST = "/".join(["x" * 100] * 5)
"""A path as long as any in a folder of results, which a system that limits paths must have room for."""
PLACES = (".", "runs", "jobs", "comparison")
"""Places in a folder of results where a killed process may leave unfinished files, besides `*/runs`."""


def result_name(entries: Sequence[str], corpus: str, budget: str = "", seed: int = 0) -> str:
    """Return a name such as `char-lstm_word-lstm-glove_random-wiki-60s-2026-11-25-1635`.

    `corpus` has its sources joined by plus signs. A seed of 0 is left out, the options of entries are as far
    as there is room, and of many entries the first ones are named.
    """
    sources = "+".join(_source(each) for each in corpus.split("+"))[:MAX_CORPUS_CHARS]
    seeded = f"seed{seed}" if seed else ""
    end = "-".join(filter(None, [sources, _plain(budget), seeded, time.strftime("%Y-%m-%d-%H%M")]))
    return f"{_joined(entries, MAX_NAME_CHARS - NUMBER_CHARS - len(end) - 1)}-{end}"


@contextlib.contextmanager
def result_folder(out: str | Path | None, name: Callable[[], str]) -> Iterator[Path]:
    """Yield the folder `out` or, without one, a new folder under `runs` with this name.

    Folders that are made meanwhile, in it or above it, are removed if they are empty in the end, since what
    they were made for was refused or interrupted.
    """
    target = RUNS if out is None else Path(out)
    _check_path(target)
    _clear(target)
    before = set(_inside(target))
    made = [each for each in (target, *target.parents) if not each.exists()]
    folder = target
    if out is None:
        make_folder(RUNS)
        folder = _claim(name())
        made.insert(0, folder)
    try:
        yield folder
    finally:
        inside = [each for each in _inside(folder) if each not in before]
        for each in (*inside, *made):
            with contextlib.suppress(OSError):  # most have contents, so they stay
                each.rmdir()


def _check_path(target: Path) -> None:
    """Raise `TextgenError` if a folder cannot have this path, or if those in it would be too long."""
    try:
        if str(target).encode(errors="ignore").decode() != str(target):
            raise ValueError("its name is not UTF-8, so weights in it could not be read")
        (target / DEEPEST).stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        raise cannot_write(target, error) from None


def _clear(target: Path) -> None:
    """Remove what killed processes left in a folder of results and around it, or under `runs`."""
    for folder in _subfolders(RUNS) if target == RUNS else [target]:
        for place in PLACES:
            remove_unfinished(folder / place)
        for runs in folder.glob("*/runs"):
            remove_unfinished(runs.parent)
            remove_unfinished(runs)
    remove_unfinished(RUNS if target == RUNS else target.parent)
    for folder in _subfolders(RUNS):
        if CLAIMED.fullmatch(folder.name) and _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    """Return whether nothing is in a folder, but perhaps locks of killed processes."""
    with contextlib.suppress(OSError):  # another process has just removed it
        files = [path for path in folder.rglob("*") if not path.is_dir()]
        is_old = time.time() - folder.stat().st_mtime > ABANDONED_SECONDS
        return is_old and all(is_lock(path) and not is_held(path) for path in files)
    return False


def is_lock(path: PurePath) -> bool:
    """Return whether a file, by its path, is a lock on a folder of results."""
    return path.name == LOCK or path.match("workers/*.lock")  # the latter in a study


def _claim(name: str, number: int = 1) -> Path:
    """Make the folder of this name; a number tells it apart from one that exists."""
    folder = RUNS / (name if number == 1 else f"{name}-{number}")
    try:
        folder.mkdir()
    except FileExistsError:
        return _claim(name, number + 1)
    return folder


def _inside(folder: Path) -> list[Path]:
    """Return the folders that a command may make in one, the inner ones first."""
    return [*folder.glob("*/runs"), *_subfolders(folder)]


def _subfolders(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []


def _joined(entries: Sequence[str], room: int) -> str:
    """Return the entries in a name: with options, without them, or only the first ones."""
    whole = [_plain(entry.replace(":", ",", 1), re.ASCII) for entry in entries]
    short = list(dict.fromkeys(_plain(entry.partition(":")[0], re.ASCII) for entry in entries))
    first = [[*short[:number], f"and-{len(short) - number}-more"] for number in range(len(short) - 1, 0, -1)]
    fitting = (text for names in (whole, short, *first) if len(text := "_".join(names)) <= room)
    return next(fitting, short[0][:room])


def _source(source: str) -> str:
    """Return the name of a source of text, which may be a path or `-` for standard input."""
    return "stdin" if source == "-" else _plain(Path(source).absolute().name.removesuffix(".txt"))


def _plain(text: str, flags: int = 0) -> str:
    """Return a text without characters that are special in paths or shells."""
    return re.sub(r"[^\w.=+,-]+", "_", text.replace("*", "x"), flags=flags).strip("._")
