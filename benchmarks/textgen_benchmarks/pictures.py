"""Pictures of the documents, in docs/pictures: `python -m textgen_benchmarks.pictures BENCH`.

BENCH is the folder of a bench of char-lstm, word-lstm-glove and others. Chromium, which Playwright drives,
photographs its report page (report.png) and the live page with two of its runs (play.png).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textgen.runtime.storage.result_folders import PAGE

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SHOWN = ("word-lstm-glove", "char-lstm")
"""The entries on the pictures: the two that `make bench` trains."""
WIDTH = 680
"""Pixels of a picture, at which its text can still be read when a phone shrinks it."""
PROMPT = "The city was founded in "


def main() -> None:
    """Take the pictures of the folder that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path, metavar="BENCH")
    parser.add_argument("--out", type=Path, default=PICTURES)
    options = parser.parse_args()
    with browser_page() as page:
        photograph_passage(page, options.bench / PAGE, options.out / "report.png")
        photograph_play(
            page, [options.bench / "runs" / f"{name}-seed0" for name in SHOWN], options.out / "play.png"
        )


@contextmanager
def browser_page() -> Iterator[Any]:
    """Open a page of a browser, of the width of the pictures and twice as sharp."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser.new_page(
            viewport={"width": WIDTH, "height": 1150}, color_scheme="light", device_scale_factor=2
        )
        browser.close()


def photograph_passage(page: Any, report: Path, path: Path) -> None:
    """Write how each of `SHOWN` read the first passage of a report, without what a picture cannot do."""
    page.goto(report.resolve().as_uri() + "#passage-1")
    rows = page.locator("#passage-rows")
    rows.locator(".passage").first.wait_for()
    rows.evaluate(
        """(rows, shown) => {
            const title = (row) => row.querySelector("h3").textContent;
            const kept = shown.map((name) => [...rows.children].find((row) =>
                title(row).startsWith(name) && /^\\d/.test(title(row).slice(name.length))));
            rows.replaceChildren(document.querySelector(".key").cloneNode(true), ...kept);
            for (const detail of rows.querySelectorAll(".detail")) detail.remove();
            rows.style.padding = "8px 16px";
        }""",
        list(SHOWN),
    )
    rows.screenshot(path=path)


def photograph_play(page: Any, runs: Sequence[Path], path: Path) -> None:
    """Write what the live page shows after runs have continued `PROMPT`, with alternatives to one word."""
    command = [sys.executable, "-m", "textgen", "play", *map(str, runs), "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout
        try:
            page.goto(server.stdout.readline().strip())
            page.fill("#prompt", PROMPT)
            page.click("#write")
            page.locator("#stop:disabled").wait_for(timeout=120_000)
            page.locator(".token.written").nth(2).click()
            page.locator(".alternatives button").first.wait_for()
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=path)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
