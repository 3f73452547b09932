"""Plant known faults, one at a time, in a copy of the last commit, and check that the tests catch each.

The faults are in `results/faults.json`: in the file `path`, `old` is replaced by `new`. Each is run against
the test file named in `caught_by`, or with `--all` against all tests of `make test`. Tests that fail without
the fault too do not count. The exit code is 1 if a fault is missed, or `old` is not in `path` exactly once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

FAULTS = Path(__file__).parents[1] / "results" / "faults.json"
ROOTS = (".", "plugins", "embeddings", "benchmarks")
"""Folders with packages; those of the copy take precedence over the installed ones."""
ALL_TESTS = ("-n", "logical", "--maxprocesses", "8", "--dist", "loadfile", "tests")


def failing(copy: Path, *selected: str) -> list[str]:
    """Return the selected tests that fail in the copy, up to the first; exits if pytest cannot run them."""
    roots = os.pathsep.join(str(copy / root) for root in ROOTS)
    environment = os.environ | {"PYTHONPATH": roots, "TEXTGEN_CACHE": str(copy.parent / "cache")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not long", *selected]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 2:  # a test interrupted pytest, or could not be imported
        return [selected[-1]]
    if done.returncode not in (0, 1, 5):  # all passed, some failed, or all were deselected
        sys.exit(done.stdout + done.stderr)
    summary = (line.partition(" ") for line in done.stdout.splitlines())
    return [rest.partition(" - ")[0] for word, _, rest in summary if word in ("FAILED", "ERROR")]


def outcome(fault: dict[str, str], copy: Path, *selected: str) -> str:
    """Plant a fault in the copy, run the selected tests, and return which one caught it, or that none did."""
    file, known = copy / fault["path"], list[str]()
    text = file.read_text("utf-8")
    if (number := text.count(fault["old"])) != 1:
        return f"REFUSED: its `old` is {number} times in {fault['path']}"
    while True:
        file.write_text(text.replace(fault["old"], fault["new"]), "utf-8")
        found = failing(copy, *(f"--deselect={test}" for test in known), *selected)
        file.write_text(text, "utf-8")
        if not found or not failing(copy, *found):
            return f"caught by {found[0]}" if found else "MISSED"
        known += found


if __name__ == "__main__":
    faults = {fault["name"]: fault for fault in json.loads(FAULTS.read_text("utf-8"))["faults"]}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *faults], help="default: all faults")
    parser.add_argument("--all", action="store_true", help="run all tests of make test against each fault")
    options, is_missed = parser.parse_args(), False
    with TemporaryDirectory() as folder:
        there, worktree = Path(folder) / "copy", ["git", "-C", str(FAULTS.parent), "worktree"]
        subprocess.run([*worktree, "add", "--quiet", "--detach", str(there), "HEAD"], check=True)
        try:
            for name in options.names or faults:
                tests = ALL_TESTS if options.all else faults[name]["caught_by"].split("::")[:1]
                found = outcome(faults[name], there, *tests)
                print(f"{name}: {found}", flush=True)
                is_missed |= not found.startswith("caught")
        finally:
            subprocess.run([*worktree, "remove", "--force", str(there)], check=True)
    sys.exit(is_missed)
