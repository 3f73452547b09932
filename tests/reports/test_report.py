"""The report shows every entry and every score, at any width."""

import re
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from helpers.reports import GLOVE, compared, drawn, entry, markdown_rows, report, result
from textgen.experiment.score_trained import LOSES_TEXT
from textgen.reports.bench_report import bench_report
from textgen.reports.markdown import to_markdown


@pytest.fixture
def full() -> dict[str, Any]:
    """Four entries that ran, one of them twice, one that cannot be compared and one that failed."""
    return result(
        entry("word-lstm-glove", 2.2111, embedding=GLOVE),
        entry("char-lstm", 2.0, seed=0),
        entry("char-lstm", 2.2, seed=1),
        entry("random", 6.2288, made_up_words=[]),
        entry("char-lstm:num_layers=1,hidden_size=512", 2.3333),
        entry("lossy-lstm", 1.2345, problem=LOSES_TEXT),
        {"name": "bpe-gru", "seed": 0, "error": "out of memory: needs 12 GB; lower batch_size"},
    )


def interval_cell(score: dict[str, Any]) -> str:
    """How the table of scores shows the interval of an entry."""
    low, high = score["interval"]
    return f"{low:.3f}\N{EN DASH}{high:.3f}"


@pytest.mark.parametrize("width", [12, 40, 80, 160])
def test_every_name_and_score_is_shown_within_the_width(full: dict[str, Any], width: int) -> None:
    output = drawn(full, width)
    assert max(map(len, output.splitlines())) <= width
    if width < 80:  # where names and scores are folded
        return
    assert "…" not in output
    names = "word-lstm-glove char-lstm random lossy-lstm bpe-gru uniform PPMd"
    assert [name for name in names.split() if not re.search(rf"^{name} ", output, re.MULTILINE)] == []
    shown = ["2.100", "2.211", "6.229", "2.333", "2.235", *map(interval_cell, full["scores"])]
    assert [score for score in shown if score not in output] == []


def test_scores_are_sorted_with_references_between_and_failures_last(full: dict[str, Any]) -> None:
    assert [row[0] for row in markdown_rows(full, "Scores")[1:]] == [
        *("char-lstm", "word-lstm-glove", "PPMd given train", "char-lstm:num_layers=1,hidden_size=512"),
        *("xz given train", "random", "uniform", "lossy-lstm", "bpe-gru"),
    ]


def test_seeds_become_one_row_with_their_mean_and_its_interval(full: dict[str, Any]) -> None:
    (best, *_) = full["scores"]
    assert (best["name"], best["num_seeds"]) == ("char-lstm", 2)
    rows = [row[1:3] for row in markdown_rows(full, "Scores") if row[0] == "char-lstm"]
    assert rows == [["2.100", interval_cell(best)]]


def test_a_score_is_bold_only_if_it_is_clearly_the_best(full: dict[str, Any]) -> None:
    assert "**2.100**" not in report(full)  # its two seeds differ by more than it is ahead
    clear = report(result(entry("a", 2.0), entry("b", 2.1)))
    assert "**2.000**" in clear
    assert "**2.100**" not in clear
    assert "**2.000**" not in report(result(entry("a", 2.0), entry("b", 2.004)))
    assert "**2.000**" not in report(result(entry("a", 2.0)))


def test_what_has_no_rank_is_shown_with_its_reason_and_without_a_score(full: dict[str, Any]) -> None:
    cheats = "it uses later tokens: changing them changes earlier predictions by 3 bits"
    what = result(*full["entries"], entry("char-oracle", 0.05, problem=cheats))
    for output in (drawn(what, 80), drawn(what, 160), report(what)):
        shown = " ".join(output.split())
        for name, rank in (
            ("bpe-gru", "failed"), ("lossy-lstm", "not comparable"), ("char-oracle", "no rank")
        ):  # fmt: skip
            assert re.search(rf"{name} +(\| +)?{rank} ", output)
        assert "bpe-gru failed: out of memory: needs 12 GB; lower batch_size" in shown
        assert shown.count(f"char-oracle has no rank: {cheats}") == 1
        assert [score for score in ("1.234", "1.247", "0.050", "0.062") if score in shown] == []
    assert "**lossy-lstm**\n\n```" in report(what)


def test_one_failed_seed_leaves_the_others() -> None:
    output = report(result(entry("gru", 2.5), {"name": "gru", "seed": 1, "error": "loss is nan"}))
    assert "2.500" in output
    assert "gru failed with seed 1: loss is nan" in output


def test_a_split_without_test_scores_on_validation() -> None:
    scored = entry("char-lstm", 2.0)
    scored.update(validation=scored["test"], test=None)
    what = result(scored, scored_on="validation")
    expected = ["char-lstm", "2.000", interval_cell(what["scores"][0])]
    assert expected in [row[:3] for row in markdown_rows(what, "Scores")]


def test_differences_from_the_best_have_a_verdict() -> None:
    two = [entry("a", 2.0), entry("b", 2.1), entry("c", 2.01)]
    differences = [
        {"a": "a", "b": "c", "bits_per_char": 0.01, "interval": [-0.02, 0.03], "p_value": 0.3},
        {"a": "a", "b": "b", "bits_per_char": 0.1, "interval": [0.05, 0.15], "p_value": 0.01},
    ]
    scores = [each | {"is_best": False} for each in result(*two)["scores"]]
    what = result(*two, differences=differences, scores=scores)
    rows = [[row[0], *row[3:]] for row in markdown_rows(what, "Scores") if row[0] in "abc"]
    assert rows == [
        ["a", "–", "–", "ahead, not clearly"],
        ["c", "+0.010", "[-0.020, +0.030]", "unclear"],
        ["b", "+0.100", "[+0.050, +0.150]", "clearly worse"],
    ]
    assert "corrected for all 3 pairs of entries (Holm)" in report(what)


def test_differences_that_cannot_be_computed_are_left_out() -> None:
    found = compared(*(entry(name, 2.0 + i / 10) for i, name in enumerate("abc")))
    first, *others = found.runs
    assert first.test
    unknown = replace(first, test=replace(first.test, units=None))
    for changed in (replace(found, seed_priors={}), replace(found, entries=(unknown, *others))):
        assert "All differences" in to_markdown(bench_report(found))
        assert "All differences" not in to_markdown(bench_report(changed))


def test_metrics_of_generated_text_are_shown_with_their_interval() -> None:
    what = result(entry("a", 2.0))
    (found,) = (each for each in what["metrics"] if each["metric"] == "real_word_rate")
    low, high = (100 * end for end in found["interval"])
    (row,) = (row for row in markdown_rows(what, "Generated text") if row[0] == "a")
    assert row[1] == f"94.0 ({low:.1f}–{high:.1f})"
    assert low < 94 < high
    assert "Metrics of text by top-p:p=0.95." in report(what)


def test_an_entry_that_was_trained_on_a_busy_machine_is_named_with_its_share_of_the_cpu() -> None:
    slow = [entry("slow", 2.2, seed) for seed in (0, 1)]
    slow[1]["train"]["cpu_utilization"] = 0.41
    what = result(entry("calm", 2.0), *slow)
    note = (
        "slow got 41 % of the CPU time that its training needed because the machine was busy; "
        "its score may be too high, and a budget in characters would not depend on the load"
    )
    assert note not in report({**what, "budget": "20Mchars"})
    assert f"\n- {note}\n" in report(what)
    assert "calm got" not in report(what)
    assert note in " ".join(drawn(what, 80).split())
    rows = {row[0]: row for row in markdown_rows(what, "Speed and size")}
    assert rows["calm"][rows["entry"].index("CPU %")] == "97.0"
    assert rows["slow"][rows["entry"].index("CPU %")] == "69.0"


def test_different_machines_are_named_under_budgets_of_time() -> None:
    here, there = entry("here", 2.0), entry("there", 2.2)
    there["machine"] |= {"processor": "Other", "gpu": "H100"}
    what = result(here, there)
    assert f"Other, {there['machine']['num_cores']} cores, H100, 2 threads" in report(what)
    note = "runs had different machines or threads, so the same time allowed some of them more training"
    assert note in report(what)
    assert note in " ".join(drawn(what, 80).split())
    assert note not in report({**what, "budget": "20Mchars"})
    assert note not in report(result(here, entry("there", 2.2)))


def test_markdown_tables_are_well_formed_whatever_the_names(full: dict[str, Any]) -> None:
    full["entries"].append(entry("a|b*c_d_`e`<i>", 2.9, embedding={**GLOVE, "source": "x|y"}))
    tokens = MarkdownIt("commonmark").enable("table").parse(report(full))
    assert sum(token.type == "table_open" for token in tokens) == 8
    blocks = re.findall(r"(?:^\|.*\n)+", report(full), re.MULTILINE)
    assert len(blocks) == 8
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "a|b*c_d_`e`<i>" in [row[0] for row in markdown_rows(full, "Scores")]


def test_whatever_may_be_null_can_be_shown() -> None:
    bare = entry("x", 2.0, embedding=GLOVE, generate=None, sample_metrics=None, samples=[])
    bare["embedding"]["type_coverage"] = bare["embedding"]["token_coverage"] = None
    held_out = dict.fromkeys(entry("y", 2.0)["sample_metrics"], None) | {
        "longest_verbatim_span": 0,
        "num_words": 0,
    }
    bare["metric_pseudovalues"] = {}
    what = result(bare, held_out={"sample_metrics": held_out, "pseudovalues": {}}, command=None)
    assert "2.000" in report(what)
    assert "2.000" in drawn(what, 80)
