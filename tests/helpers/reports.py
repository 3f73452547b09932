"""Realistic results of a comparison, and the report that is made of them."""

import io
from typing import Any
from zlib import crc32

import numpy as np
from markdown_it import MarkdownIt
from rich.console import Console

from textgen.evaluation.intervals import INTERVAL_METHOD, SHIPPED_PRIORS
from textgen.evaluation.metrics import METRICS, MetricInfo
from textgen.experiment.entry_result import EntryResult
from textgen.reports.bench_report import bench_report
from textgen.reports.markdown import to_markdown
from textgen.reports.terminal import render
from textgen.results.comparison import Comparison, HeldOut
from textgen.results.judge import judge
from textgen.results.row import rows_by_entry
from textgen.runtime.storage.json_records import from_values, to_values

TEXT = (
    "the town was founded in 1867 by settlers from the northern provences, and it became the seat of the "
    "county in the following year.\n\nIts [economy] was based on the railway, on farming and on tranibule."
)


NUM_STRETCHES, STRETCH_CHARS = 24, 5_000


def pieces(value: float, *about: Any, sd: float = 0.01) -> list[float]:
    """A value for each piece that an interval comes from, with this mean; they follow from `about`."""
    noise = np.random.default_rng(crc32(repr(about).encode())).normal(0, sd, NUM_STRETCHES)
    values: list[float] = (value + noise - noise.mean()).tolist()
    return values


def units(score: float, *about: Any) -> dict[str, Any]:
    """The bits of each stretch: some are hard for all entries, some for this one."""
    hard, own = pieces(0.0, "text", sd=0.05), pieces(score, *about)
    bits = [STRETCH_CHARS * (one + other) for one, other in zip(hard, own, strict=True)]
    return {"num_chars": [STRETCH_CHARS] * NUM_STRETCHES, "bits": bits}


def part(score: float, *about: Any) -> dict[str, Any]:
    shares = {"in_vocabulary_words": 0.62, "oov_words": 0.18, "punctuation": 0.07, "white_space": 0.13}
    return {
        "bits_per_char": score,
        "interval": [score - 0.0312, score + 0.0327],
        "units": units(score, *about),
        "bits_by_category": {category: share * score for category, share in shares.items()},
        "bits_per_char_without_oov": score * 0.82,
        "oov_rate": 0.0423,
        "bits_per_byte": score * 0.99,
        "nats_per_char": score * 0.6931,
        "perplexity_per_word": 2 ** (score * 5.9),
        "num_bytes": 121_000,
        "num_words": 22_000,
        "num_oov": 931,
        "num_between_spaces": 20_000,
    }


def metrics(score: float, **changes: float) -> dict[str, Any]:
    return {
        "real_word_rate": 1.1 - 0.08 * score,
        "distinct_1": 0.412,
        "distinct_2": 0.73 + 0.04 * score,
        "repetition_4": 0.08 / score,
        "self_bleu": 0.8 / score,
        "novel_4gram_rate": 0.812 + 0.03 * score,
        "longest_verbatim_span": round(90 / score),
        **changes,
    }


def pseudovalues(metrics: dict[str, Any], *about: Any) -> dict[str, list[float]]:
    """What each continuation contributes to the metrics that have intervals."""
    own = {name for name, metric in METRICS.items() if metric.best is None}
    return {name: pieces(value, name, *about) for name, value in metrics.items() if name not in own}


MACHINE = {"processor": "Xeon", "num_cores": 2, "num_threads": 2, "gpu": None, "system": "Linux"}


def entry(
    name: str, score: float, seed: int = 0, written: dict[str, float] | None = None, **changes: Any
) -> dict[str, Any]:
    """A realistic entry whose figures follow from its score; `written` are metrics that do not."""
    own = metrics(score, **(written or {}))
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
        "problem": None,
        "preparation": {
            "tokenizer_seconds": 0.4,
            "vectors_seconds": 1.5 if changes.get("embedding") else 0.0,
        },
        "train": {
            "seconds": 60.1,
            "num_chars": 24_812_544,
            "num_updates": 3_029,
            "num_epochs": 10.55,
            "chars_per_second": 412_854.3 / score,
            "validation_seconds": 4.2,
            "best_update": 2_900,
            "cpu_utilization": 0.97,
            "curve": curve,
        },
        "validation": part(score + 0.0123, name, seed, "validation"),
        "test": part(score, name, seed),
        "score_checks": {"decoded_equals_text": True, "max_normalization_error": 1e-7},
        "machine": dict(MACHINE),
        "embedding": None,
        "generate": {"chars_per_second": 51_234.5, "batch_size": 24},
        "samples": [
            {"prompt": prompt, "sampler": "top-p:p=0.95", "seed": 0, "text": f" {TEXT}"}
            for prompt in ("The history of", "In 1867")
        ],
        "made_up_words": ["provences", "tranibule"],
        "sample_metrics": own,
        "metric_pseudovalues": pseudovalues(own, name, seed),
        **changes,
    }


def counted(name: str, score: float, **changes: Any) -> dict[str, Any]:
    """An entry that counts instead of being trained by gradient."""
    row = entry(name, score, **changes)
    row["train"].update(num_updates=0, best_update=0, curve=[])
    return row


def chance(name: str, score: float) -> dict[str, Any]:
    """An entry whose score is the same on every passage."""
    row = counted(name, score)
    for part in ("validation", "test"):
        row[part]["units"]["bits"] = [score * STRETCH_CHARS] * NUM_STRETCHES
    return row


HELD_OUT = metrics(2.0, real_word_rate=0.978)


def reference(name: str, score: float, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"what {name} is",
        "bits_per_char": score,
        "interval": [score - 0.03, score + 0.03],
        "reads_on": False,
        "units": units(score, name),
        **changes,
    }


def result(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What `textgen bench --json` prints, with the given entries and the verdicts that follow from them."""
    stretches = [STRETCH_CHARS] * NUM_STRETCHES
    sizes = {"train": (2_351_110, []), "validation": (120_000, stretches), "test": (120_000, stretches)}
    parts = {
        name: {"num_chars": size, "sha256": "ab" * 32, "stretch_chars": own}
        for name, (size, own) in sizes.items()
    }
    what = {
        "command": "textgen bench char-lstm",
        "made": "2026-11-29",
        "corpus": {
            "name": "wiki",
            "cleaner": "prose",
            "num_chars": 2_591_110,
            "sha256": "9f2c" * 16,
            "split": {"method": "90/5/5", **parts},
        },
        "sources": {"names": ["wiki"], "max_chars": None, "encoding": "utf-8"},
        "budget": "60s",
        "device": "cpu",
        "precision": "bfloat16",
        "versions": {"textgen": "0.1.0", "torch": "2.9.1"},
        "machine": MACHINE,
        "scored_on": "test",
        "prompts": ["The history of", "In 1867"],
        "measured_sampler": "top-p:p=0.95",
        "lexicons": ["english"],
        "overlap": {"share": 0.0, "num_spans": 0, "spans": []},
        "references": [
            reference("uniform", 6.2288),
            reference("PPMd given train", 2.2345),
            reference("xz given train", 2.3456),
        ],
        "held_out": {"sample_metrics": HELD_OUT, "pseudovalues": pseudovalues(HELD_OUT, "held-out text")},
        "interval_method": INTERVAL_METHOD,
        "seed_priors": to_values(SHIPPED_PRIORS),
        "entries": list(entries),
        **changes,
    }
    runs = [from_values(EntryResult, row) for row in entries if row["error"] is None]
    rows = rows_by_entry(runs, what["scored_on"])
    others = [from_values(MetricInfo, each) for each in changes.get("other_metrics", ())]
    verdicts = judge(rows, from_values(HeldOut, what["held_out"]), SHIPPED_PRIORS, others)
    return {**to_values(verdicts), **what}


def compared(*entries: dict[str, Any], **changes: Any) -> Comparison:
    """The same as a record."""
    return from_values(Comparison, result(*entries, **changes))


def report(what: dict[str, Any]) -> str:
    return to_markdown(bench_report(from_values(Comparison, what)))


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


def drawn(what: dict[str, Any], width: int, *, full: bool = True, **options: Any) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, **options)
    render(bench_report(from_values(Comparison, what)), console, full=full)
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
