"""The page of a bench in a real browser, opened from disk, with hostile text in it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import run_textgen
from textgen.registry.options import build

pytestmark = pytest.mark.slow

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
PLUGIN = f'''
"""A sampler whose docstring is hostile."""
import torch


class Hostile:
    """{HOSTILE}"""

    def __call__(self, logits, uniforms):
        return logits.argmax(-1)
'''
TINY = ":num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=3"
ENTRIES = [f"char-lstm{TINY}", f"word-lstm{TINY}", "bpe-ngram", "random"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bench of characters, pieces and words on a text with scripts in it."""
    here = tmp_path_factory.mktemp("bench")
    news: str = build("corpus", "lee").read("")
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
        *("--prompt", f"The {HOSTILE}", "--prompt", "The weather", "--length", "60", "--seeds", "2"),
        *("--sampler", "temperature:temperature=0.8", "--sampler", "hostile", "--plugin", plugin),
        *("--out", here / "out"),
    )
    return here / "out"


@dataclass
class Opened:
    """An open page and what it did."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def opened(browser: Any, folder: Path) -> Iterator[Opened]:
    """The page, opened from disk; it must make no error and no request, and no hostile script may run."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    result = Opened(context.new_page())
    result.page.on("console", lambda message: message.type == "error" and result.errors.append(message.text))
    result.page.on("pageerror", lambda error: result.errors.append(str(error)))
    result.page.on("request", lambda request: result.requests.append(request.url))
    result.page.goto((folder / "report.html").as_uri())
    yield result
    assert result.errors == []
    assert [url for url in result.requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert result.page.evaluate("window.hacked") is None
    context.close()


def test_the_answer_comes_first_and_every_section_is_there(opened: Opened) -> None:
    page = opened.page
    assert "bits per character" in page.locator(".answer").inner_text()
    found = page.locator("main section").evaluate_all("sections => sections.map((each) => each.id)")
    wanted = ["scores", "samples", "passages", "pair", "curves", "bits", "diversity", "speed", "settings"]
    assert [name for name in found if name in wanted] == wanted

    assert page.locator("#scores table").first.locator("td .cell").count() >= len(ENTRIES)
    assert "characters, of which" in page.locator(".context").inner_text()


def test_the_axis_of_the_curves_can_be_chosen(opened: Opened) -> None:
    page = opened.page
    assert page.locator("#curves-static").is_hidden()
    assert page.locator("#curves-plot canvas").count() == 1
    for axis, label in (("num_chars", "characters read"), ("num_updates", "updates"), ("seconds", "seconds")):
        page.locator("#curves-axis").select_option(axis)
        assert label in page.locator("#curves-plot .u-legend").inner_text()
    page.locator("#curves-axis").select_option("num_chars")  # the budget, which all curves reach
    page.locator("#curves-plot .u-over").hover()
    values = page.locator("#curves-plot .u-legend .u-value").all_inner_texts()
    assert len(values) == 1 + len(page.evaluate("data.curves"))
    assert all(value.strip(" -") for value in values), "all curves have a value between their points"
    page.locator("#curves-log").check()
    assert page.locator("#curves-plot canvas").count() == 1


def test_a_character_tells_its_token_under_the_pointer_and_in_focus(opened: Opened) -> None:
    page = opened.page
    rows = page.locator("#passage-rows .passage")
    assert rows.count() == len(ENTRIES)
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


def test_all_entries_show_the_same_text_in_lines_of_the_same_width(opened: Opened) -> None:
    texts = opened.page.locator("#passage-rows .text").all_inner_texts()
    assert len(set(texts)) == 1
    assert HOSTILE[:8] in opened.page.locator("#passage-choice").inner_text() or len(texts[0]) > 100


def test_the_sums_of_the_colours_are_those_of_the_table(opened: Opened) -> None:
    page = opened.page
    page.locator("#passages details summary").click()
    header = page.locator("#passages table thead th").all_inner_texts()[1:]
    cells = page.locator("#passages table tbody tr").first.locator("td").all_inner_texts()
    page.locator("#passage-choice").select_option("0")
    titles = page.locator("#passage-rows h3").all_inner_texts()
    for name, cell, title in zip(header, cells, titles, strict=True):
        assert title.startswith(name)
        assert f"{cell} bits per character here" in title


def test_the_next_passage_is_the_one_with_the_largest_difference(opened: Opened) -> None:
    page = opened.page
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


def test_an_address_leads_to_a_passage(opened: Opened, folder: Path) -> None:
    opened.page.goto(f"{(folder / 'report.html').as_uri()}#passage-3")
    assert opened.page.locator("#passage-choice").input_value() == "2"


def test_samples_follow_the_chosen_temperature(opened: Opened) -> None:
    page = opened.page
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


def test_scores_can_be_downloaded(opened: Opened) -> None:
    with opened.page.expect_download() as waiting:
        opened.page.get_by_text("scores.csv").click()
    rows = list(csv.DictReader(Path(waiting.value.path()).read_text("utf-8").splitlines()))
    assert sum(row["kind"] == "entry" for row in rows) == 2 * len(ENTRIES)
    assert sum(row["kind"] == "reference" for row in rows) > 2
    assert all(float(row["bits_per_char"]) > 0 for row in rows)
    with opened.page.expect_download() as waiting:
        opened.page.get_by_text("Everything as JSON").click()
    assert Path(waiting.value.path()).read_text("utf-8").startswith("{")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1200, "light")])
def test_nothing_scrolls_sideways_and_axe_finds_nothing(
    browser: Any, folder: Path, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    violations = axe.Axe().run(page).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in violations] == []
    context.close()


def test_the_theme_can_be_chosen(opened: Opened) -> None:
    page = opened.page
    color = "() => getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(color)
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert "dark" in page.locator("#theme").inner_text()
    assert page.evaluate(color) != before


def test_without_scripts_tables_and_charts_can_be_read(browser: Any, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())
    assert page.locator("#scores table tbody tr").count() >= len(ENTRIES)
    assert page.locator("#samples-static article").count() >= len(ENTRIES) - 1
    assert page.locator("select:visible").count() == 0
    for width in (1200, 390):  # each has the charts that are drawn for it, and explanations
        page.set_viewport_size({"width": width, "height": 800})
        charts = page.locator("#curves-static svg:visible")
        assert charts.count() == 1
        assert charts.bounding_box()["x"] + charts.bounding_box()["width"] <= width
        page.locator("#speed button.hint:visible").first.press("Enter")
        assert page.locator("[popover]:visible").inner_text() == "characters of training text read per second"
        page.keyboard.press("Escape")
    context.close()
