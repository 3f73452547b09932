"""`textgen bench`: the object it prints, the files it leaves, and what it does with them the next time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import BUDGET, TINY, notes, run_textgen
from textgen.data.corpus import load_corpus
from textgen.runtime.storage.json_records import to_values

pytestmark = pytest.mark.usefixtures("no_references")

PROMPTS = ("The weather", "In 1788 | the *first*")
SAMPLERS = ("temperature:temperature=0.7", "greedy")
MAX_CHARS = 15_000
TEXT = ("--corpus", "lee", "--max-chars", MAX_CHARS)
WORD = TINY.replace("char-lstm", "word-lstm-word2vec") + ",dimension=16,epochs=1"
DIVERGES = f"{TINY},learning_rate=1e30"
SOUND = [TINY, WORD, "random", TINY.replace("lstm", "lstm+ngram")]


@dataclass(frozen=True)
class Bench:
    """A finished comparison."""

    folder: Path
    command: list[Any]
    """All but the budget."""
    result: dict[str, Any]

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.result["entries"] if row["error"] is None}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A character model, a word model with an embedding, chance, a mixture, and one that diverges."""
    folder = tmp_path_factory.mktemp("bench") / "out"
    options = [part for prompt in PROMPTS for part in ("--prompt", prompt)]
    options += [part for sampler in SAMPLERS for part in ("--sampler", sampler)]
    command = ["bench", *SOUND, DIVERGES, *TEXT, *options, "--length", 60, "--out", folder]
    done = run_textgen(*command, *BUDGET, "--json", code=3)
    assert notes(done) == [f"saved in {folder}", "1 run failed; the result lists the reasons"]
    return Bench(folder, command, json.loads(done.stdout, parse_constant=pytest.fail))


def test_the_printed_object_is_saved_with_its_report(bench: Bench) -> None:
    rows = bench.rows()
    assert list(rows) == SOUND
    for name, row in rows.items():
        assert (row["embedding"] is None) == (name != WORD)
        assert row["sample_metrics"]["distinct_2"] > 0
        assert row["generate"]["chars_per_second"] > 0
    embedding = rows[WORD]["embedding"]
    assert embedding["source"] == "word2vec"
    assert 0 < embedding["type_coverage"] <= 1
    assert 0 < embedding["token_coverage"] <= 1
    assert (bench.result["budget"], bench.result["precision"]) == ("2000chars", "fp32")
    saved = json.loads((bench.folder / "bench.json").read_text("utf-8"))
    assert saved.pop("sha256")
    assert saved == bench.result
    files = {"bench.json", "details.json", "report.html", "report.md", "runs"}
    assert {path.name for path in bench.folder.iterdir()} == files


def test_the_scores_count_the_whole_text_and_nothing_else(bench: Bench) -> None:
    corpus = load_corpus(["lee"], max_chars=MAX_CHARS)
    train, test = corpus.split.train, corpus.split.test
    assert bench.result["corpus"] == to_values(corpus.info)
    for row in bench.rows().values():
        score_checks, score = row["score_checks"], row["test"]
        assert score_checks["decoded_equals_text"] is True
        assert score_checks["num_chars"] == score_checks["num_chars_of_tokens"] == len(test)
        assert score_checks["max_normalization_error"] < 1e-5
        assert score["bits_per_char"] == pytest.approx(score_checks["total_bits"] / len(test))
        assert sum(score["bits_by_category"].values()) == pytest.approx(score["bits_per_char"])
        low, high = score["interval"]
        assert low - 1e-9 <= score["bits_per_char"] <= high + 1e-9
    assert set(test.text) <= set(train.text)
    alphabet = math.log2(len(set(train.text)))
    assert bench.rows()["random"]["test"]["bits_per_char"] == pytest.approx(alphabet, abs=5e-5)


def test_every_entry_continues_every_prompt_with_every_sampler(bench: Bench) -> None:
    for row in bench.rows().values():
        asked = [(sample["sampler"], sample["prompt"]) for sample in row["samples"]]
        assert asked == [(sampler, prompt) for sampler in SAMPLERS for prompt in PROMPTS]
        texts = [sample["text"] for sample in row["samples"]]
        assert max(map(len, texts)) <= 60
        assert all(len(text) == 60 or not text[-1].isalnum() for text in texts)  # they end with a whole word


def test_an_entry_that_fails_says_why_and_the_others_continue(bench: Bench) -> None:
    (failed,) = (row for row in bench.result["entries"] if row["error"])
    assert failed["name"] == DIVERGES
    assert failed["error"].startswith("training diverged at update ")
    assert failed["error"].endswith("; lower learning_rate")
    assert len(list((bench.folder / "runs").iterdir())) == 4


def test_the_same_folder_again_reuses_the_runs(bench: Bench, snapshot: Callable[[Path], object]) -> None:
    before = snapshot(bench.folder / "runs")
    done = run_textgen(*bench.command, *BUDGET, "--quiet", code=3)
    assert "and reused" not in done.stderr
    assert snapshot(bench.folder / "runs") == before
    again = json.loads((bench.folder / "bench.json").read_text("utf-8"))
    rows = {row["name"]: row for row in again["entries"]}
    for name, row in bench.rows().items():
        for key in ("test", "validation", "samples", "sample_metrics", "train", "score_checks"):
            assert rows[name][key] == row[key]
    assert done.stdout.rstrip("\n") == (bench.folder / "report.md").read_text("utf-8").rstrip("\n")
    assert done.stdout.startswith("# Comparison on lee\n")
    scores = done.stdout[done.stdout.index("| ") :].partition("\n\n")[0].splitlines()
    for name, row in bench.rows().items():  # though the terminal is said to have 40 columns
        assert any(name in line and f"{row['test']['bits_per_char']:.3f}" in line for line in scores)
    for prompt in PROMPTS:
        assert f"### `{prompt}`\n" in done.stdout

    before = snapshot(bench.folder)
    done = run_textgen(*bench.command, *BUDGET, "--budget", "3000chars", "--json", code=1)
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: '{bench.folder}")
    assert done.stderr.endswith("that differs in its budget; choose another folder (--out)\n")
    assert snapshot(bench.folder) == before


def test_two_seeds_of_a_split_in_two(tmp_path: Path) -> None:
    seeds = ("--seeds", 2, "--seed", 5, "--split", "90/10", "--length", 20, "--sampler", "greedy")
    done = run_textgen("bench", TINY, "random", *TEXT, *seeds, *BUDGET, "--out", tmp_path / "out", "--json")
    result = json.loads(done.stdout)
    rows = [(row["name"], row["seed"]) for row in result["entries"]]
    assert rows == [(name, seed) for name in (TINY, "random") for seed in (5, 6)]
    assert result["scored_on"] == "test"
    first, second = (row["test"] for row in result["entries"][:2])
    assert first["bits_per_char"] != second["bits_per_char"]
    assert len(first["interval"]) == 2
    split = result["corpus"]["split"]
    assert split["method"] == "90/10"
    sizes = {part: split[part]["num_chars"] for part in ("train", "validation", "test")}
    assert sizes["test"] == pytest.approx(2 * sizes["validation"], rel=0.4)  # cuts move
    assert [difference["b"] for difference in result["differences"]] in ([TINY], ["random"])


def test_nothing_but_failures_is_a_failure(tmp_path: Path) -> None:
    command = ("bench", DIVERGES, "word-lstm-glove:path=missing.vec", *TEXT, *BUDGET)
    done = run_textgen(*command, "--out", tmp_path / "out", code=1)
    assert done.stderr.splitlines()[-1].startswith("error: every entry failed")
    assert "lower learning_rate" in done.stdout
    assert "missing.vec: No such file" in done.stdout
    assert not (tmp_path / "out" / "runs").exists()
