"""Scores from logs of lm-eval, with our intervals."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.commands import run_textgen
from textgen.evaluation.intervals import estimate, measured_ratio

TEXTS = ["a cat", "drei Hüte", "一二三", "the end of it"]
BITS = [11.0, 30.0, 19.0, 25.5]


def written(file: Path, samples: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(sample) + "\n" for sample in samples), "utf-8")
    return file


def rolling(text: str, bits: float) -> dict[str, Any]:
    pair = [-bits * math.log(2), len(text.encode())]
    return {"target": text, "filter": "none", "metrics": ["bits_per_byte"], "bits_per_byte": pair}


def test_a_perplexity_task_has_our_bits_per_character_and_interval(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    written(
        tmp_path / "model" / "samples_my_task_2026-11-28T06-10-08.4.jsonl", list(map(rolling, TEXTS, BITS))
    )
    scores = json.loads(run_textgen("import-lm-eval", tmp_path, "--json").stdout)["scores"]
    found = {score["metric"]: score for score in scores}
    for metric, sizes in (
        ("bits_per_byte", [len(text.encode()) for text in TEXTS]),
        ("bits_per_char", [len(text) for text in TEXTS]),
    ):
        assert found[metric]["task"] == "my_task"
        assert found[metric]["value"] == pytest.approx(sum(BITS) / sum(sizes))
        ours = estimate(measured_ratio(np.array([BITS]), np.array([sizes], float), "", (0,), None))
        assert found[metric]["interval"] == pytest.approx(ours.interval)


def test_rows_of_several_models_name_their_files(tmp_path: Path) -> None:
    for model in ("one", "two"):
        (tmp_path / model).mkdir()
        written(tmp_path / model / "samples_task_2026-11-28T06-10-08.4.jsonl", [rolling(TEXTS[0], 9.0)])
    lines = run_textgen("import-lm-eval", tmp_path).stdout.splitlines()
    assert len(lines) == len(set(lines))
    assert sum(line.startswith("one/samples_task_2026") for line in lines) == 2


def test_other_metrics_are_means_and_rates_stay_within_their_bounds(tmp_path: Path) -> None:
    samples = [
        {"filter": "strict", "metrics": ["acc", "bleu"], "acc": float(number > 0), "bleu": ["a", "b"]}
        for number in range(8)
    ]
    (score,) = json.loads(
        run_textgen("import-lm-eval", written(tmp_path / "log.jsonl", samples), "--json").stdout
    )["scores"]
    assert (score["metric"], score["num_documents"], score["value"]) == ("acc (strict)", 8, 7 / 8)
    low, high = score["interval"]
    assert 0 < low < 7 / 8
    assert high == 1


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"metrics": ["acc"]}',
        '{"results": {"acc": 0.5}}',
        "[" * 100_000,
        '{"metrics": ["acc"], "acc": 1' + "0" * 400 + "}",
        '{"metrics": ["acc"], "acc": 1e308}',
        '{"metrics": ["bits_per_byte"], "bits_per_byte": [-1, 5e-324]}',
    ],
)  # fmt: skip
def test_what_is_not_a_log_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "samples_x.jsonl"
    file.write_text(content)
    (line,) = run_textgen("import-lm-eval", file, code=1).stderr.splitlines()
    assert f"{str(file)!r} is not a file of lm-eval's samples, or damaged" in line


def test_a_log_without_samples_says_what_to_ask_lm_eval_for(tmp_path: Path) -> None:
    assert "--log_samples" in run_textgen("import-lm-eval", tmp_path, code=1).stderr


def test_sizes_too_different_to_be_told_apart_give_no_interval(tmp_path: Path) -> None:
    samples = [rolling(text, 20.0) for text in TEXTS]
    samples[0]["bits_per_byte"] = [-20.97, 2.0**63]
    log = written(tmp_path / "samples_a_1.jsonl", samples)
    for score in json.loads(run_textgen("import-lm-eval", log, "--json").stdout)["scores"]:
        assert score["interval"] is None or score["interval"][0] <= score["interval"][1]
