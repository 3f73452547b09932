"""The live page in a real browser: typing, writing, other ways, the guessing game."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra play")

import textgen
from helpers.browsing import Watched, check_access, screens, watched
from helpers.playing import Server

pytestmark = pytest.mark.slow


def wait_until_written(page: Any) -> None:
    page.locator("#stop:disabled").wait_for()
    page.locator(".written").first.wait_for()


class Opened:
    """The page, and what it did."""

    def __init__(self, watched: Watched) -> None:
        self.page, self.errors = watched.page, watched.errors

    def texts(self) -> list[str]:
        shown = self.page.locator(".pane .text").all_inner_texts()
        return [text.replace("⏎\n", "\n") for text in shown]

    def write(self, prompt: str, length: int = 40) -> list[str]:
        """Let the models go on, and return what each pane shows at the end."""
        self.page.fill("#prompt", prompt)
        self.page.fill("#length", str(length))
        self.page.click("#write")
        return self.written()

    def open_again(self) -> None:
        address = self.page.url
        self.page.goto("about:blank")
        self.page.goto(address)

    def written(self) -> list[str]:
        """What each pane shows when everything is written."""
        wait_until_written(self.page)
        return self.texts()


@pytest.fixture
def opened(browser: Any, server: Server) -> Iterator[Opened]:
    """The page; it must make no error, and no request but to its server."""
    with watched(browser, server.address) as page_and_errors:
        result = Opened(page_and_errors)
        result.page.goto(server.address)
        result.page.click("#more summary")
        yield result


def test_both_go_on_and_another_way_is_taken_and_undone(opened: Opened) -> None:
    texts = opened.write("The weather ")
    assert len(texts) == 2
    assert all(text.startswith("The weather ") and len(text) == 52 for text in texts)
    opened.page.locator(".pane").nth(1).locator(".token.written").nth(1).click()
    button = opened.page.locator(".alternatives button:enabled").last
    wanted = re.match("“(.*)” [^”]+$", button.inner_text())
    assert wanted is not None
    alternative = wanted[1].replace("␣", " ").replace("⏎", "\n")
    button.click()
    others = opened.written()
    prompt = opened.page.input_value("#prompt")
    assert prompt.endswith(alternative)
    assert prompt.startswith("The weather ")
    assert all(text.startswith(prompt) for text in others)
    opened.page.click("#undo")
    assert opened.written() == texts
    opened.page.click("#redo")
    assert opened.written() == others
    assert opened.page.locator("#tree li").count() == 2


def test_a_link_restores_what_was_written(opened: Opened) -> None:
    opened.page.fill("#seed", "7")
    texts = opened.write("Nobody ")
    opened.open_again()
    assert opened.written() == texts
    assert opened.page.input_value("#seed") == "7"


def test_a_slider_writes_and_reads_with_the_weights_of_then(opened: Opened, runs: list[Path]) -> None:
    from playwright.sync_api import expect

    page, slider = opened.page, opened.page.locator(".time input")
    text, score = (page.locator(where).first for where in (".pane .text", ".pane h2 span"))
    assert slider.count() == 1  # the other one has no snapshots
    first, last = textgen.load(runs[0]).snapshots
    at_the_end = opened.write("The weather ")
    slider.press("Home")
    bits = f"{first.validation_bits_per_char:.3f} bits per character of validation"
    page.get_by_text(f"after {first.num_updates} of {last.num_updates} updates, {bits}").wait_for()
    expect(text).not_to_have_text(at_the_end[0])
    earlier = opened.written()
    assert earlier[0] == "The weather " + textgen.load(runs[0], after=first.num_updates).sample(
        "The weather ", length=40
    )
    assert earlier[1] == at_the_end[1]
    opened.open_again()
    assert opened.written() == earlier
    page.fill("#prompt", "The weather")  # which is only read
    expect(text).to_have_text("The weather")
    then = score.inner_text()
    slider.press("End")
    page.get_by_text(f"best: after {last.num_updates}").wait_for()
    expect(score).not_to_have_text(then)
    bits_now = textgen.load(runs[0]).score("The weather", clean="raw").bits_per_char
    assert float(score.inner_text().split()[0]) == pytest.approx(bits_now, abs=1e-3)


def test_ways_are_named_by_what_differs_and_failures_are_none(opened: Opened) -> None:
    page, ways = opened.page, opened.page.locator("#tree button")
    opened.write("The weather ")
    opened.write("The weather ")  # the same way again
    assert ways.all_inner_texts() == ["“The␣weather␣”"]
    page.locator("#freedom").fill("1.2")
    assert page.input_value("#sampler") == "temperature:entropy=1.2"
    assert page.locator("#temperature + output").inner_text() == "–"
    page.locator("#temperature").fill("0.4")
    assert page.input_value("#sampler") == "temperature:temperature=0.4"
    page.fill("#sampler", "0.5")
    assert page.locator("#temperature + output").inner_text() == "0.5"
    page.click("#write")
    opened.written()
    assert page.input_value("#sampler") == "temperature:temperature=0.5"
    page.fill("#sampler", "nonsense")
    page.click("#write")
    page.locator("#message.error").wait_for()
    page.locator("#stop:disabled").wait_for()
    assert ways.all_inner_texts() == ["“The␣weather␣”, temperature 0.6", "“The␣weather␣”, temperature 0.5"]
    assert all("400" in each for each in opened.errors)
    opened.errors.clear()


def test_the_guessing_game_gives_the_bounds_of_a_worked_example(opened: Opened, server: Server) -> None:
    passage = server.ask("passages")[1][0]["text"]
    opened.page.click("#game-start")
    box = opened.page.locator("#guess")
    box.wait_for()
    for number, char in enumerate(passage[:8]):
        wrong = [each for each in "@#" if each != char][: 2 if number == 3 else 1 if number % 4 == 1 else 0]
        for each in [*wrong, char]:
            box.press("Enter") if each == "\n" else box.press_sequentially(each)
    opened.page.get_by_text("Enough").click()
    said = opened.page.locator("#game-board li").first.inner_text()
    # Eight characters: five at the first guess, two at the second, one at the third.
    upper = -(5 / 8 * math.log2(5 / 8) + 2 / 8 * math.log2(2 / 8) + 1 / 8 * math.log2(1 / 8))
    lower = 2 * (2 / 8 - 1 / 8) * math.log2(2) + 3 * (1 / 8) * math.log2(3)
    assert said.startswith(f"You: {lower:.3f} to {upper:.3f} bits per character, from 8 characters")
    assert opened.page.locator("#game-board li").count() == 3


@screens
def test_the_page_is_accessible(browser: Any, server: Server, width: int, scheme: str) -> None:
    def use(page: Any) -> None:
        page.fill("#prompt", "The weather")
        page.click("#write")
        wait_until_written(page)
        page.locator(".token").first.click()

    check_access(browser, server.address, width, scheme, use)
