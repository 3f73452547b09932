"""The command line in this process: exit codes, one line for what is wrong, nothing left behind."""

from __future__ import annotations

import shutil
from contextlib import chdir
from pathlib import Path

from textgen_benchmarks.fuzzing import words
from textgen_benchmarks.fuzzing.kind import Case, Kind, names_below, run
from textgen_benchmarks.fuzzing.mutations import damage_folder, hostile_file
from textgen_benchmarks.fuzzing.saved import make_results
from textgen_benchmarks.fuzzing.texts import any_bytes

MAX_LINE = 1000
"""Characters of the line that says what is wrong."""
COMMANDS = (
    "describe copy", "sample copy --length 5", "score copy text.txt", "report copy", "verify copy",
    "runs --root .", "runs --root . show copy", "runs --root . compare copy",
    "runs --root . export copy --out out.zip", "corpus text.txt", "describe -",
)  # fmt: skip
"""Commands on a result and a file."""


def problem(code: int, stderr: str) -> str | None:
    """Return what is wrong with the end of a command: it succeeds, or says why not in one line."""
    if code == 0:
        return None
    lines = stderr.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    if code not in (1, 2):
        return f"traceback: exit code {code}"
    if len(errors) != 1 or lines[-1] != errors[0]:
        return f"traceback: exit code {code} and on stderr {stderr[-300:]!r}"
    return f"long line: {len(errors[0])} characters" if len(errors[0]) > MAX_LINE else None


def refused(arguments: list[str], place: Path, stdin: bytes = b"") -> str | None:
    """Run a command in a folder, in which nothing may be left if it is refused."""
    before = names_below(place)
    with chdir(place):
        code, _, stderr = run(arguments, stdin)
    if wrong := problem(code, stderr):
        return f"{wrong}; textgen {' '.join(arguments)[:300]}"
    left = sorted(set(names_below(place)) - set(before))
    return f"left: {left[:3]} by textgen {' '.join(arguments)[:300]}" if code and left else None


def words_of_commands(case: Case) -> str | None:
    """Run a command with odd words; trainings are tiny."""
    text = ["--corpus", "lee", "--max-chars", "3000", "--device", "cpu", "--precision", "fp32"]
    train = ["train", words.entry(case.chance), *text, "--budget", "200chars"]
    sample = ["sample", str(case.prepared / "runs/0"), "--length", "5"]
    budget = words.budget(case.chance)
    commands = (
        [*train[:2], "--corpus", words.entry(case.chance), "--budget", "1chars"],
        [*train[:-1], budget] if case.chance.random() < 0.1 else [*train[:2], "--budget", f"x{budget}"],
        [*train, "--split", words.split(case.chance)],
        [*train, "--clean", words.spoilt("prose", case.chance), "--seed", words.number(case.chance)],
        [*sample, "--sampler", words.sampler(case.chance)],
        [*sample, "--seed", words.number(case.chance), "--number", "2"],
        [
            *sample[:2],
            words.spoilt("The", case.chance),
            "--length",
            case.chance.choice(["0", "5", "-1", "x"]),
        ],
        ["score", str(case.prepared / "runs/0"), words.entry(case.chance)],
        ["describe", words.entry(case.chance), *text[:4]],
        ["plugins", "show", words.entry(case.chance)],
        ["runs", "show", words.entry(case.chance)],
        ["suite", words.entry(case.chance), "--corpus", "lee"],
        [words.spoilt("describe", case.chance), words.entry(case.chance)][: case.chance.randint(0, 1)],
        ["corpus", "lee", "--max-chars", words.number(case.chance)],
    )
    arguments = [word for word in case.chance.choice(commands) if "\0" not in word]
    return refused([word.encode("utf-8", "replace").decode() for word in arguments], case.place)


def files_of_commands(case: Case) -> str | None:
    """Run a command on results that are damaged or hostile."""
    name = case.chance.choice(("runs/0", "runs/1", "runs/3", "bench", "suite", "tune"))
    copy = Path(shutil.copytree(case.prepared / name, case.place / "copy"))
    if case.chance.random() < 0.5:
        damage_folder(copy, case.chance)
    else:
        files = [path for path in sorted(copy.rglob("*")) if path.suffix in (".json", ".safetensors")]
        hostile_file(case.chance.choice(files), case.chance)
    (case.place / "text.txt").write_bytes(any_bytes(case.chance))
    command = case.chance.choice(COMMANDS).split()
    command += [str(case.prepared / name)] if "compare" in command else []
    with chdir(case.place):
        code, _, stderr = run(command, any_bytes(case.chance))
    return problem(code, stderr)


KINDS = (
    Kind("words of commands", words_of_commands, 500, make_results),
    Kind("files of commands", files_of_commands, 500, make_results),
)
