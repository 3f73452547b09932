"""One entry from training to samples; what must not depend on the process is done in another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import Textgen, notes, run_process
from textgen.data.corpus import load_corpus
from textgen.registry.options import build
from textgen.runtime.output import visible
from textgen.runtime.storage.json_records import to_values
from textgen.training import progress

Trained = tuple[Path, str]


def test_a_run_scores_its_test_text_as_training_did(
    textgen: Textgen, entry: str, budget: list[str], tmp_path: Path
) -> None:
    split = "contiguous:90/5/5"  # a single stretch, as `score` reads a text
    text = ("--corpus", "lee", "--max-chars", 60_000, "--split", split)
    done = textgen("train", entry, *text, *budget, "--out", tmp_path / "run", "--json")
    test = load_corpus(["lee"], max_chars=60_000, split=split).split.test.text[:]
    (tmp_path / "test.txt").write_text(test, "utf-8", newline="")
    scored = json.loads(
        textgen("score", tmp_path / "run", tmp_path / "test.txt", "--clean", "raw", "--json").stdout
    )
    in_training = json.loads(done.stdout)["test"]
    assert scored["num_chars"] == len(test)
    assert scored.keys() >= in_training.keys()
    assert scored["units"]["num_chars"] == in_training["units"]["num_chars"]
    assert scored["seed_prior"] == in_training["seed_prior"]
    # What the training text says of the words is known in training only.
    for key in in_training.keys() - {"units", "seed_prior", "bits_by_seen_words"}:
        assert scored[key] == pytest.approx(in_training[key], rel=1e-5)


def test_the_same_text_through_a_pipe_gives_the_same_run(
    trained: Trained, entry: str, budget: list[str], tmp_path: Path
) -> None:
    text = build("corpus", "lee").read("")
    out = ("--out", tmp_path / "run", "--json")
    done = run_process("train", entry, "--corpus", "-", *budget, *out, stdin=text)
    piped, named = json.loads(done.stdout), json.loads(trained[1])
    assert piped["test"] == named["test"]
    assert piped["validation"] == named["validation"]
    manifest = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert manifest["settings"]["corpus"] == {**to_values(load_corpus(["lee"]).info), "name": "stdin"}


def test_a_seed_determines_what_is_written(textgen: Textgen, trained: Trained) -> None:
    command = ("sample", trained[0], "--length", 200, "--prompt", "The weather", "--seed")
    first, again = textgen(*command, 3), run_process(*command, 3)
    assert first.stdout == again.stdout
    assert first.stderr == ""
    assert first.stdout.startswith("The weather")
    assert len(first.stdout) == len("The weather") + 200 + len("\n")
    samples = json.loads(textgen(*command, 2, "--number", 2, "--json").stdout)["samples"]
    assert [row["seed"] for row in samples] == [2, 3]
    other, same = (f"The weather{visible(row['text'])}\n" for row in samples)
    assert same == first.stdout  # also side by side with others
    assert other != first.stdout


def test_describe_counts_the_parameters_of_a_run_and_of_an_entry(
    textgen: Textgen, trained: Trained, tmp_path: Path
) -> None:
    rows = [line.split("\t") for line in textgen("describe", trained[0]).stdout.splitlines()]
    assert rows[0] == ["layer", "type", "output shape", "parameters"]
    counts = {row[0]: int(row[-1].replace(",", "")) for row in rows[1:]}
    assert counts["total"] == json.loads(trained[1])["num_parameters"]
    assert sum(counts.values()) == 2 * counts["total"]
    (tmp_path / "text.txt").write_text("abc\n" * 100)
    command = ("describe", "char-gru:hidden_size=8,num_layers=1", "--corpus", tmp_path / "text.txt")
    described = json.loads(textgen(*command, "--json").stdout)
    assert described["vocab_size"] == len("abc\n") + 256
    last = textgen(*command).stdout.splitlines()[-1]
    assert last.split("\t")[-1] == f"{described['num_parameters']:,}"
    assert textgen("describe", "original", "--vocab-size", 32).stdout.endswith("\t1,323,040\n")


def test_describe_shows_frozen_parameters_in_a_column_if_there_are_any(
    textgen: Textgen, tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text("red green blue red green\n" * 40, "utf-8")
    (tmp_path / "vectors.txt").write_text("red 1 2 3\nblue 3 2 1\n", "utf-8")
    entry = f"word-lstm-word2vec:hidden_size=8,num_layers=1,frozen=true,path={tmp_path / 'vectors.txt'}"
    done = textgen("describe", entry, "--corpus", tmp_path / "text.txt")
    header, table, *_, total = (line.split("\t") for line in done.stdout.splitlines())
    assert header[-2:] == ["parameters", "frozen"]
    assert (table[-1], total[-1]) == ("9", "9")


def test_a_run_is_never_overwritten(
    textgen: Textgen, trained: Trained, entry: str, budget: list[str], snapshot: Callable[[Path], object]
) -> None:
    before = snapshot(trained[0])
    done = textgen("train", entry, "--corpus", "lee", *budget, "--out", trained[0], code=1)
    assert done.stderr == f"error: {str(trained[0])!r} exists already; choose another folder (--out)\n"
    assert snapshot(trained[0]) == before


def test_a_random_model_trains_at_once_and_is_scored(textgen: Textgen, tmp_path: Path) -> None:
    out = tmp_path / "new" / "run"
    done = textgen("train", "random", "--corpus", "lee", "--max-chars", "20000", "--out", out)
    result = json.loads((out / "run.json").read_text("utf-8"))["result"]
    first, *lines = done.stdout.splitlines()
    score = f"{result['test']['bits_per_char']:.3f} bits per character of the test text"
    assert first.startswith(f"random on lee: {score} (95 % interval ")
    assert "0 parameters" in " ".join(lines)
    assert lines[-1] == f"saved in {out}"
    assert "worse than chance" not in done.stdout


@pytest.mark.parametrize(("least", "num_notes"), [(0.0, 0), (2.0, 1)])
def test_a_run_beside_other_work_has_a_note(
    least: float, num_notes: int, textgen: Textgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "MIN_CPU_UTILIZATION", least)
    monkeypatch.setattr(progress, "MAX_UNEVENNESS", 10.0)
    text, model = ("--corpus", "lee", "--max-chars", 6000), "char-lstm:num_layers=1,hidden_size=8"
    done = textgen("train", model, *text, "--budget", "0.5s", "--out", tmp_path / "run")
    said = notes(done)
    assert f"saved in {tmp_path / 'run'}" in done.stdout
    assert len(said) == num_notes
    assert all("of the CPU time" in note and "--budget" in note for note in said)
