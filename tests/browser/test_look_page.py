"""The page of `textgen look` in a real browser: without scripts, on a phone, printed, with hostile text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.browsing import HOSTILE, check_access, screens
from textgen.reports.html import to_html
from textgen.training.progress import Moment, Progress
from textgen_look.contexts import LENGTHS, Contexts
from textgen_look.looking import Look, LookedAt, WordsThen
from textgen_look.report import look_report
from textgen_look.words import WordBits, WordCost

CONTEXTS = Contexts(
    num_chars=LENGTHS,
    bits_per_char=tuple(4 - 0.2 * place for place in range(10)),
    intervals=tuple((3.9 - 0.2 * place, 4.1 - 0.2 * place) for place in range(10)),
    enough=64,
)
WORDS = WordBits(by_class=(4.0, 8.0, 16.0), learnt=(WordCost(word=HOSTILE, times=3, bits=(9.0, 4.0)),))


def moment(fraction: float) -> Moment:
    return Moment(Progress(fraction, 1.0, 10, 0.1, 1000, 4.0), f"text at {fraction} {HOSTILE}")


def entry(name: str) -> LookedAt:
    return LookedAt(
        name=name,
        folder=f"runs/{name}",
        seed=0,
        bits_per_char=2.0,
        moments=(moment(0.01), moment(0.1), moment(1.0)),
        contexts=CONTEXTS,
        words=WORDS,
        learnt=(WordsThen(share=0.5, words=WORDS), WordsThen(share=1.0, words=WORDS)),
    )


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = Look(
        corpus=HOSTILE,
        part="test",
        num_chars=1000,
        entries=(entry("char-lstm"), entry(f"word-{HOSTILE}")),
        ngram=CONTEXTS,
        num_words=400,
    )
    path = tmp_path_factory.mktemp("inside") / "look.html"
    path.write_text(to_html(look_report(result)), "utf-8")
    return path


@screens
def test_nothing_scrolls_sideways_and_axe_finds_nothing(
    browser: Any, page_file: Path, width: int, scheme: str
) -> None:
    def check(page: Any) -> None:
        assert page.evaluate("window.hacked") is None

    check_access(browser, page_file.as_uri(), width, scheme, check)


def test_moments_are_chosen_without_scripts_and_all_of_them_printed(browser: Any, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    texts = [page.get_by_text(f"text at {fraction} ").first for fraction in (0.01, 0.1, 1.0)]
    assert [each.is_visible() for each in texts] == [False, False, True]
    page.get_by_label("10 %", exact=True).check()
    assert [each.is_visible() for each in texts] == [False, True, False]
    page.keyboard.press("ArrowLeft")
    assert [each.is_visible() for each in texts] == [True, False, False]
    page.emulate_media(media="print")
    assert [each.is_visible() for each in texts] == [True, True, True]
    context.close()
