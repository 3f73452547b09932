"""What `make release` refuses."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from helpers.pages import ROOT
from textgen.version import __version__

RELEASE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "release.py"))

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose only commit is ready to be released as 1.2.0."""
    (tmp_path / "textgen").mkdir()
    for name, text in {
        "pyproject.toml": '[project]\nname = "p"\nversion = "1.2.0"\n',
        "CHANGELOG.md": "# Changelog\n\n## 1.2.0 (2030-12-31)\n\n## 1.1.0 (2030-01-01)\n",
        "CITATION.cff": "version: 1.2.0\ndate-released: 2030-12-31\n",
        "textgen/version.py": '__version__ = "1.2.0"\n',
    }.items():
        (tmp_path / name).write_text(text, "utf-8")
    who = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "ready"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("CHANGELOG.md", ("(2030-12-31)", "(unreleased)"), "CHANGELOG.md begins with '1.2.0 (unreleased)'"),
        ("CITATION.cff", ("2030-12-31", "2030-12-30"), "CITATION.cff lacks 'date-released: 2030-12-31'"),
        ("textgen/version.py", ("1.2.0", "1.2.1"), "textgen/version.py has another version"),
    ],
)
def test_only_a_clean_commit_with_one_version_everywhere_is_released(
    repository: Path, file: str, change: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert RELEASE["find_problems"](repository, "1.2.0") == []
    path = repository / file
    path.write_text(path.read_text("utf-8").replace(*change), "utf-8")
    assert RELEASE["main"](repository) == 1
    said = capsys.readouterr().err
    assert message in said
    assert f"not committed: {file}\n" in said
    assert not (repository / "dist").exists()


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
