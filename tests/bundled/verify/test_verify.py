"""`textgen verify`: a real result agrees with itself, and any number that was changed is found or named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from helpers.catalog import RECORDED
from helpers.commands import TINY
from helpers.commands import run_textgen as textgen
from helpers.numbers import add, is_named
from helpers.records import edit_record
from textgen.contracts import TextgenError
from textgen.registry.options import build
from textgen.results.comparison import Comparison
from textgen.results.judge import reference_score
from textgen.runtime.storage.files import write_digests
from textgen.runtime.storage.json_records import (
    DIGEST,
    read_record,
    read_values,
    to_json,
    to_values,
    write_record,
)
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE
from textgen_tune.result import conclusion
from textgen_verify import verify

pytestmark = pytest.mark.slow

RESULT = "bench.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small comparison of a text in a file, with two seeds."""
    folder = tmp_path_factory.mktemp("made")
    text = folder / "news.txt"
    text.write_text("\n\n".join(build("corpus", "lee").read(""))[:20_000], "utf-8")
    training = ("--budget", "2000chars", "--seeds", 2, "--device", "cpu", "--precision", "fp32")
    textgen("bench", TINY, "word-ngram", "--corpus", text, *training, "--length", 80, "--out", folder / "out")
    return folder / "out"


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A copy of the comparison that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def wrong(folder: Path, **options: Any) -> list[str]:
    """Return the places that differ, with their files and sources."""
    checks = verify(folder, **options).checks
    return [f"{check.file}, {check.source}: {each.place}" for check in checks for each in check.differences]


def test_a_comparison_agrees_with_its_rows_and_its_runs(made: Path) -> None:
    *lines, left = textgen("verify", made).stdout.splitlines()
    checked = [
        ("bench.json", "its rows"),
        ("bench.json", "the files of its runs"),
        ("report.md", "the result"),
        ("report.html", "the result"),
    ]
    assert [line.partition(":")[0] for line in lines] == [file for file, _ in checked]
    for line, (_, source) in zip(lines, checked, strict=True):
        assert line.endswith(f" values recomputed from {source}: all agree")
    assert left.startswith("could not be checked: bench.json: command, entries (freedom, generate, ")
    assert "details.json: " in left
    values = json.loads(textgen("verify", made / RESULT, "--json").stdout)
    assert values["agrees"]
    assert sum(check["number"] for check in values["checks"]) > 500
    assert "entries.samples" in values["unchecked"]["bench.json"]


def test_runs_score_and_write_the_same_again(made: Path) -> None:
    verification = verify(made, runs=True, device="cpu")
    assert [str(each) for check in verification.checks for each in check.differences] == []
    assert {check.source for check in verification.checks} >= {
        "its text",
        "the texts in details.json",
        "the scores of its runs",
        "its runs",
        "compressors and reference entries",
    }
    left = verification.unchecked["bench.json"]
    again = (
        "entries.samples.text",
        "entries.freedom.entropy_per_char",
        "entries.test.units.bits",
        "held_out",
    )
    assert [kind for kind in again if is_named(kind, left)] == []
    assert {"command", "made", "versions", "entries.generate"} <= set(left)


def test_a_report_that_is_not_of_the_result_is_found(copy: Path) -> None:
    for name in (MARKDOWN, PAGE):
        report = (copy / name).read_text("utf-8")
        (copy / name).write_text(report.replace("bits", "bit"), "utf-8")
        assert wrong(copy) == [f"{name}, the result: text"]
        (copy / name).write_text(report, "utf-8")
    (copy / MARKDOWN).unlink()
    edit_record(copy / RESULT, lambda values: values["versions"].update(textgen="0.0.1"))
    unchecked = verify(copy).unchecked  # another version drew it
    assert PAGE in unchecked
    assert MARKDOWN not in unchecked


@pytest.mark.parametrize(
    ("place", "by", "line"),
    [
        (["entries", 0, "test", "units", "bits", 1], 1e-4, "test.bits_per_char: saved"),
        (["differences", 0, "p_value"], 1e-6, "differences[0].p_value: saved"),
        (["entries", 0, "metric_pseudovalues", "self_bleu", 3], 1e-3, "its rows: metrics["),
    ],
)
def test_a_changed_number_is_found(copy: Path, place: list[Any], by: float, line: str) -> None:
    edit_record(copy / RESULT, add(place, by))
    shutil.rmtree(copy / "runs")
    (copy / PAGE).unlink()
    done = textgen("verify", copy, code=1)
    assert line in done.stdout
    assert done.stderr.endswith("differ when recomputed\n")


def test_changed_weights_a_lost_run_and_a_worse_reference_are_found(copy: Path) -> None:
    other, lost = sorted((copy / "runs").glob("char-lstm*"))
    weights = load_file(other / "weights.safetensors")
    name = max(weights, key=lambda each: weights[each].numel())
    save_file({**weights, name: weights[name] + 0.01}, other / "weights.safetensors")
    write_digests(other)  # on purpose, not by damage
    reference = read_record(Comparison, copy / RESULT).references[0]
    assert reference.units
    bits = tuple(1.1 * each for each in reference.units.bits)
    worse = reference_score(reference.name, reference.description, replace(reference.units, bits=bits))
    edit_record(copy / RESULT, lambda values: values["references"][0].update(to_values(worse)))
    for report in (MARKDOWN, PAGE):
        (copy / report).unlink()
    assert wrong(copy) == []  # its numbers agree with each other
    shutil.rmtree(lost)
    found = wrong(copy, runs=True, device="cpu")
    row = f"entries[0, {TINY}, 0]"
    scores = [
        f"bench.json, the scores of its runs: {row}.{part}.bits_per_char" for part in ("validation", "test")
    ]
    assert set(scores) <= set(found)
    assert f"bench.json, the files of its runs: entries[1, {TINY}, 1]" in found
    assert {place.partition("]")[0] for place in found if "reference entries" in place} == {
        f"bench.json, compressors and reference entries: references[0, {reference.name}"
    }


def test_what_differs_in_the_text_is_reported(copy: Path) -> None:
    text = Path(read_values(copy / RESULT)["sources"]["names"][0])
    before = text.read_text("utf-8")
    text.write_text(before.replace("the", "The"), "utf-8")
    try:
        found = wrong(copy, runs=True)
        text.unlink()
        gone = textgen("verify", copy, "--runs", code=1)
    finally:
        text.write_text(before, "utf-8")
    assert "bench.json, its text: corpus.sha256" in found
    assert not any("its runs" in each for each in found)
    assert gone.stderr.startswith(f"error: no such file: {text}")


def test_a_study_agrees_with_its_final_comparison(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "comparison")
    result = read_record(Comparison, made / RESULT)
    names = [score.name for score in result.scores]
    values = read_values(RECORDED / "tune-wiki-5s.json")
    values["comparison"] = to_values(conclusion(result, names[1], names[0], (0, 1)))
    write_record(tmp_path / "study.json", values)
    verification = verify(tmp_path)
    assert verification.agrees
    assert ("comparison/bench.json", "its rows") in [(each.file, each.source) for each in verification.checks]
    assert not any(each.startswith("comparison") for each in verification.unchecked["study.json"])
    values["comparison"]["gain"] = -values["comparison"]["gain"]
    write_record(tmp_path / "study.json", values)
    sources = ("its trials", "its final comparison")
    assert wrong(tmp_path) == [f"study.json, {source}: comparison.gain" for source in sources]


def test_a_file_with_another_digest_or_without_one_is_refused(copy: Path) -> None:
    file = copy / RESULT
    saved = file.read_text("utf-8")
    file.write_text(saved.replace('"seed": 1', '"seed": 2', 1), "utf-8")
    assert "it has changed since it was written" in textgen("verify", copy, code=1).stderr
    values = json.loads(saved)
    del values[DIGEST]
    file.write_text(to_json(values), "utf-8")
    assert f"it has no digest ({DIGEST})" in textgen("verify", copy, code=1).stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [("speed", "is not a result of textgen bench, suite or tune"), ("gone", "No such file or directory")],
)
def test_what_is_no_result_is_refused(name: str, reason: str) -> None:
    with pytest.raises(TextgenError, match=reason):
        verify(RECORDED / f"{name}.json")
