"""The page of `textgen labels` in a real browser: on a phone, in the dark, with hostile text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from textgen.data.labels import Label
from textgen.evaluation.intervals import Contrast, Estimate
from textgen.reports.html import to_html
from textgen_tools.conditions.report import label_report
from textgen_tools.conditions.result import ByLabel, EntryByLabel, LabelledText, Share

HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
LABELS = (Label("\u24d0", "austen"), Label("\u24d1", HOSTILE), Label("\u24d2", "shelley"))
MORE = Estimate(0.02, (0.01, 0.03))


def entry(name: str) -> EntryByLabel:
    return EntryByLabel(
        name=name,
        folder=f"runs/{name}",
        num_seeds=3,
        bits_per_char=Estimate(1.5, (1.4, 1.6)),
        without=Contrast(-0.01, (-0.02, 0.0), 0.04),
        given=((MORE, MORE, MORE),) * 3,
        own=(Estimate(1.5, (1.4, 1.6)),) * 3,
        recognized=Share(70, 78, (0.8, 0.95)),
        samples_recognized=Share(5, 6, (0.4, 0.97)),
        samples=tuple(
            LabelledText(label=label.name, seed=seed, text=f"text {seed} {HOSTILE} " * 5, taken_for="austen")
            for label in LABELS
            for seed in range(2)
        ),
    )


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_nothing_scrolls_sideways_and_axe_finds_nothing(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    result = ByLabel(
        corpus=HOSTILE,
        condition="author",
        part="test",
        num_chars=40_000,
        labels=LABELS,
        paragraphs=(20, 30, 28),
        entries=(entry("char-lstm"), entry(f"word-{HOSTILE}")),
        classifier=Share(135, 141, (0.91, 0.98)),
        sample_chars=300,
        sampler="temperature:temperature=0.6",
    )
    path = tmp_path / "labels.html"
    path.write_text(to_html(label_report(result)), "utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    violations = axe.Axe().run(page).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in violations] == []
    assert page.evaluate("window.hacked") is None
    assert page.get_by_role("heading", name="Who writes like whom").is_visible()
    context.close()
