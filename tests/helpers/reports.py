"""Realistic results of a comparison, and the report that is made of them."""

import io
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from markdown_it import MarkdownIt
from rich.console import Console

from textgen.comparison.report.markdown import to_markdown
from textgen.comparison.report.terminal import render
from textgen.comparison.results import Comparison
from textgen.runtime.json_records import from_values

TEXT = (
    "the town was founded in 1867 by settlers from the northern provences, and it became the seat of the "
    "county in the following year.\n\nIts [economy] was based on the railway, on farming and on tranibule."
)


def part(score: float) -> dict[str, Any]:
    """The score on one part of the split."""
    shares = {"in_vocabulary_words": 0.62, "oov_words": 0.18, "punctuation": 0.07, "white_space": 0.13}
    return {
        "bits_per_char": score,
        "interval": [score - 0.0312, score + 0.0327],
        "bits_by_category": {category: share * score for category, share in shares.items()},
        "bits_per_char_without_oov": score * 0.82,
        "oov_rate": 0.0423,
        "bits_per_byte": score * 0.99,
        "nats_per_char": score * 0.6931,
        "perplexity_per_word": 2 ** (score * 5.9),
    }


def entry(name: str, score: float, seed: int = 0, **changes: Any) -> dict[str, Any]:
    """A realistic entry whose figures follow from its score."""
    curve = [
        {
            "fraction": step / 20,
            "seconds": 3.0 * step,
            "num_updates": 150 * step,
            "num_epochs": 0.5 * step,
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
        "validation": part(score + 0.0123),
        "test": part(score),
        "score_checks": {"decoded_equals_text": True, "max_normalization_error": 1e-7},
        "embedding": None,
        "generate": {"chars_per_second": 51_234.5, "batch_size": 24},
        "samples": [
            {"prompt": prompt, "sampler": "top-p:p=0.95", "seed": 0, "text": f" {TEXT}"}
            for prompt in ("The history of", "In 1867")
        ],
        "made_up_words": ["provences", "tranibule"],
        "sample_metrics": {
            "real_word_rate": 1.1 - 0.08 * score,
            "distinct_1": 0.412,
            "distinct_2": 0.73 + 0.04 * score,
            "repetition_4": 0.08 / score,
            "self_bleu": 0.8 / score,
            "novel_4gram_rate": 0.812 + 0.03 * score,
            "longest_verbatim_span": round(90 / score),
            "compression_ratio": 2.1,
            "num_words": 1600,
            "mean_word_length": 4.7,
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
        "machine": {"processor": "Xeon", "num_cores": 2, "num_threads": 2, "gpu": None, "system": "Linux"},
        "scored_on": "test",
        "prompts": ["The history of", "In 1867"],
        "references": [
            {"name": "uniform", "bits_per_char": 6.2288},
            {"name": "bz2 given train", "bits_per_char": 2.2345},
            {"name": "xz given train", "bits_per_char": 2.3456},
        ],
        "held_out": {"sample_metrics": {**entry("x", 2)["sample_metrics"], "real_word_rate": 0.978}},
        "interval_method": "95 %, of some kind",
        "scores": scores(entries, changes.get("scored_on", "test")),
        "differences": [
            {
                "a": "char-lstm",
                "b": "word-lstm-glove",
                "bits_per_char": 0.1111,
                "interval": [0.0812, 0.1432],
            },
            {"a": "char-lstm", "b": "random", "bits_per_char": 4.1, "interval": [4.0, 4.2]},
        ],
        "entries": list(entries),
        **changes,
    }


def scores(entries: Sequence[dict[str, Any]], part: str) -> list[dict[str, Any]]:
    """The score of each entry over its seeds, with the mean of their intervals."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in entries:
        if row.get(part):
            by_name.setdefault(row["name"], []).append(row[part])
    return [
        {
            "name": name,
            "bits_per_char": fmean(score["bits_per_char"] for score in own),
            "interval": [fmean(score["interval"][end] for score in own) for end in (0, 1)],
        }
        for name, own in by_name.items()
    ]


def report(what: dict[str, Any]) -> str:
    """What `to_markdown` makes of a result."""
    return to_markdown(from_values(Comparison, what))


GLOVE = {
    "source": "glove-wiki-gigaword-50",
    "dimension": 50,
    "frozen": False,
    "type_coverage": 0.913,
    "token_coverage": 0.984,
    "found_by": {"surface": 9000, "without_space": 100, "lower_case": 200},
    "seconds": 1.5,
    "most_frequent_missing": ["\n", " |", "'s", " `x`", " Nkosazana"],
}


def drawn(what: dict[str, Any], width: int, **options: Any) -> str:
    """What `render` prints on a console of this width."""
    file = io.StringIO()
    render(from_values(Comparison, what), Console(file=file, width=width, **options))
    return file.getvalue()


def markdown_rows(what: dict[str, Any], title: str) -> list[list[str]]:
    """The cells of the table under a heading, header first, as a Markdown parser reads them."""
    section = report(what).split(f"\n## {title}", 1)[1].split("\n## ", 1)[0]
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(section):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline" and rows:
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


def with_sample(text: str, **changes: Any) -> dict[str, Any]:
    """A result whose only sample is this text."""
    return result(
        entry("x", 2.0, samples=[{"prompt": "A", "sampler": "greedy", "seed": 0, "text": text}], **changes)
    )
