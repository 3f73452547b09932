"""The documentation site: it builds without a warning, and shows what the repository says."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

from helpers.pages import ROOT

PAGES: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "pages.py"))
"""The program that writes the pages."""


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_site_has_what_the_repository_says_and_loads_nothing_from_elsewhere(
    shared_bench: Path, tmp_path: Path
) -> None:
    """As `mkdocs build --strict` builds it: a link that leads nowhere, and any warning, ends it."""
    for needed in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(needed)
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    site = tmp_path / "site"
    PAGES["write"](tmp_path / "pages", shutil.copytree(shared_bench, tmp_path / "bench"))
    folders = {"docs_dir": str(tmp_path / "pages"), "site_dir": str(site)}
    build(load_config(str(ROOT / "mkdocs.yml"), strict=True, **folders))
    found = json.loads((site / "search" / "search_index.json").read_text("utf-8"))["docs"]
    sections = {each["location"]: each["text"] for each in found}
    assert "Use only the first N characters." in sections["command-line.html#textgen-bench"]
    assert "reference.html#textgen.library.runs.Run.sample" in sections
    assert "contracts.html#textgen.contracts.Tokenizer.encode" in sections
    assert "Write text" in {each["title"] for each in found if each["location"].startswith("tutorial.html")}
    for page in ("index", "quickstart", "report"):  # in the menu, and in a sentence
        shown = (site / f"{page}.html").read_text("utf-8")
        assert [shown.count(f'href="example-{name}.html"') for name in ("report", "look")] == [2, 2]
    assert "Where the bits go" in (site / "example-report.html").read_text("utf-8")
    assert "What it remembers" in (site / "example-look.html").read_text("utf-8")
    for picture in re.findall(r'src="([^"]+\.svg)"', (site / "results.html").read_text("utf-8")):
        assert (site / picture).exists()
    loaded = re.compile(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="?((?:https?:)?//[^">\s]+)')
    addresses = {page.name: loaded.findall(page.read_text("utf-8")) for page in site.glob("*.html")}
    assert {name: each for name, each in addresses.items() if each} == {}
