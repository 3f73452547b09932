"""Check the last commit, build it twice in different folders, and say how to publish it; nothing is uploaded.

    make release

The tools come from the package index, into a temporary folder; the distributions are written to dist/.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLS = ("build>=1.2,<2", "cffconvert>=2,<3", "twine>=6,<8")


def main(root: Path = ROOT) -> int:
    """Return the exit code: 1 if something is wrong, which is printed."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    wrong = find_problems(root, project["version"])
    if wrong:
        print(*wrong, "nothing was built", sep="\n", file=sys.stderr)
        return 1
    dist = root / "dist"
    with tempfile.TemporaryDirectory() as temporary:
        tools = make_tools(Path(temporary) / "tools")
        run(tools / "cffconvert", "--validate", cwd=root)
        first, second = (build(root, tools, Path(temporary) / name) for name in ("first", "second"))
        if digests(first) != digests(second):
            print("two builds differ:", digests(first), digests(second), sep="\n", file=sys.stderr)
            return 1
        run(tools / "twine", "check", "--strict", *first.iterdir())
        shutil.rmtree(dist, ignore_errors=True)
        shutil.copytree(first, dist)
    for name, digest in digests(dist).items():
        print(f"{digest}  dist/{name}")
    if "urls" not in project:
        print("note: pyproject.toml has no [project.urls]: the page of the package leads nowhere")
    print("built twice, with the same result; publish it with")
    tag = f"v{project['version']}"
    print(f"  git tag {tag} && git push origin {tag} && pipx run twine upload dist/*")
    return 0


def find_problems(root: Path, version: str) -> list[str]:
    """Return what keeps the last commit from being released as `version`, a line each."""
    problems = [f"not committed: {line[3:]}" for line in git(root, "status", "--porcelain").splitlines()]
    heading = re.search(r"^## (.*)", (root / "CHANGELOG.md").read_text("utf-8"), re.M)
    title = heading[1] if heading else ""
    dated = re.fullmatch(rf"{re.escape(version)} \((\d{{4}}-\d\d-\d\d)\)", title)
    if not dated:
        problems.append(f"CHANGELOG.md begins with {title!r}; write '## {version} (YYYY-MM-DD)'")
    fields = {"version": version, **({"date-released": dated[1]} if dated else {})}
    citation = (root / "CITATION.cff").read_text("utf-8")
    for name, value in fields.items():
        if not re.search(rf"^{name}: ['\"]?{re.escape(value)}['\"]?$", citation, re.M):
            problems.append(f"CITATION.cff lacks '{name}: {value}'")
    if f'"{version}"' not in (root / "textgen" / "version.py").read_text("utf-8"):
        problems.append(f"textgen/version.py has another version than pyproject.toml: {version}")
    return problems


def make_tools(folder: Path) -> Path:
    """Return the folder of the commands of a new environment with `TOOLS`."""
    venv.create(folder, with_pip=True)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    run(commands / "python", "-m", "pip", "install", "--quiet", *TOOLS)
    return commands


def build(root: Path, tools: Path, folder: Path) -> Path:
    """Return the folder with the sdist of a new clone in `folder`, and the wheel built from that sdist."""
    git(root, "clone", "--quiet", str(root), str(folder / "clone"))
    time = git(root, "log", "-1", "--format=%ct").strip()
    os.environ["SOURCE_DATE_EPOCH"] = time  # files are as old as the commit, whenever they are built
    run(tools / "python", "-m", "build", "--outdir", folder / "dist", folder / "clone")
    return folder / "dist"


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command, or end with its output if it fails."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}failed: {' '.join(map(str, command))}")


def git(root: Path, *arguments: str) -> str:
    """Return the output of a git command."""
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
