"""The page of a study: its history, curves, options and trials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from helpers.studies import RATE, Toy
from textgen.library.presentation import document
from textgen.reports.html import to_html
from textgen_tune.report import study_verdict
from textgen_tune.run_study import run_study
from textgen_tune.search_space import Dimension
from textgen_tune.study import Study
from textgen_tune.objective import Goal

KIND = Dimension("kind", ("plain", "fancy"), "plain", is_range=False)


def plain_is_worse(params: Mapping[str, Any], _: object) -> float:
    return float(params["rate"]) + (params["kind"] == "plain")


def fails(*_: object) -> float:
    raise ValueError("no <b>luck</b>")


def test_a_study_has_a_page_with_all_of_its_trials(tmp_path: Path) -> None:
    with Study(tmp_path, Toy(plain_is_worse, dimensions=(RATE, KIND))) as study:
        result = run_study(study, Goal(6, None))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page == to_html(document(result))
    assert result.best is not None
    assert f'<pre tabindex="0">{result.best.name}</pre>' in page
    trials = page.partition('<section id="trials"')[2].partition("</section>")[0]
    assert trials.count("<tr>") == 1 + 6
    slices = page.partition('<section id="slices"')[2].partition("</section>")[0]
    assert slices.count("<svg") == 2 * 2
    assert "kind: plain, fancy" in slices
    history = page.partition('<section id="history"')[2].partition("</section>")[0]
    assert len(re.findall("<circle", history)) == 2 * 7  # each trial, and the end of the line of the best


def test_a_study_without_a_result_has_a_page(tmp_path: Path) -> None:
    with Study(tmp_path, Toy(fails)) as study:
        result = run_study(study, Goal(2, None))
    page = to_html(document(result))
    assert "No trial completed" in page
    assert "no &lt;b&gt;luck&lt;/b&gt;" in page


def test_one_trial_is_not_taken_for_a_search(tmp_path: Path) -> None:
    with Study(tmp_path, Toy()) as study:
        result = run_study(study, Goal(1, None))
    assert study_verdict(result).startswith("Only one trial completed, that of the default, so the search")
    page = to_html(document(result))
    assert "Only one trial completed" in page
    assert "Value of each trial" not in page
    assert "Value over rate" not in page


def test_the_verdict_says_on_how_many_trials_it_rests(tmp_path: Path) -> None:
    with Study(tmp_path, Toy()) as study:
        result = run_study(study, Goal(6, None))
    assert study_verdict(result).endswith("; it is the best of 6 trials.")
    assert study_verdict(replace(result, comparison=None)) == (
        "The best of 6 trials is not compared with the default: the command was interrupted."
    )
