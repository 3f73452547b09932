"""`runs remove` among the user's files, links and locks, and killed at any instant."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from textgen.results.folders import find_folders
from textgen.runtime.storage.files import UNFINISHED
from textgen_benchmarks.fuzzing.child import forked, textgen
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.saved import make_results

PRECIOUS = "It took a year.\n"
PLACES = (
    "",
    ".git",
    ".git/refs",
    "notes",
    "runs",
    "runs/notes",
    "jobs",
    "jobs/x",
    "trials",
    "trials/x.partial",
    "snapshots",
    "snapshots/100",
    "workers",
    "comparison",
    "comparison/runs/x",
    "run",
    "a/b/c/d",
    ".hidden",
    "lock.d",
)
FILES = (
    "novel.txt",
    ".notes",
    "run.json.bak",
    "lock",
    "LOCK",
    "report.md",
    "weights.safetensors",
    "study.db",
    "x.lock",
    "run.json",
    "0123456789abcdef.json",
    "é.txt",
    "a\nb",
    ".run.textgen-host-1-00000000x",
    ".textgen-x-1-0123abcd",
    "state.json",
    "-rf",
    "*",
    " ",
    "bench.json~",
    "samples.json.partial",
)
OURS = ("lock", "report.md", "weights.safetensors", "study.db", "run.json", "state.json", "x.lock")
"""Names that textgen gives to files too: what has such a name where textgen would write it is ours."""


def sprinkled(case: Case, folder: Path, outside: Path) -> list[Path]:
    """Put files of the user's and links into a folder of results; return those that must stay."""
    chance, kept = case.chance, []
    for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
        path = folder / chance.choice(PLACES) / chance.choice(FILES)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() or path.is_symlink():
                continue
            kind = chance.randrange(6)
            if kind < 4:
                path.write_text(PRECIOUS)
                if path.name not in OURS and not path.parent.match("jobs"):
                    kept.append(path)
            elif kind == 4:
                path.symlink_to(chance.choice((outside, outside / "novel.txt", Path("/dev/zero"), folder)))
                kept.append(path)
            else:
                os.mkfifo(path)
                kept.append(path)
        except (FileExistsError, NotADirectoryError):
            continue
    return kept


def removed(case: Case) -> str | None:  # noqa: PLR0911 - one for each way to fail
    """Remove results, perhaps killed meanwhile, and again: nothing of the user's goes, all of ours does."""
    chance, place = case.chance, case.place
    outside, root = place / "outside", place / chance.choice(("runs", "results", "a b"))
    outside.mkdir()
    (outside / "novel.txt").write_text(PRECIOUS)
    origins = ("runs/0", "runs/2", "bench", "suite", "tune")
    folders = [
        Path(shutil.copytree(case.prepared / each, root / f"r{index}-{Path(each).name}"))
        for index, each in enumerate(chance.sample(origins, chance.randint(1, 3)))
    ]
    folder = folders[0]
    kept = sprinkled(case, folder, outside)
    beside = sprinkled(case, root, outside)
    lock = None
    if chance.random() < 0.15:
        at = chance.choice((folder / "lock", folder.with_name(f"{folder.name}.partial") / "lock"))
        at.parent.mkdir(exist_ok=True)
        lock = FileLock(at)
        lock.acquire()
    held = lock is not None and Path(lock.lock_file).parent == folder
    word = chance.choice((folder.name, str(folder), folder.name))
    command = [
        "runs",
        "remove",
        word,
        "--root",
        str(root),
        "--yes",
        *(["--json"] if chance.random() < 0.2 else []),
    ]
    if chance.random() < 0.4:
        for _ in range(chance.randint(1, 3)):
            forked(textgen(command), place, kill_after=chance.uniform(0.0, 0.08))
    done = forked(textgen(command), place)
    if lock is not None:
        lock.release(force=True)
    lost = [path for path in kept if folder.exists() and not path.is_symlink() and not path.exists()]
    lost += [path for path in kept if not folder.exists()]
    lost += [path for path in beside if not path.is_symlink() and not path.exists()]
    about = f"textgen {' '.join(command)}: {done.code} {done.stderr[-200:]!r} {done.stdout[-100:]!r}"
    if (outside / "novel.txt").read_text() != PRECIOUS:
        return f"unsafe: a file outside; {about}"
    if lost:
        return f"lost: {[str(path.relative_to(root)) for path in lost][:3]}; {about}"
    if held and not (folder / "lock").parent.exists():
        return f"lost: a folder that a process writes to; {about}"
    gone = not folder.exists()
    if (problem := done.problem()) and not (done.code == 1 and gone):
        return f"{problem}; {about}"
    if done.code == 0 and not gone:
        return f"left: {folder} is there after it was removed; {about}"
    found = {each.path.name for each in find_folders(root)}
    if any(other.name not in found for other in folders[1:]):
        return f"lost: other results; {about}"
    left = leftovers(root) if done.code == 0 else []
    return f"left: {left}; {about}" if left else None


def leftovers(root: Path) -> Sequence[str]:
    """Return the names of what is unfinished in a folder."""
    return [path.name for path in root.glob(".*") if UNFINISHED.fullmatch(path.name)]


KINDS = (Kind("runs remove", removed, 600, make_results, seconds=90),)
