"""The page of a bench in a real browser, opened from disk, with hostile text in it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.browsing import HOSTILE, check_access, screens, watched
from helpers.commands import run_textgen
from textgen.registry.options import build

pytestmark = pytest.mark.slow

PLUGIN = f'''
"""A sampler whose docstring is hostile."""
import torch


class Hostile:
    """{HOSTILE}"""

    def __call__(self, logits, uniforms):
        return logits.argmax(-1)
'''
TINY = ":num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=3"
ENTRIES = [f"char-lstm{TINY}", f"word-lstm{TINY}", "random"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bench of characters and words on a text with scripts in it."""
    here = tmp_path_factory.mktemp("bench")
    news = "\n\n".join(build("corpus", "lee").read(""))
    paragraphs = news[:32_000].split("\n")
    text = "\n".join(f"{line} {HOSTILE}" if index % 5 == 0 else line for index, line in enumerate(paragraphs))
    corpus = here / "<img src=x onerror=window.hacked=3>.txt"
    corpus.write_text(text, "utf-8")
    plugin = here / "hostile.py"
    plugin.write_text(PLUGIN, "utf-8")
    run_textgen(
        "bench",
        *ENTRIES,
        *("--corpus", corpus, "--clean", "raw", "--budget", "2000chars", "--device", "cpu"),
        *("--prompt", f"The {HOSTILE}", "--prompt", "The weather", "--length", "60"),
        *("--sampler", "temperature:temperature=0.8", "--sampler", "hostile", "--plugin", plugin),
        *("--out", here / "out"),
    )
    return here / "out"


@pytest.fixture
def page(browser: Any, folder: Path) -> Iterator[Any]:
    with watched(browser, "file:", "blob:", "data:", accept_downloads=True) as opened:
        opened.page.goto((folder / "report.html").as_uri())
        yield opened.page


def test_a_character_tells_its_token_under_the_pointer_and_in_focus(page: Any) -> None:
    rows = page.locator("#passage-rows .passage")
    assert rows.count() == len(ENTRIES)
    assert len(set(rows.locator(".text").all_inner_texts())) == 1
    row = rows.filter(has_text="word-lstm")
    row.locator(".token").nth(3).hover()
    detail = row.locator(".detail")
    assert "bits" in detail.inner_text()
    assert "likeliest" in detail.inner_text()
    assert all("likeliest" in said for said in rows.locator(".detail").all_inner_texts())
    assert rows.locator(".token.at").count() == len(ENTRIES)
    pointed = detail.inner_text()
    row.locator(".token").first.focus()
    assert detail.inner_text() != pointed
    page.keyboard.press("ArrowRight")
    second = row.locator(".token").nth(1)
    assert second.evaluate("token => token === document.activeElement")


def test_the_next_passage_has_the_largest_difference_and_an_address(page: Any, folder: Path) -> None:
    apart = page.evaluate(
        """() => [...document.querySelectorAll("#passage-choice option")].map((option) => {
            document.getElementById("passage-choice").value = option.value;
            document.getElementById("passage-choice").dispatchEvent(new Event("change"));
            const text = document.querySelector("#pair-text p").textContent;
            return Number(/needs ([\\d.]+)/.exec(text)?.[1] ?? 0)
              * document.querySelectorAll("#pair-text .text span").length;
        })"""
    )
    page.locator("#pair-next").click()
    chosen = int(page.locator("#passage-choice").input_value())
    assert apart[chosen] == pytest.approx(max(apart), rel=0.01)
    assert page.evaluate("location.hash") == f"#passage-{chosen + 1}"
    assert page.locator("#pair-text li").count() == 5
    first, second = (page.locator(f"#pair-{name} option:checked").inner_text() for name in ("a", "b"))
    assert page.locator("#pair-key-a").inner_text() == f"{first} is better"
    assert all(
        f"{first} needs" in said or f"{second} needs" in said
        for said in page.locator("#pair-text li").all_inner_texts()
    )
    page.locator("#pair-next").click()
    assert int(page.locator("#passage-choice").input_value()) != chosen
    page.goto(f"{(folder / 'report.html').as_uri()}#passage-3")
    assert page.locator("#passage-choice").input_value() == "2"


def test_samples_follow_the_chosen_temperature(page: Any) -> None:
    page.locator("#samples-sampler").select_option("temperature:temperature=0.4")
    cold = page.locator("#samples-shown").inner_text()
    page.locator("#samples-sampler").select_option("temperature:temperature=1.2")
    hot = page.locator("#samples-shown").inner_text()
    assert cold != hot
    assert page.locator("#samples-shown .made-up").count() > 0
    page.locator("#samples-sampler").select_option("hostile")
    assert page.locator("#samples-shown article").count() == len(ENTRIES) - 1
    assert page.locator("#samples-chance article").count() == 1
    assert page.locator("#samples-shown .prompt").count() == len(ENTRIES) - 1


def test_scores_can_be_downloaded(page: Any) -> None:
    with page.expect_download() as waiting:
        page.get_by_text("scores.csv").click()
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text("utf-8").splitlines()))
    assert sum(row["kind"] == "entry" for row in rows) == len(ENTRIES)
    assert sum(row["kind"] == "reference" for row in rows) > 2
    assert all(float(row["bits_per_char"]) > 0 for row in rows)
    with page.expect_download() as waiting:
        page.get_by_text("Everything as JSON").click()
    assert Path(waiting.value.path()).read_text("utf-8").startswith("{")


@screens
def test_nothing_scrolls_sideways_and_axe_finds_nothing(
    browser: Any, folder: Path, width: int, scheme: str
) -> None:
    check_access(browser, (folder / "report.html").as_uri(), width, scheme)


def test_without_scripts_tables_and_charts_can_be_read(browser: Any, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())
    assert page.locator("#scores table tbody tr").count() >= len(ENTRIES)
    assert page.locator("#samples-static article").count() >= len(ENTRIES) - 1
    assert page.locator("select:visible").count() == 0
    assert page.locator("#curves svg:visible").count() == 2
    page.locator("#speed button.hint:visible").first.press("Enter")
    assert page.locator("[popover]:visible").inner_text() == "characters of training text read per second"
    context.close()
