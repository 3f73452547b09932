"""The report shows every entry and every score, at any width."""

import copy
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from helpers.reports import GLOVE, drawn, entry, markdown_rows, report, result
from textgen.comparison.report.terminal import render
from textgen.comparison.results import Comparison
from textgen.runtime.json_records import from_values


@pytest.mark.parametrize("width", [80, 160])
def test_every_name_and_score_is_shown_within_the_width(full: dict[str, Any], width: int) -> None:
    output = drawn(full, width)
    assert max(map(len, output.splitlines())) <= width
    assert "…" not in output
    for name in (
        "word-lstm-glove",
        "char-lstm",
        "random",
        "lossy-lstm",
        "bpe-gru",
        "uniform",
        "xz given train",
    ):
        assert re.search(rf"^{name} ", output, re.MULTILINE)
    for part in ("char-lstm:", "num_layers=1,", "hidden_size=512"):
        assert part in output
    for score in ("2.1000 ± 0.1414", "2.2111", "6.2288", "2.3333", "2.2345", "2.1799\N{EN DASH}2.2438"):
        assert score in output


@pytest.mark.parametrize("width", [12, 40, 60])
def test_narrow_terminals_are_respected(full: dict[str, Any], width: int) -> None:
    output = drawn(full, width)
    assert max(map(len, output.splitlines())) <= width
    assert width < 40 or re.search(r"^word-lstm-glove +2\.2111", output, re.MULTILINE)


def test_long_names_do_not_cost_columns_at_80() -> None:
    what = result(entry("word-lstm-word2vec:model.hidden_size=512,dropout=0.3", 2.5), entry("random", 6.2288))
    output = drawn(what, 80)
    for header in ("perplexity", "words %", "span", "ulary"):
        assert header in output
    for part in ("word-lstm-word2vec:", "model.hidden_size=", "512,dropout=0.3"):
        assert re.search(rf"^ *{part}", output, re.MULTILINE)


def test_scores_are_sorted_with_references_between_and_failures_last(full: dict[str, Any]) -> None:
    assert [row[0] for row in markdown_rows(full, "Scores")] == [
        "entry",
        "char-lstm",
        "word-lstm-glove",
        "bz2 given train",
        "char-lstm:num_layers=1,hidden_size=512",
        "xz given train",
        "random",
        "uniform",
        "lossy-lstm",
        "bpe-gru",
    ]


def test_seeds_become_one_row_with_mean_and_standard_deviation(full: dict[str, Any]) -> None:
    assert [row[1] for row in markdown_rows(full, "Scores") if row[0] == "char-lstm"] == ["2.1000 ± 0.1414"]
    assert "**2.1000 ± 0.1414**" in report(full)


def test_a_failure_is_shown_with_its_reason(full: dict[str, Any]) -> None:
    for output in (drawn(full, 80), drawn(full, 160), report(full)):
        assert re.search(r"bpe-gru +(\| +)?failed ", output)
        assert "bpe-gru failed: out of memory: needs 12 GB; lower batch_size" in output


def test_one_failed_seed_leaves_the_others() -> None:
    output = report(result(entry("gru", 2.5), {"name": "gru", "seed": 1, "error": "loss is nan"}))
    assert "2.5000" in output
    assert "gru failed with seed 1: loss is nan" in output


def test_what_is_not_comparable_shows_its_samples_but_no_score(full: dict[str, Any]) -> None:
    for output in (drawn(full, 80), report(full)):
        assert re.search(r"lossy-lstm +(\| +)?not comparable ", output)
        assert "1.2345" not in output
        assert "1.2468" not in output
    assert "**lossy-lstm**\n\n```" in report(full)


def test_a_split_without_test_scores_on_validation() -> None:
    scored = entry("char-lstm", 2.0)
    scored.update(validation=scored["test"], test=None)
    rows = markdown_rows(result(scored, scored_on="validation"), "Scores")
    assert ["char-lstm", "2.0000", "1.9688\N{EN DASH}2.0327"] in [row[:3] for row in rows]


def test_differences_from_the_best_have_a_verdict() -> None:
    two = [entry("a", 2.0), entry("b", 2.1), entry("c", 2.01)]
    differences = [
        {"a": "a", "b": "b", "bits_per_char": 0.1, "interval": [0.05, 0.15]},
        {"a": "a", "b": "c", "bits_per_char": 0.01, "interval": [-0.02, 0.03]},
    ]
    assert markdown_rows(result(*two, differences=differences), "Difference from a")[1:] == [
        ["c", "+0.0100", "[-0.0200, +0.0300]", "no clear difference"],
        ["b", "+0.1000", "[+0.0500, +0.1500]", "clearly worse"],
    ]


def test_generated_text_is_best_where_it_is_closest_to_the_held_out_text() -> None:
    close, far = entry("close", 2.0), entry("far", 2.0)
    close["sample_metrics"]["distinct_2"], far["sample_metrics"]["distinct_2"] = 0.80, 0.99
    output = report(result(close, far))
    assert "**80.0**" in output
    assert "**99.0**" not in output


def test_learning_curves_share_one_scale() -> None:
    rows = markdown_rows(result(entry("good", 2.0), entry("bad", 4.0)), "Learning curves")
    curves = {row[0]: row[1] for row in rows}
    assert curves["good"].startswith("·")
    assert curves["good"].endswith("▁")
    assert curves["bad"].strip("·").startswith("█")
    assert "▁" not in curves["bad"]


def test_markdown_tables_are_well_formed_whatever_the_names(full: dict[str, Any]) -> None:
    full["entries"].append(entry("a|b*c_d_`e`<i>", 2.9, embedding={**GLOVE, "source": "x|y"}))
    tokens = MarkdownIt("commonmark").enable("table").parse(report(full))
    assert sum(token.type == "table_open" for token in tokens) == 7
    blocks = re.findall(r"(?:^\|.*\n)+", report(full), re.MULTILINE)
    assert len(blocks) == 7
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "a|b*c_d_`e`<i>" in [row[0] for row in markdown_rows(full, "Scores")]


def test_an_encoding_without_blocks_gets_number_signs(full: dict[str, Any]) -> None:
    raw = io.BytesIO()
    full["entries"][0]["samples"][0]["text"] = "naïve 漢字"
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80)
    render(from_values(Comparison, full), console)
    console.file.flush()
    output = raw.getvalue().decode("ascii")
    assert re.search(r"^uniform +6\.2288 +#+ *$", output, re.MULTILINE)
    assert max(map(len, output.splitlines())) <= 80


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every key in nested dictionaries and lists."""
    for key, each in value.items() if isinstance(value, dict) else ():
        yield (*prefix, key)
        yield from paths(each, (*prefix, key))
    for index, each in enumerate(value[:1] if isinstance(value, list) else ()):
        yield from paths(each, (*prefix, index))


def test_a_misspelt_field_is_refused() -> None:
    template = result(entry("x", 2.0, embedding=GLOVE), entry("y", 3.0))
    for *path, last in paths(template):
        what = copy.deepcopy(template)
        target: Any = what
        for key in path:
            target = target[key]
        target[f"{last}s"] = target.pop(last)
        if path[-1:] not in (["found_by"], ["versions"]):  # whose keys are data
            with pytest.raises(ValueError, match=rf"\b{last}s?\b"):
                report(what)


def test_whatever_may_be_null_can_be_shown() -> None:
    bare = entry("x", 2.0, embedding=GLOVE, generate=None, sample_metrics=None, samples=[])
    bare["embedding"]["type_coverage"] = bare["embedding"]["token_coverage"] = None
    held_out = dict.fromkeys(entry("y", 2.0)["sample_metrics"], None) | {
        "longest_verbatim_span": 0,
        "num_words": 0,
    }
    what = result(bare, held_out={"sample_metrics": held_out})
    assert "2.0000" in report(what)
    assert "2.0000" in drawn(what, 80)
