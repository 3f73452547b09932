"""The page of `textgen play` in Chromium: hostile texts, runs and links, reloads, tabs that close."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from textgen_benchmarks.fuzzing.kind import Case, Kind
from textgen_benchmarks.fuzzing.kind import textgen as must
from textgen_benchmarks.fuzzing.saved import ENTRIES, TEXT, TRAINING

NAMES = ("<img src=x onerror=window.hacked=1>", "a\"'&b", "'};window.hacked=2;{'")
TEXTS = (
    "The weather ",
    "",
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "</textarea><b>",
    "\x00\x1b[2J",
    "\u202ereversed",
    "x" * 19_990,
    "word " * 3000,
    "😀" * 500,
    "&lt;b&gt; &amp;",
    "${window.hacked=1}",
    "{{7*7}}",
    "\n" * 300,
    "javascript:window.hacked=1",
    "日本語 عربى",
    "\ufffe\uffff",
    "\\u003cscript\\u003e",
    "a\r\nb\tc",
    "'\"`",
)


REFUSED = "400 (Bad Request)"
"""What the browser notes of a request that the server refuses, as the page then says in words."""


def make_played(folder: Path) -> None:
    """Train runs whose names are hostile."""
    for name, entry in zip(NAMES, (ENTRIES[0], "char-ngram", "word-ngram"), strict=True):
        training = TRAINING if "lstm" in entry else ()
        must("train", entry, *TEXT, *training, "--out", str(folder / name))


@cache
def opened(prepared: Path) -> tuple[str, Any, Any]:
    """Return the address of a server, its process and a browser, for all cases."""
    from playwright.sync_api import sync_playwright

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))  # a browser takes more
    runs = [str(path) for path in sorted(prepared.iterdir())]
    command = [
        sys.executable,
        "-m",
        "textgen",
        "play",
        *runs,
        "--no-browser",
        "--device",
        "cpu",
        "--port",
        "0",
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    browser = (
        sync_playwright().start().chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
    )
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    return address, server, browser


def act(page: Any, address: str, chance: Random, context: Any) -> None:
    """Do what a person may do, or someone who sends a link."""
    kind = chance.randrange(12)
    if kind < 4:
        page.fill("#prompt", chance.choice(TEXTS))
        page.fill("#length", chance.choice(("1", "40", "300", "5000")))
        page.click("#write", timeout=3000) if page.locator("#write:enabled").count() else None
    elif kind == 4:
        page.reload()
    elif kind == 5:
        page.go_back()
        page.go_forward()
    elif kind == 6:
        page.goto(
            address
            + "#"
            + chance.choice(
                (
                    "x",
                    "%",
                    "{}",
                    '{"prompt":"<img src=x onerror=window.hacked=1>"}',
                    "a=b&c",
                    json.dumps([1]),
                    "%00",
                    "x" * 5000,
                )
            )
        )
    elif kind == 7 and "#" in page.url:
        place = page.url.partition("#")[2]
        at = chance.randrange(len(place) + 1)
        page.goto(address + "#" + place[:at] + chance.choice("%{}<'x9") + place[at + 1 :])
        page.reload()
    elif kind == 8:
        other = context.new_page()
        other.goto(address)
        other.close()
    elif kind == 9:
        page.keyboard.type(chance.choice(TEXTS)[:30])
    elif kind == 10 and page.locator(".token.written").count():
        page.locator(".token.written").first.click(timeout=3000)
    else:
        page.evaluate(
            "localStorage.setItem('x', '');"
            "for (const key of Object.keys(localStorage)) localStorage.setItem(key, '{<')"
        )
        page.reload()


def browsed(case: Case) -> str | None:
    """Use the page: no error on it, nothing hostile runs, and the server stays."""
    from playwright.sync_api import Error

    address, server, browser = opened(case.prepared)
    chance, errors, requests = case.chance, list[str](), list[str]()
    context = browser.new_context(viewport={"width": 1200, "height": 900})

    def noticed(said: Any) -> None:
        if said.type == "error" and REFUSED not in said.text:
            errors.append(said.text)

    def watch(page: Any) -> None:
        page.on("console", noticed)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))

    context.set_default_timeout(10_000)
    context.on("page", watch)
    page = context.new_page()
    page.goto(address)
    did: list[str] = []
    for _ in range(chance.randint(2, 6)):
        try:
            act(page, address, chance, context)
        except Error as error:
            did.append(str(error)[:150])
    hacked = page.evaluate("window.hacked")
    foreign = [url for url in requests if not url.startswith(address)]
    wrong = page.request.get(address.rstrip("/")[:-1] + chance.choice("xyz0") + "0/").status
    context.close()
    if hacked is not None:
        return f"unsafe: a hostile text ran: {hacked}"
    if server.poll() is not None:
        return "died: the server ended"
    if wrong != 403:
        return f"unsafe: a wrong token gets {wrong}"
    if foreign:
        return f"unsafe: requests elsewhere: {foreign[:2]}"
    if errors:
        return f"page: {errors[:2]}; {did}"
    again = browser.new_page()
    again.goto(address)
    again.fill("#prompt", "The ")
    again.fill("#length", "5")
    again.click("#write")
    again.locator(".written").first.wait_for(timeout=30_000)
    again.close()
    return None


KINDS = (Kind("pages of play", browsed, 120, make_played, seconds=150),)
