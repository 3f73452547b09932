"""Pictures of the README: `python -m textgen_benchmarks.pictures FOLDER`, of a bench's results.

The terminal is drawn by rich to docs/pictures/terminal.svg; the page is photographed by Chromium, which
Playwright drives, to docs/pictures/report.png.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from textgen.comparison.kinds import BENCH
from textgen.reports.bench_report import bench_report
from textgen.reports.terminal import render
from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import read_record
from textgen.runtime.storage.result_folders import PAGE

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SVG = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's template of a terminal, without the fonts that it would fetch."""


def main() -> None:
    """Draw the pictures of the folder that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=PICTURES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    draw_terminal(options.folder / BENCH, options.out / "terminal.svg")
    photograph(options.folder / PAGE, options.out / "report.png")


def draw_terminal(result: Path, path: Path, width: int = 110) -> None:
    """Write what a terminal shows of a result."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    render(bench_report(read_record(Comparison, result)), console, full=False)
    console.save_svg(str(path), title="textgen bench", code_format=SVG)


def photograph(page: Path, path: Path) -> None:
    """Write a picture of a page, from its coloured passage on."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        tab = browser.new_page(viewport={"width": 1100, "height": 850}, color_scheme="light")
        tab.goto(page.resolve().as_uri() + "#passages")
        tab.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    main()
