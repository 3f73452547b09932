"""Comparing saved runs: the same verdicts as in a bench, or why there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.catalog import write_bench, write_run
from helpers.records import edit_record
from helpers.reports import compared, entry
from helpers.runs import CPU, SMALL, make_run
from textgen.experiment.saved_run import save_run
from textgen.reports.markdown import to_markdown
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen_tools.compared_runs import RunComparison, WritingOptions, compare
from textgen_tools.run_report import answer_of_runs, run_report

WRITING = WritingOptions(
    prompt=None,
    sampler="temperature:temperature=0.8",
    num_chars=30,
    seed=3,
    device_config=DeviceConfig(CPU, "fp32"),
)


def settings(result: RunComparison) -> dict[str, tuple[str, ...]]:
    return {each.setting: each.values for each in result.settings}


def test_runs_on_the_same_text_differ_as_in_a_bench(tmp_path: Path) -> None:
    rows = [("char-lstm", 2.0), ("word-lstm", 2.3), ("char-gru", 2.001)]
    for name, score in rows:
        write_run(tmp_path / name, name, score)
    result = compare([name for name, _ in rows], tmp_path, None)
    expected = compared(*(entry(name, score) for name, score in rows))
    assert result.scores == expected.scores
    assert result.differences == expected.differences
    assert result.problem is None
    said = answer_of_runs(result)
    assert said.startswith("A is ahead of C by 0.001 bits per character (95 % interval ")
    assert "), which may be chance; better than B by 0.300 bits per character (95 % interval " in said


def test_only_settings_that_differ_are_listed_with_their_defaults(tmp_path: Path) -> None:
    write_run(tmp_path / "one", "char-lstm", 2.0)
    write_run(tmp_path / "two", "char-lstm:num_layers=1", 2.1, seed=4, budget="5m")
    result = compare(["one", "two"], tmp_path, None)
    layers = settings(result).pop("model.num_layers")
    assert layers[1] == "1"
    assert int(layers[0]) > 1
    assert settings(result) == {"model.num_layers": layers, "budget": ("60s", "5m"), "seed": ("0", "4")}
    write_run(tmp_path / "three", "char-ngram", 2.0)
    found = settings(compare(["one", "three"], tmp_path, None))
    assert found["model"] == ("lstm", "ngram")
    assert found["model.num_layers"][1] == ""  # which an n-gram model lacks
    write_run(tmp_path / "mixed", "char-lstm+ngram", 2.0)
    assert set(settings(compare(["one", "mixed"], tmp_path, None))) == {
        "model",
        "ngram.order",
        "ngram.discount",
        "ngram plugin",
    }
    mixed = settings(compare(["two", "mixed", "three"], tmp_path, None))
    assert mixed["model.num_layers"] == ("1", layers[0], "")
    assert "train.batch_size" not in mixed  # the same of both that are trained


def test_equal_settings_are_said_to_be_equal(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_run(tmp_path / name, "char-lstm", 2.0)
    result = compare(["one", "two"], tmp_path, None)
    assert result.settings == ()
    assert "\nThe settings are the same.\n" in to_markdown(run_report(result))
    assert "0.000 bits per character (95 % interval 0.000 to 0.000)" in answer_of_runs(result)


def test_scores_on_different_texts_are_not_compared(tmp_path: Path) -> None:
    write_run(tmp_path / "one", "char-lstm", 2.0)
    manifest = write_run(tmp_path / "two", "word-lstm", 2.3) / "run.json"

    def change(values: Any) -> None:
        values["settings"]["corpus"]["name"] = "lee"
        values["settings"]["corpus"]["split"]["test"]["sha256"] = "cd" * 32

    edit_record(manifest, change)
    result = compare(["one", "two"], tmp_path, None)
    assert result.differences == ()
    assert not any(score.is_best for score in result.scores)
    assert [score.name for score in result.scores] == ["one", "two"]
    assert answer_of_runs(result) == (
        "The scores cannot be compared: they were scored on different texts: one on the test part of wiki "
        "(120,000 characters); two on the test part of lee (120,000 characters)."
    )


def test_a_run_without_a_rank_is_not_compared(tmp_path: Path) -> None:
    write_run(tmp_path / "one", "char-lstm", 2.0)
    manifest = write_run(tmp_path / "two", "word-lstm", 2.3) / "run.json"
    edit_record(manifest, lambda values: values["result"].update(problem="it sees the future"))
    assert compare(["one", "two"], tmp_path, None).problem == "two has no rank since it sees the future"


def test_a_bench_stands_for_its_best_entry_with_all_seeds(tmp_path: Path) -> None:
    rows = [("char-lstm", 2.1, 0), ("char-lstm", 2.05, 1), ("random", 6.0, 0)]
    write_bench(tmp_path / "bench", *rows)
    write_run(tmp_path / "other", "word-lstm", 2.3)
    for name in ("bench", "bench/char-lstm"):
        result = compare([name, "other"], tmp_path, None)
        assert [(run.name, run.seeds) for run in result.runs] == [
            ("bench/char-lstm", (0, 1)),
            ("other", (0,)),
        ]
        assert result.scores[0].bits_per_char == pytest.approx(2.075)
        assert result.scores[0].num_seeds == 2
        assert settings(result)["seed"] == ("0, 1", "0")
    single = compare(["bench/char-lstm-seed0", "bench/random"], tmp_path, None)
    assert [(run.name, run.seeds) for run in single.runs] == [
        ("bench/char-lstm-seed0", (0,)),
        ("bench/random-seed0", (0,)),
    ]


def test_samples_of_the_same_prompt_are_shown_side_by_side(tmp_path: Path) -> None:
    write_bench(tmp_path / "one", ("char-lstm", 2.0, 0))
    write_bench(tmp_path / "two", ("word-lstm", 2.3, 0))
    result = compare(["one", "two"], tmp_path, WRITING)
    assert [(group.prompt, group.sampler) for group in result.samples] == [
        ("The history of", "top-p:p=0.95"),
        ("In 1867", "top-p:p=0.95"),
    ]
    page = to_markdown(run_report(result))
    assert (
        page.index("### `The history of`") < page.index("**A: char-lstm**") < page.index("**B: word-lstm**")
    )
    assert page.count("the town was founded in 1867 by settlers") == 4


def test_runs_that_have_no_samples_write_some(tmp_path: Path) -> None:
    names = [f"char-lstm{SMALL}", f"char-gru{SMALL}"]
    for number, name in enumerate(names):
        save_run(tmp_path / str(number), make_run(name))
    first, again = (compare(["0", "1"], tmp_path, WRITING) for _ in range(2))
    (group,) = first.samples
    assert (group.prompt, group.seeds) == ("", (3, 3))
    assert [len(text) for text in group.texts] == [30, 30]
    assert first.samples == again.samples
    assert first.problem == "0 has no score by passages"
    page = to_markdown(run_report(first))
    assert page.count("\n| A") == 1
    assert "### `(no prompt)`" in page


def test_a_run_that_cannot_write_keeps_its_score(tmp_path: Path) -> None:
    for number, name in enumerate(["char-lstm", "word-lstm"]):
        write_run(tmp_path / str(number), name, 2.0 + number)
    result = compare(["0", "1"], tmp_path, WRITING)
    assert result.samples == ()
    assert "weights.safetensors" in (result.sample_problem or "")
    assert result.differences[0].bits_per_char == pytest.approx(1.0)
    assert "\nNo samples: " in to_markdown(run_report(result))


def test_the_same_run_twice_is_refused(tmp_path: Path) -> None:
    write_bench(tmp_path / "bench", ("char-lstm", 2.0, 0))
    with pytest.raises(UsageError, match="two of the names mean the same run"):
        compare(["bench", "bench/char-lstm"], tmp_path, None)
