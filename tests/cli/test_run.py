"""One entry from training to samples; what must not depend on the process is done in another one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.commands import BUDGET, TINY, run_process, run_textgen
from textgen.data.corpus import load_corpus
from textgen.runtime.output import visible
from textgen.runtime.storage.json_records import to_values

Trained = tuple[Path, str]


def test_a_run_scores_its_test_text_as_training_did(tmp_path: Path) -> None:
    split = "contiguous:90/5/5"  # a single stretch, as `score` reads a text
    text = ("--corpus", "lee", "--max-chars", 60_000, "--split", split)
    done = run_textgen("train", TINY, *text, *BUDGET, "--out", tmp_path / "run", "--json")
    test = load_corpus(["lee"], max_chars=60_000, split=split).split.test.text[:]
    (tmp_path / "test.txt").write_text(test, "utf-8", newline="")
    scored = json.loads(
        run_textgen("score", tmp_path / "run", tmp_path / "test.txt", "--clean", "raw", "--json").stdout
    )
    in_training = json.loads(done.stdout)["test"]
    assert scored["num_chars"] == len(test)
    assert scored.keys() >= in_training.keys()
    assert scored["units"]["num_chars"] == in_training["units"]["num_chars"]
    assert scored["seed_prior"] == in_training["seed_prior"]
    # What the training text says of the words is known in training only.
    for key in in_training.keys() - {"units", "seed_prior", "bits_by_seen_words"}:
        assert scored[key] == pytest.approx(in_training[key], rel=1e-5)


def test_the_same_text_through_a_pipe_gives_the_same_run(news: str, tmp_path: Path) -> None:
    file = tmp_path / "news.txt"
    file.write_text(news)
    out = ("--out", tmp_path / "run", "--json")
    done = run_process("train", TINY, "--corpus", "-", *BUDGET, *out, stdin=news)
    beside = run_textgen("train", TINY, "--corpus", file, *BUDGET, "--out", tmp_path / "file", "--json")
    piped, named = json.loads(done.stdout), json.loads(beside.stdout)
    assert piped["test"] == named["test"]
    assert piped["validation"] == named["validation"]
    manifest = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert manifest["settings"]["corpus"] == {**to_values(load_corpus([str(file)]).info), "name": "stdin"}


def test_a_seed_determines_what_is_written(trained: Trained) -> None:
    command = ("sample", trained[0], "--length", 200, "--prompt", "The weather", "--seed")
    first, again = run_textgen(*command, 3), run_process(*command, 3)
    assert first.stdout == again.stdout
    assert first.stderr == ""
    assert first.stdout.startswith("The weather")
    assert len(first.stdout) == len("The weather") + 200 + len("\n")
    samples = json.loads(run_textgen(*command, 2, "--number", 2, "--json").stdout)["samples"]
    assert [row["seed"] for row in samples] == [2, 3]
    other, same = (f"The weather{visible(row['text'])}\n" for row in samples)
    assert same == first.stdout  # also side by side with others
    assert other != first.stdout


def test_a_random_model_trains_at_once_and_is_scored(tmp_path: Path) -> None:
    out = tmp_path / "new" / "run"
    done = run_textgen("train", "random", "--corpus", "lee", "--max-chars", "20000", "--out", out)
    result = json.loads((out / "run.json").read_text("utf-8"))["result"]
    score = f"{result['test']['bits_per_char']:.3f} bits per character of the test text"
    assert done.stdout.startswith(f"**random on lee: {score} (95 % interval ")
    assert "0 parameters" in done.stdout
    assert done.stderr.endswith(f"saved in {out}\n")
    assert "worse than chance" not in done.stdout
