"""`textgen bench`: the object it prints, the files it leaves, and what it does with them the next time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import Textgen, notes
from textgen.data.corpus import load_corpus
from textgen.runtime.storage.json_records import to_values

pytestmark = pytest.mark.usefixtures("no_references")

PROMPTS = ("The weather", "In 1788 | the *first*")
SAMPLERS = ("temperature:temperature=0.7", "greedy")
MAX_CHARS = 15_000
TEXT = ("--corpus", "lee", "--max-chars", MAX_CHARS)

SPLIT = {"train": dict, "validation": dict, "test": dict}
ROW = {
    "name": str,
    "num_parameters": int,
    "vocab_size": int,
    "seed": int,
    "train": {"seconds": float, "num_chars": int, "num_updates": int, "chars_per_second": float},
    "validation": {"bits_per_char": float},
    "test": {"bits_per_char": float, "interval": list, "bits_by_category": dict},
    "embedding": dict | None,
    "generate": {"chars_per_second": float},
    "samples": [{"prompt": str, "sampler": str, "seed": int, "text": str}],
    "sample_metrics": {
        "real_word_rate": float | None,
        "distinct_2": float | None,
        "novel_4gram_rate": float | None,
        "longest_verbatim_span": int,
    },
}
DESIGN = {
    "corpus": {"name": str, "cleaner": str, "num_chars": int, "sha256": str, "split": SPLIT},
    "budget": str,
    "device": str,
    "precision": str,
    "versions": {"textgen": str, "python": str, "torch": str},
    "entries": [ROW],
}
"""The keys that readers of `textgen bench --json` can rely on, with the types of their values."""


@dataclass(frozen=True)
class Bench:
    """A finished comparison."""

    folder: Path
    command: list[Any]
    """All but the budget."""
    result: dict[str, Any]


@pytest.fixture(scope="module")
def names(entry: str) -> dict[str, str]:
    """A character model, a word model with an embedding, a mixture, chance, and one that diverges."""
    word = entry.replace("char-lstm", "word-lstm-word2vec") + ",dimension=16,epochs=1"
    mixed = entry.replace("lstm", "lstm+ngram")
    return {
        "char": entry,
        "word": word,
        "random": "random",
        "mixed": mixed,
        "failing": f"{entry},learning_rate=1e30",
    }


@pytest.fixture(scope="module")
def bench(
    textgen: Textgen, names: dict[str, str], budget: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Bench:
    folder = tmp_path_factory.mktemp("bench") / "out"
    prompts = [part for prompt in PROMPTS for part in ("--prompt", prompt)]
    samplers = [part for sampler in SAMPLERS for part in ("--sampler", sampler)]
    options = ["--length", 60, *prompts, *samplers, "--out", folder]
    command = ["bench", *names.values(), *TEXT, *options]
    done = textgen(*command, *budget, "--json", code=3)
    assert notes(done) == [f"saved in {folder}", "1 run failed; the result says why"]
    return Bench(folder, command, json.loads(done.stdout, parse_constant=pytest.fail))


def missing(schema: Any, value: Any, where: str = "") -> list[str]:
    """Return the places at which `value` is not what `schema` says."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return [where]
        return [
            place
            for key, part in schema.items()
            for place in (missing(part, value[key], f"{where}.{key}") if key in value else [f"{where}.{key}"])
        ]
    if isinstance(schema, list):
        return [
            place for i, item in enumerate(value) for place in missing(schema[0], item, f"{where}[{i}]")
        ] + ([] if value else [where])
    return [] if isinstance(value, schema) else [where]


def scored(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows without an error by name."""
    return {row["name"]: row for row in result["entries"] if row["error"] is None}


def test_the_printed_object_has_the_documented_keys(bench: Bench, names: dict[str, str]) -> None:
    rows = scored(bench.result)
    assert missing(DESIGN, {**bench.result, "entries": list(rows.values())}) == []
    assert list(rows) == [names["char"], names["word"], "random", names["mixed"]]
    word = rows[names["word"]]["embedding"]
    assert word["source"] == "word2vec"
    assert 0 < word["type_coverage"] <= 1
    assert 0 < word["token_coverage"] <= 1
    assert rows["random"]["embedding"] is rows[names["char"]]["embedding"] is None
    assert bench.result["budget"] == "2000chars"
    assert bench.result["precision"] == "fp32"


def test_the_result_is_saved_with_its_report(bench: Bench) -> None:
    saved = json.loads((bench.folder / "bench.json").read_text("utf-8"))
    assert saved.pop("sha256")
    assert saved == bench.result
    report = (bench.folder / "report.md").read_text("utf-8")
    for name, row in scored(bench.result).items():
        assert name in report
        assert f"{row['test']['bits_per_char']:.4f}" in report
    assert {path.name for path in bench.folder.iterdir()} == {
        "bench.json",
        "details.json",
        "report.html",
        "report.md",
        "runs",
    }


def test_the_scores_count_the_whole_text_and_nothing_else(bench: Bench) -> None:
    corpus = load_corpus(["lee"], max_chars=MAX_CHARS)
    assert bench.result["corpus"] == to_values(corpus.info)
    for row in scored(bench.result).values():
        score_checks, score = row["score_checks"], row["test"]
        assert score_checks["decoded_equals_text"] is True
        assert score_checks["num_chars"] == score_checks["num_chars_of_tokens"] == len(corpus.split.test)
        assert score_checks["max_normalization_error"] < 1e-5
        assert score["bits_per_char"] == pytest.approx(score_checks["total_bits"] / len(corpus.split.test))
        assert sum(score["bits_by_category"].values()) == pytest.approx(score["bits_per_char"])
        low, high = score["interval"]
        assert low - 1e-9 <= score["bits_per_char"] <= high + 1e-9


def test_random_scores_the_log_of_the_alphabet_size(bench: Bench) -> None:
    split = load_corpus(["lee"], max_chars=MAX_CHARS).split
    assert set(split.test.text) <= set(split.train.text)
    expected = math.log2(len(set(split.train.text)))
    assert scored(bench.result)["random"]["test"]["bits_per_char"] == pytest.approx(expected, abs=5e-5)


def test_every_entry_continues_every_prompt_with_every_sampler(bench: Bench) -> None:
    for row in scored(bench.result).values():
        asked = [(sample["sampler"], sample["prompt"]) for sample in row["samples"]]
        assert asked == [(sampler, prompt) for sampler in SAMPLERS for prompt in PROMPTS]
        texts = [sample["text"] for sample in row["samples"]]
        assert max(map(len, texts)) <= 60
        assert all(len(text) == 60 or not text[-1].isalnum() for text in texts)  # they end with a whole word


def test_an_entry_that_fails_says_why_and_the_others_continue(bench: Bench, names: dict[str, str]) -> None:
    (failed,) = (row for row in bench.result["entries"] if row["error"])
    assert failed["name"] == names["failing"]
    assert failed["error"].startswith("training diverged at update ")
    assert failed["error"].endswith("; lower learning_rate")
    assert len(list((bench.folder / "runs").iterdir())) == 4


def test_the_same_folder_again_reuses_the_runs(
    textgen: Textgen, bench: Bench, budget: list[str], snapshot: Callable[[Path], object]
) -> None:
    before = snapshot(bench.folder / "runs")
    done = textgen(*bench.command, *budget, "--quiet", code=3)
    assert "and reused" not in done.stderr
    assert snapshot(bench.folder / "runs") == before
    again = scored(json.loads((bench.folder / "bench.json").read_text("utf-8")))
    for name, row in scored(bench.result).items():
        for key in ("test", "validation", "samples", "sample_metrics", "train", "score_checks"):
            assert again[name][key] == row[key]
    assert done.stdout.rstrip("\n") == (bench.folder / "report.md").read_text("utf-8").rstrip("\n")
    check_markdown(done.stdout, bench)


def check_markdown(text: str, bench: Bench) -> None:
    """Piped output is complete Markdown, though the terminal is said to have 40 columns."""
    assert text.startswith("# Comparison on lee\n")
    assert "\x1b" not in text
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
    for header, *rows in blocks:
        widths = {line.replace("\\|", "").count("|") for line in [header, *rows]}
        assert len(widths) == 1, header
        assert all(line.endswith(" |") for line in [header, *rows])
    titles = {block[0].split("|")[2].strip() for block in blocks}
    assert "bits/char" in titles
    for name, row in scored(bench.result).items():
        assert any(name in line and f"{row['test']['bits_per_char']:.4f}" in line for line in blocks[0])
    for prompt in PROMPTS:
        assert f"### `{prompt}`\n" in text


def test_the_same_folder_with_another_budget_is_an_error(
    textgen: Textgen, bench: Bench, budget: list[str], snapshot: Callable[[Path], object]
) -> None:
    before = snapshot(bench.folder)
    done = textgen(*bench.command, *budget, "--budget", "3000chars", "--json", code=1)
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: '{bench.folder}")
    assert done.stderr.endswith(
        " holds a run that was made with another budget; choose another folder (--out)\n"
    )
    assert snapshot(bench.folder) == before


def test_two_seeds_of_a_split_in_two(textgen: Textgen, entry: str, budget: list[str], tmp_path: Path) -> None:
    seeds = ("--seeds", 2, "--seed", 5, "--split", "90/10", "--length", 20, "--sampler", "greedy")
    done = textgen("bench", entry, "random", *TEXT, *seeds, *budget, "--out", tmp_path / "out", "--json")
    result = json.loads(done.stdout)
    rows = [(row["name"], row["seed"]) for row in result["entries"]]
    assert rows == [(name, seed) for name in (entry, "random") for seed in (5, 6)]
    assert result["scored_on"] == "test"
    first, second = (row["test"] for row in result["entries"][:2])
    assert first["bits_per_char"] != second["bits_per_char"]
    assert len(first["interval"]) == 2
    split = result["corpus"]["split"]
    assert split["method"] == "90/10"
    sizes = {part: split[part]["num_chars"] for part in ("train", "validation", "test")}
    assert sizes["test"] == pytest.approx(2 * sizes["validation"], rel=0.4)  # cuts move
    assert [difference["b"] for difference in result["differences"]] in ([entry], ["random"])


def test_nothing_but_failures_is_a_failure(
    textgen: Textgen, names: dict[str, str], budget: list[str], tmp_path: Path
) -> None:
    missing_file = "word-lstm-glove:path=missing.vec"
    command = ("bench", names["failing"], missing_file, *TEXT, *budget, "--out", tmp_path / "out")
    done = textgen(*command, code=1)
    assert done.stderr.splitlines()[-1].startswith("error: every entry failed")
    assert "lower learning_rate" in done.stdout
    assert "missing.vec: No such file" in done.stdout
    assert not (tmp_path / "out" / "runs").exists()
