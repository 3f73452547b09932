"""Other users of the machine: forbidden folders as one of them, and what they plant in shared ones.

These cases need root, which may become another user, and a Python that this user can read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from textgen.runtime.storage.cache import VARIABLE
from textgen_benchmarks.fuzzing.child import NOBODY, Ended, forked, textgen
from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.saved import SUITE, make_results
from textgen_kit.texts import PROSE

FAST = ("--device", "cpu", "--precision", "fp32")
LSTM = "char-lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=2"
WRITING: Sequence[Sequence[str]] = (
    ("train", "char-ngram", "--corpus", "text.txt", *FAST, "--out", "OUT"),
    ("train", "char-ngram", "--corpus", "text.txt", *FAST),
    ("train", LSTM, "--corpus", "text.txt", "--budget", "1500chars", *FAST, "--out", "OUT"),
    ("train", LSTM, "--corpus", "text.txt", "--budget", "1500chars", "--snapshots", *FAST, "--out", "OUT"),
    ("sample", "RUN", "The", "--length", "5", "--keep", "--device", "cpu"),
    ("score", "RUN", "text.txt", "--device", "cpu"),
    ("onnx", "RUN", "--out", "OUT"),
    ("onnx", "RUN"),
    ("runs", "remove", "--root", "OUT/..", "run", "--yes"),
    ("runs", "remove", "RUN", "--yes"),
    ("runs", "--root", "OUT"),
    ("runs", "--root", "OUT/..", "show", "run"),
    ("report", "BENCH"),
    ("verify", "BENCH"),
    ("plugins", "new", "mine", "--kind", "model", "--into", "OUT"),
    ("corpus", "text.txt"),
    ("corpus", "OUT"),
    ("describe", "char-lstm", "--corpus", "text.txt"),
    ("cache",),
    ("cache", "clear"),
    ("import-lm-eval", "OUT"),
)
"""Commands that compute in their own process; OUT is a place that may be forbidden."""
IN_PROCESSES: Sequence[Sequence[str]] = (
    ("bench", "char-ngram", "random", "--corpus", "text.txt", "--length", "20", *FAST, "--out", "OUT"),
    ("suite", "suite.toml", "--corpus", "text.txt", *FAST, "--out", "OUT"),
    (
        "tune",
        LSTM,
        "--corpus",
        "text.txt",
        "--budget",
        "500chars",
        "--trials",
        "1",
        "--seeds",
        "1",
        *FAST,
        "--search",
        "learning_rate=1e-3..1e-2",
        "--out",
        "OUT",
    ),
)
PRECIOUS = "Nobody may change this.\n"
NAMES = (
    "lock",
    "run.json",
    "weights.safetensors",
    "report.html",
    "bench.json",
    "report.md",
    "details.json",
    "runs",
    "jobs",
    "trials",
    "study.db",
    "study.db.new",
    "workers",
    "comparison",
    "snapshots",
    "files.json",
    "samples.json",
    "tokens.json",
)
"""Names that can be guessed in a folder of results."""


def open_to_all(place: Path) -> None:
    """Let others enter a folder and the one that it is in."""
    for each in (place, place.parent):
        each.chmod(0o755)


def given(folder: Path, user: int) -> None:
    """Give a folder and what is in it to a user."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def filled(case: Case) -> Path:
    """Return a folder, which another user may enter, with texts and results of root's."""
    place = case.place
    open_to_all(place)
    (place / "text.txt").write_text(PROSE[:1500] * 3, "utf-8")
    (place / "suite.toml").write_text(SUITE, "utf-8")
    (place / "precious").mkdir()
    (place / "precious" / "kept.txt").write_text(PRECIOUS)
    (place / "home").mkdir()
    return place


def whole(place: Path) -> str | None:
    """Return what is wrong with the files that nobody may change."""
    folder = place / "precious"
    if [path.name for path in folder.iterdir()] != ["kept.txt"]:
        return f"unsafe: files in another folder: {sorted(path.name for path in folder.iterdir())}"
    is_same = (folder / "kept.txt").read_text() == PRECIOUS and not (
        folder / "kept.txt"
    ).stat().st_mode & 0o022
    return None if is_same else "unsafe: a file that a link leads to was changed"


def arguments(command: Sequence[str], out: Path, results: Path) -> list[str]:
    """Return a command with its places."""
    places = {"RUN": str(results / "run"), "BENCH": str(results / "bench")}
    return [places.get(word, word.replace("OUT", str(out))) for word in command]


def forbidden(case: Case) -> str | None:
    """Run a command as someone whom folders do not let read or write: one line, or success."""
    chance, place = case.chance, filled(case)
    results = place / "results"
    shutil.copytree(case.prepared / "runs/0", results / "run")
    shutil.copytree(case.prepared / "bench", results / "bench")
    out = place / chance.choice(
        ("out", "out/deep/er", "results/run", "results/bench", "results", "precious/x")
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    given(place, chance.choice((NOBODY, NOBODY, 0)))
    for _ in range(chance.randint(0, 3)):
        path = chance.choice(
            (
                place / "home",
                out.parent,
                results,
                results / "run",
                results / "bench",
                place,
                place / "text.txt",
                results / "run" / "run.json",
            )
        )
        os.chown(path, chance.choice((0, NOBODY)), 0)
        path.chmod(chance.choice((0o000, 0o555, 0o444, 0o111, 0o222, 0o755, 0o1777, 0o1755, 0o700)))
    given(place / "precious", 0)
    environment = {"HOME": str(place / "home"), VARIABLE: None, "XDG_CACHE_HOME": None}
    if chance.random() < 0.3:
        environment["TMPDIR"] = str(chance.choice((place / "home", results, place / "absent")))
    if chance.random() < 0.2:
        environment[VARIABLE] = str(chance.choice((results, place / "precious", place / "text.txt", out)))
    chosen = IN_PROCESSES if chance.random() < 0.04 else WRITING
    command = arguments(chance.choice(chosen), out, results)
    done = forked(textgen(command), place, user=NOBODY, environment=environment)
    return said(done.problem() or whole(place), command, done)


def said(problem: str | None, command: Sequence[str], done: Ended) -> str | None:
    """Return a problem with the command that has it."""
    return problem and f"{problem}; textgen {' '.join(command)}; {done.stderr[-200:]!r}"


def planted(case: Case) -> str | None:
    """Run a command as root in a folder in which another user planted links: nothing else is touched."""
    chance, place = case.chance, filled(case)
    results, out = place / "results", place / "shared" / "out"
    shutil.copytree(case.prepared / "runs/0", results / "run")
    shutil.copytree(case.prepared / "bench", results / "bench")
    out.parent.mkdir()
    os.chmod(out.parent, chance.choice((0o777, 0o1777)))
    targets = (place / "precious" / "kept.txt", place / "precious", place / "precious" / "new")
    folder = chance.choice(
        (out, out.with_name("out.partial"), results / "run", results / "bench", out.parent)
    )
    folder.mkdir(exist_ok=True)
    for name in chance.sample(NAMES, 6):
        path = folder / name
        if chance.random() < 0.5 and (path.is_file() or path.is_symlink()):
            path.unlink()
        if not path.exists():
            path.symlink_to(chance.choice(targets))
            os.lchown(path, NOBODY, NOBODY)
    os.chown(folder, NOBODY, NOBODY)
    shared = place / "temporary"
    shared.mkdir()
    os.chmod(shared, 0o1777)
    for path in (shared / f"textgen-{os.getpid()}", shared / "textgen", shared / f"pymp-{os.getpid()}"):
        path.symlink_to(chance.choice(targets))
    environment = {"TMPDIR": str(shared), VARIABLE: str(place / "cache")}
    if chance.random() < 0.3:
        cache = place / "cache"
        for each in ("texts", "ids", "corpora", "answers", "vectors", "lock"):
            cache.mkdir(exist_ok=True)
            (cache / each).symlink_to(chance.choice(targets))
    chosen = IN_PROCESSES if chance.random() < 0.06 else WRITING
    command = arguments(chance.choice(chosen), out, results)
    done = forked(textgen(command), place if chance.random() < 0.5 else out.parent, environment=environment)
    if "text.txt" in command and not Path("text.txt").exists():
        pass  # it is not in the shared folder, which is one line
    return said(done.problem() or whole(place), command, done)


KINDS = (
    Kind("forbidden folders", forbidden, 700, make_results, seconds=90),
    Kind("planted links", planted, 500, make_results, seconds=90),
)
