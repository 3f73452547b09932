"""Pictures of the README: `python -m textgen_benchmarks.pictures FOLDER`, of a bench's results.

The terminal is drawn by rich to docs/pictures/terminal.svg; the page is photographed by Chromium, which
Playwright drives, to docs/pictures/report.png, and with `--all` also in the dark and on a phone.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
from pathlib import Path
from typing import Literal

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from textgen.comparison.bench import PAGE, RESULT
from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.terminal import render_brief
from textgen.runtime.storage.json_records import read_record

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SVG = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""How rich draws a terminal, without the fonts that it would fetch."""
Shot = tuple[str, Literal["light", "dark"], tuple[int, int], bool]
"""Name, scheme and size of a picture, and whether it is of the whole page."""


def main() -> None:
    """Draw the pictures of the folder that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--all", action="store_true", help="also dark, and on a phone, whole")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    draw_terminal(options.folder / RESULT, options.out / "terminal.svg")
    photograph(options.folder / PAGE, options.out, whole=options.all)


def draw_terminal(result: Path, path: Path, width: int = 110) -> None:
    """Write what a terminal shows of a result."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    render_brief(read_record(Comparison, result), console)
    console.save_svg(str(path), title="textgen bench", code_format=SVG)


def photograph(page: Path, folder: Path, *, whole: bool = False) -> None:
    """Write pictures of a page; `whole` adds the dark one and that of a phone, from top to bottom."""
    from playwright.sync_api import sync_playwright

    shots: list[Shot] = [("report", "light", (1100, 850), False)]
    if whole:
        shots += [("whole-light", "light", (1100, 850), True), ("whole-dark", "dark", (1100, 850), True)]
        shots += [("phone", "light", (390, 844), True)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for name, scheme, (width, height), is_whole in shots:
            tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            tab.goto(page.resolve().as_uri() + ("" if is_whole else "#passages"))
            tab.screenshot(path=folder / f"{name}.png", full_page=is_whole)
            tab.close()
        browser.close()


if __name__ == "__main__":
    main()
