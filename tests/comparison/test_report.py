"""The report shows every entry and every score, at any width, and what was written as it was written."""

import copy
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from textgen.comparison.report import render, to_markdown

TEXT = (
    "the town was founded in 1867 by settlers from the northern provences, and it became the seat of the "
    "county in the following year.\n\nIts [economy] was based on the railway, on farming and on tranibule."
)


def entry(name: str, score: float, seed: int = 0, **changes: Any) -> dict[str, Any]:
    """A realistic entry whose figures follow from its score."""
    causes = {"in_vocabulary_words": 0.62, "oov_words": 0.18, "punctuation": 0.07, "white_space": 0.13}
    curve = [
        {
            "seconds": 3.0 * step,
            "num_chars": 1_240_000 * step,
            "train_bits_per_char": score - 0.1 + 2 / step,
            "validation_bits_per_char": score + 2 / step - 0.1,
        }
        for step in range(1, 21)
    ]
    return {
        "name": name,
        "seed": seed,
        "num_parameters": 1_312_768,
        "vocab_size": 10_256,
        "error": None,
        "comparable": True,
        "train": {
            "seconds": 60.1,
            "num_chars": 24_812_544,
            "num_updates": 3_029,
            "num_epochs": 10.55,
            "chars_per_second": 412_854.3 / score,
            "validation_seconds": 4.2,
            "best_update": 2_900,
            "curve": curve,
        },
        "validation": {"bits_per_char": score + 0.0123},
        "test": {
            "bits_per_char": score,
            "interval": [score - 0.0312, score + 0.0327],
            "bits_by_category": {cause: share * score for cause, share in causes.items()},
            "bits_per_char_without_oov": score * 0.82,
            "oov_rate": 0.0423,
            "bits_per_byte": score * 0.99,
            "nats_per_char": score * 0.6931,
            "perplexity_per_word": 2 ** (score * 5.9),
        },
        "score_checks": {"decoded_equals_text": True, "max_normalization_error": 1e-7},
        "embedding": None,
        "generate": {"chars_per_second": 51_234.5},
        "samples": [
            {"prompt": prompt, "sampler": "top-p:p=0.95", "seed": 0, "text": f" {TEXT}"}
            for prompt in ("The history of", "In 1867")
        ],
        "invented_words": ["provences", "tranibule"],
        "sample_metrics": {
            "real_word_rate": 1.1 - 0.08 * score,
            "distinct_1": 0.412,
            "distinct_2": 0.73 + 0.04 * score,
            "repetition_4": 0.08 / score,
            "self_bleu": 0.8 / score,
            "novel_4gram_rate": 0.812 + 0.03 * score,
            "longest_verbatim_span": round(90 / score),
        },
        **changes,
    }


def result(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What `textgen bench --json` prints, with the given entries."""
    parts = {"train": 2_351_110, "validation": 130_617, "test": 130_618}
    return {
        "corpus": {
            "name": "wiki",
            "cleaner": "prose",
            "num_chars": 2_612_345,
            "sha256": "9f2c" * 16,
            "split": {part: {"num_chars": size, "sha256": "ab" * 32} for part, size in parts.items()},
        },
        "budget": "60s",
        "device": "cpu",
        "precision": "bfloat16",
        "versions": {"textgen": "0.1.0", "torch": "2.9.1"},
        "machine": {"cpu": "Xeon", "cores": 2},
        "scored_on": "test",
        "prompts": ["The history of", "In 1867"],
        "references": [
            {"name": "uniform", "bits_per_char": 6.2288},
            {"name": "bz2 given train", "bits_per_char": 2.2345},
            {"name": "xz given train", "bits_per_char": 2.3456},
        ],
        "held_out": {"sample_metrics": {**entry("x", 2)["sample_metrics"], "real_word_rate": 0.978}},
        "differences": [
            {
                "a": "word-lstm-glove",
                "b": "char-lstm",
                "bits_per_char": -0.1111,
                "interval": [-0.1432, -0.0812],
            },
            {"a": "char-lstm", "b": "random", "bits_per_char": 4.1, "interval": [4.0, 4.2]},
        ],
        "entries": list(entries),
        **changes,
    }


GLOVE = {
    "source": "glove-wiki-gigaword-50",
    "dimension": 50,
    "frozen": False,
    "type_coverage": 0.913,
    "token_coverage": 0.984,
    "most_frequent_missing": ["\n", " |", "'s", " `x`", " Nkosazana"],
}


@pytest.fixture
def full() -> dict[str, Any]:
    """Four entries that ran, one of them twice, one that cannot be compared and one that failed."""
    return result(
        entry("word-lstm-glove", 2.2111, embedding=GLOVE),
        entry("char-lstm", 2.0, seed=0),
        entry("char-lstm", 2.2, seed=1),
        entry("random", 6.2288, train={"seconds": 0.1}, invented_words=[]),
        entry("char-lstm:num_layers=1,hidden_size=512", 2.3333),
        entry("lossy-lstm", 1.2345, comparable=False),
        {"name": "bpe-gru", "seed": 0, "error": "out of memory: needs 12 GB; lower batch_size"},
    )


def drawn(what: dict[str, Any], width: int, **options: Any) -> str:
    """What `render` prints on a console of this width."""
    file = io.StringIO()
    render(what, Console(file=file, width=width, **options))
    return file.getvalue()


def markdown_rows(what: dict[str, Any], title: str) -> list[list[str]]:
    """The cells of the table under a heading, header first, as a Markdown parser reads them."""
    section = to_markdown(what).split(f"\n## {title}", 1)[1].split("\n## ", 1)[0]
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(section):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline" and rows:
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


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
    for header in ("perplexity", "words %", "copy", "ulary"):
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
    assert "**2.1000 ± 0.1414**" in to_markdown(full)


def test_a_failure_is_shown_with_its_reason(full: dict[str, Any]) -> None:
    for output in (drawn(full, 80), drawn(full, 160), to_markdown(full)):
        assert re.search(r"bpe-gru +(\| +)?failed ", output)
        assert "bpe-gru failed: out of memory: needs 12 GB; lower batch_size" in output


def test_one_failed_seed_leaves_the_others() -> None:
    output = to_markdown(result(entry("gru", 2.5), {"name": "gru", "seed": 1, "error": "loss is nan"}))
    assert "2.5000" in output
    assert "gru failed with seed 1: loss is nan" in output


def test_what_is_not_comparable_shows_its_samples_but_no_score(full: dict[str, Any]) -> None:
    for output in (drawn(full, 80), to_markdown(full)):
        assert re.search(r"lossy-lstm +(\| +)?not comparable ", output)
        assert "1.2345" not in output
        assert "1.2468" not in output
    assert "**lossy-lstm**\n\n```" in to_markdown(full)


def test_a_split_without_test_scores_on_validation() -> None:
    scored = entry("char-lstm", 2.0)
    scored.update(validation=scored["test"], test=None)
    rows = markdown_rows(result(scored, scored_on="validation"), "Scores")
    assert ["char-lstm", "2.0000", "1.9688\N{EN DASH}2.0327"] in [row[:3] for row in rows]


def test_differences_are_read_from_the_best_whichever_way_they_are_given() -> None:
    two = [entry("a", 2.0), entry("b", 2.1), entry("c", 2.01)]
    differences = [
        {"a": "b", "b": "a", "bits_per_char": -0.1, "interval": [-0.15, -0.05]},
        {"a": "a", "b": "c", "bits_per_char": 0.01, "interval": [-0.02, 0.03]},
    ]
    assert markdown_rows(result(*two, differences=differences), "Difference from a")[1:] == [
        ["c", "+0.0100", "[-0.0200, +0.0300]", "no clear difference"],
        ["b", "+0.1000", "[+0.0500, +0.1500]", "clearly worse"],
    ]


def test_generated_text_is_best_where_it_is_closest_to_the_held_out_text() -> None:
    close, far = entry("close", 2.0), entry("far", 2.0)
    close["sample_metrics"]["distinct_2"], far["sample_metrics"]["distinct_2"] = 0.80, 0.99
    output = to_markdown(result(close, far))
    assert "**80.0**" in output
    assert "**99.0**" not in output


def test_learning_curves_share_one_scale() -> None:
    rows = markdown_rows(result(entry("good", 2.0), entry("bad", 4.0)), "Learning curves")
    curves = {row[0]: row[1] for row in rows}
    assert curves["good"].startswith("·")
    assert curves["good"].endswith("▁")
    assert curves["bad"].strip("·").startswith("█")
    assert "▁" not in curves["bad"]


@pytest.mark.parametrize(("width", "columns"), [(160, 4), (80, 2), (60, 1)])
def test_samples_stand_side_by_side_where_they_fit(width: int, columns: int) -> None:
    output = drawn(result(*(entry(f"model{index}", 2.0 + index) for index in range(4))), width)
    headers = [line for line in output.splitlines() if re.fullmatch(r" *model\d( +│ +model\d)* *", line)]
    assert [len(line.split("│")) for line in headers[: 4 // columns]] == [columns] * (4 // columns)


def test_every_sample_of_a_prompt_is_shown() -> None:
    samples = [{"prompt": "A", "sampler": "greedy", "seed": seed, "text": f"text{seed}"} for seed in (0, 1)]
    for output in (
        drawn(result(entry("x", 2.0, samples=samples)), 80),
        to_markdown(result(entry("x", 2, samples=samples))),
    ):
        assert "text0" in output
        assert "text1" in output


def with_sample(text: str, **changes: Any) -> dict[str, Any]:
    """A result whose only sample is this text."""
    return result(
        entry("x", 2.0, samples=[{"prompt": "A", "sampler": "greedy", "seed": 0, "text": text}], **changes)
    )


def test_markup_in_samples_survives() -> None:
    text = r"[bold]x[/bold] [/] \[red] :smile: https://a.b"
    assert text in drawn(with_sample(text), 80, force_terminal=True, color_system=None)


def test_control_characters_in_samples_do_not_reach_the_terminal() -> None:
    output = drawn(with_sample("a\x1b[2Jb\rc\u202ed\ud800e"), 80)
    assert not re.search("[\x1b\r\u202e\ud800]", output)


def test_blank_lines_are_collapsed_and_line_breaks_kept() -> None:
    assert re.search(r"^one *\ntwo", drawn(with_sample("A one\n\n \n\ntwo"), 80), re.MULTILINE)


def test_invented_words_are_highlighted_as_whole_words() -> None:
    what = with_sample("Zorp zorps (zorp)", invented_words=["zorp"])
    output = drawn(what, 80, force_terminal=True, color_system="standard")
    assert "\x1b[4;35mZorp\x1b[0m zorps (\x1b[4;35mzorp\x1b[0m)" in output
    assert "- x: `zorp`" in to_markdown(what)


def test_markdown_tables_are_well_formed_whatever_the_names(full: dict[str, Any]) -> None:
    full["entries"].append(entry("a|b*c_d_`e`<i>", 2.9, embedding={**GLOVE, "source": "x|y"}))
    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown(full))
    assert sum(token.type == "table_open" for token in tokens) == 7
    blocks = re.findall(r"(?:^\|.*\n)+", to_markdown(full), re.MULTILINE)
    assert len(blocks) == 7
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "a|b*c_d_`e`<i>" in [row[0] for row in markdown_rows(full, "Scores")]


@pytest.mark.parametrize("text", ["```\n# not a heading\n````", "~~~\n``````x", "> | a |\n- b"])
def test_samples_cannot_leave_their_code_block(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(to_markdown(with_sample(text)))
    assert [token.content for token in tokens if token.type == "fence"] == [text + "\n"]
    assert "not a heading" not in "".join(token.content for token in tokens if token.type == "inline")


def test_an_encoding_without_blocks_gets_number_signs(full: dict[str, Any]) -> None:
    raw = io.BytesIO()
    full["entries"][0]["samples"][0]["text"] = "naïve 漢字"
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80)
    render(full, console)
    console.file.flush()
    output = raw.getvalue().decode("ascii")
    assert re.search(r"^uniform +6\.2288 +#+ *$", output, re.MULTILINE)
    assert max(map(len, output.splitlines())) <= 80


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in nested dictionaries."""
    for key in value if isinstance(value, dict) else ():
        yield (*prefix, key)
        yield from paths(value[key], (*prefix, key))


def test_any_figure_may_be_null_or_missing() -> None:
    template = result(entry("x", 2.0, embedding=GLOVE), entry("y", 3.0), entry("y", 3.1))
    for parents in (template, template["entries"][0]):
        for *path, last in paths(parents):
            for change in ("null", "missing"):
                what = copy.deepcopy(template)
                target = what["entries"][0] if parents is not template else what
                for key in path:
                    target = target[key]
                if last != "name" and change == "null":
                    target[last] = None
                elif last != "name":
                    del target[last]
                to_markdown(what)
    bare = result({"name": "z", "seed": 0}, entry("x", 2.0))
    assert re.search(r"z +\N{EN DASH} ", drawn(bare, 80))
    render({}, Console(file=io.StringIO()))
    assert to_markdown({})
