"""The page of a leaderboard in a real browser: on a phone and a desk, light and dark, with hostile names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from textgen.reports.html import to_html
from textgen.results.comparison import Difference
from textgen_verify.board.page import board_report
from textgen_verify.board.standings import Board, Place, Standing

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
ENTRIES = ("char-ngram", "word-lstm+ngram-glove:num_layers=1,hidden_size=512", f"char-{HOSTILE}", "random")


def place(number: int, entry: str) -> Place:
    bits = 1.5 + 0.2 * number + 3 * (entry == "random")
    return Place(
        name=f"name-{number}",
        entry=entry,
        author=HOSTILE,
        about=f"What it is: {HOSTILE}. " * 9,
        state=("claimed", "recomputed", "reproduced")[number % 3],
        bits_per_char=bits,
        interval=(bits - 0.05, bits + 0.05),
        num_seeds=3,
        num_chars=1e6,
        command=f"textgen bench {entry} --budget 1Mchars",
        seconds=20.0 * number,
        num_parameters=10**number,
        machine="A machine, 2 cores",
        made="2030-12-31",
        has_plugin=number == 2,
        is_record=number == 0,
    )


def standing(kind: str, **others: Any) -> Standing:
    places = tuple(place(number, entry) for number, entry in enumerate(ENTRIES))
    pairs = [(a, b) for a in places for b in places if a.bits_per_char < b.bits_per_char]
    differences = [
        Difference(a=a.name, b=b.name, bits_per_char=0.2, interval=(0.1, 0.3), p_value=0.001)
        for a, b in pairs
    ]
    others |= {"places": places, "differences": tuple(differences), "compressors": {"xz given train": 2.3}}
    return Standing(text="wiki", kind=kind, **others)


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "dark"), (390, "light"), (1280, "dark"), (1280, "light")]
)
def test_nothing_scrolls_sideways_and_axe_finds_nothing(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    timed = standing("static", budget="1m", timed_on="A machine, 2 cores")
    standings = (standing("static", budget="1Mchars"), standing("reading-on", budget="1Mchars"), timed, timed)
    path = tmp_path / "board.html"
    path.write_text(to_html(board_report(Board(standings=standings, unread=(HOSTILE,)))), "utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(path.as_uri())
    for folded in page.query_selector_all("details"):
        folded.evaluate("each => each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    violations = axe.Axe().run(page).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in violations] == []
    assert page.evaluate("window.hacked") is None
    assert page.get_by_text("reproduced", exact=True).first.is_visible()
    assert page.get_by_text("Timed together on A machine, 2 cores").first.is_visible()
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    assert page.get_by_text("p (Holm)").first.is_visible()
    context.close()
