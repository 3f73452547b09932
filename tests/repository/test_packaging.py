"""What `pip install` puts on a machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from helpers.pages import ROOT, read_page

pytest.importorskip("build")
pytest.importorskip("hatchling")
pytest.importorskip("hatch_fancy_pypi_readme")

SOURCES = (".py", ".toml", ".template", ".html", ".css", ".js")
PROJECT = tomllib.loads(read_page("pyproject.toml"))["project"]
OWN = {
    path.parent
    for folder in ("", "plugins", "embeddings")
    for path in (ROOT / folder).glob("textgen*/__init__.py")
}
"""The packages that are installed."""


@dataclass(frozen=True)
class Distribution:
    wheel: Path
    files: frozenset[str]
    """In the wheel, which was built from the source distribution alone."""
    metadata: str
    sdist: frozenset[str]
    digests: tuple[dict[str, str], ...]
    """SHA-256 of the wheel and the sdist by name, of each of two builds in different folders."""


def build(folder: Path, root: Path) -> dict[str, str]:
    """Build a source distribution, and the wheel from that, without network; return the SHA-256 of both."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(root)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    folder, elsewhere = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("elsewhere")
    first = build(folder, ROOT)
    (archive,), (wheel_file,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    shutil.unpack_archive(archive, elsewhere, filter="data")
    (unpacked,) = elsewhere.iterdir()
    second = build(elsewhere / "dist", unpacked)
    with ZipFile(wheel_file) as wheel, tarfile.open(archive) as sdist:
        names = frozenset(wheel.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        about = wheel.read(metadata).decode("utf-8")
        in_sdist = frozenset(name.partition("/")[2] for name in sdist.getnames())
        return Distribution(wheel_file, names, about, in_sdist, (first, second))


def test_own_packages_land_in_site_packages_with_all_their_files(distribution: Distribution) -> None:
    packages = {name.partition("/")[0] for name in distribution.files}
    information = f"textgen_bench-{PROJECT['version']}.dist-info"
    assert packages == {package.name for package in OWN} | {information}
    assert not [name for name in distribution.files if "tests" in name or "__pycache__" in name]
    for package in OWN:
        files = [path for path in package.rglob("*") if path.suffix in SOURCES]
        files.append(package / "py.typed")
        assert {path.relative_to(package.parent).as_posix() for path in files} <= distribution.files
    assert f"{information}/licenses/LICENSE" in distribution.files
    assert "License-Expression: MIT" in distribution.metadata


def test_the_page_of_the_package_needs_no_repository(distribution: Distribution) -> None:
    """PyPI shows neither pictures nor pages by a relative path, and has no Makefile."""
    page = distribution.metadata.partition("\n\n")[2]
    readme = read_page("README.md")
    before = re.sub(
        r"!\[[^]]*\]\([^)]+\)\s*(\*[^*]*\*\s*)?", "", readme.partition("Run this in a clone of")[0]
    )
    without_links = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", before)
    assert page.startswith(without_links)
    assert 'pip install "textgen-bench[' in page
    for heading in re.findall(r"^## .*", readme, re.M):
        assert heading in page
    assert re.findall(r"\]\((?!https?:).*", page) == []
    assert "make bench\n" not in page


def test_the_source_distribution_is_complete_and_builds_the_same_files(distribution: Distribution) -> None:
    first, second = distribution.digests
    assert len(first) == 2
    assert first == second
    assert {"LICENSE", "Makefile", "pyproject.toml", "benchmarks/LOG.md"} <= distribution.sdist
    if shutil.which("git") and (ROOT / ".git").exists():
        listing = ["git", "ls-files", "--cached"]
        tracked = subprocess.run(listing, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
        assert {name for name in tracked.splitlines() if (ROOT / name).exists()} <= distribution.sdist


@pytest.mark.long
def test_it_compares_on_python_3_14_which_gensim_lacks(distribution: Distribution, tmp_path: Path) -> None:
    def run(*command: object) -> subprocess.CompletedProcess[str]:
        words = list(map(str, command))
        return subprocess.run(words, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)

    if not shutil.which("python3.14") or run("python3.14", "-m", "venv", "new").returncode:
        pytest.skip("needs Python 3.14")
    done = run("new/bin/pip", "install", "--only-binary=:all:", distribution.wheel)
    assert done.returncode == 0, done.stderr
    text = ["--corpus", "stdlib", "--budget", "2kchars", "--max-chars", "20000", "--json"]
    done = run("new/bin/textgen", "bench", "char-lstm", "word-lstm-word2vec", *text)
    errors = {row["name"]: row["error"] for row in json.loads(done.stdout)["entries"]}
    assert errors["char-lstm"] is None
    for message in (errors["word-lstm-word2vec"], run("new/bin/textgen", "corpus", "wiki").stderr):
        assert re.fullmatch(".*gensim, which needs Python 3.13 or older.*\n?", message)
