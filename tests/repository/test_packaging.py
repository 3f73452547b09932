"""What `pip install` puts on a machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

pytest.importorskip("build")
pytest.importorskip("hatchling")
pytest.importorskip("hatch_fancy_pypi_readme")

SOURCES = (".py", ".toml", ".template", ".html", ".css", ".js")
ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@dataclass(frozen=True)
class Distribution:
    """What was built."""

    files: frozenset[str]
    """In the wheel."""
    metadata: str
    from_sdist: frozenset[str]
    """The files of a wheel that was built from the source distribution alone."""
    sdist: frozenset[str]
    digests: tuple[dict[str, str], ...]
    """SHA-256 of the wheel and the sdist by name, of each of two builds in different folders."""


def build(folder: Path, *options: str, root: Path = ROOT) -> Path:
    """Build without network and return the wheel."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), *options, str(root)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Distribution]:
    direct = build(tmp_path_factory.mktemp("direct"), "--wheel")
    through_sdist = build(tmp_path_factory.mktemp("through-sdist"))  # an sdist, and the wheel from that
    (archive,) = through_sdist.parent.glob("*.tar.gz")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.unpack_archive(archive, elsewhere, filter="data")
    (unpacked,) = elsewhere.iterdir()
    again = build(elsewhere / "dist", root=unpacked)
    with ZipFile(direct) as wheel, ZipFile(through_sdist) as second, tarfile.open(archive) as sdist:
        names = frozenset(wheel.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        yield Distribution(
            names,
            wheel.read(metadata).decode("utf-8"),
            frozenset(second.namelist()),
            frozenset(name.partition("/")[2] for name in sdist.getnames()),
            tuple(
                {path.name: sha256(path.read_bytes()).hexdigest() for path in built.parent.iterdir()}
                for built in (through_sdist, again)
            ),
        )


def test_only_own_packages_land_in_site_packages(distribution: Distribution) -> None:
    packages = {name.partition("/")[0] for name in distribution.files}
    information = {name for name in packages if name.endswith(".dist-info")}
    assert information == {f"textgen_bench-{PROJECT['version']}.dist-info"}
    own = {
        path.name
        for folder in ("plugins", "embeddings")
        for path in (ROOT / folder).glob("textgen_*")
        if (path / "__init__.py").exists()
    }
    assert packages - information == own | {"textgen"}
    assert len(own) <= 15
    assert not [name for name in distribution.files if "tests" in name or "__pycache__" in name]


def test_every_entry_point_has_its_module(distribution: Distribution) -> None:
    groups = [*PROJECT["entry-points"].values(), PROJECT["scripts"]]
    targets = [target for group in groups for target in group.values()]
    modules = {target.partition(":")[0].replace(".", "/") for target in targets}
    assert len(modules) > 10
    for module in modules:
        assert {f"{module}.py", f"{module}/__init__.py"} & distribution.files, module


def test_every_source_file_is_installed(distribution: Distribution) -> None:
    for folder, packages in (("", "textgen"), ("plugins", "textgen_*"), ("embeddings", "textgen_*")):
        for package in (ROOT / folder).glob(packages):
            files = [path for path in package.rglob("*") if path.suffix in SOURCES]
            assert {path.relative_to(ROOT / folder).as_posix() for path in files} <= distribution.files


def test_types_licence_and_readme_come_along(distribution: Distribution) -> None:
    packages = {name.partition("/")[0] for name in distribution.files if ".dist-info" not in name}
    assert {f"{package}/py.typed" for package in packages} <= distribution.files
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in distribution.files)
    assert "License-Expression: MIT" in distribution.metadata


def test_the_page_of_the_package_needs_no_repository(distribution: Distribution) -> None:
    """PyPI shows neither pictures nor pages by a relative path, and has no Makefile."""
    page = distribution.metadata.partition("\n\n")[2]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert page.startswith(readme.partition("In a clone of")[0])
    assert 'pip install "textgen-bench[' in page
    for heading in re.findall(r"^## .*", readme, re.M):
        assert heading in page
    assert re.findall(r"\]\((?!https?:).*", page) == []
    assert "make bench\n" not in page


def test_another_build_elsewhere_gives_the_same_files(distribution: Distribution) -> None:
    first, second = distribution.digests
    assert len(first) == 2
    assert first == second


def test_an_extra_is_asked_for_by_one_name_and_all_has_what_one_machine_needs() -> None:
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    asked = set(everything.partition("[")[2].rstrip("]").split(","))
    others = {"all", "mlflow", "ray", "site", "test", "trackio", "wandb"}
    assert asked == set(extras) - others
    sets = [frozenset(packages) for packages in extras.values()]
    assert len(set(sets)) == len(sets)


def test_the_source_distribution_is_complete(distribution: Distribution) -> None:
    assert distribution.from_sdist == distribution.files
    assert {
        "CITATION.cff",
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "benchmarks/results/bench-wiki.json",
        "benchmarks/textgen_benchmarks/speed.py",
        "tests/repository/test_packaging.py",
    } <= distribution.sdist
    if shutil.which("git") and (ROOT / ".git").exists():
        listing = ["git", "ls-files", "--cached"]
        tracked = subprocess.run(listing, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
        assert {name for name in tracked.splitlines() if (ROOT / name).exists()} <= distribution.sdist
