"""`textgen verify`: a real result agrees with itself, and any number that was changed is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers.catalog import RECORDED
from helpers.commands import TINY
from helpers.commands import run_textgen as textgen
from helpers.numbers import add, changed, found, is_found, is_refused, named, telling_values
from helpers.records import edit_record
from textgen.contracts import TextgenError
from textgen.registry.options import build
from textgen.results.comparison import Comparison, ReferenceScore
from textgen.results.details import Details
from textgen.results.judge import reference_score
from textgen.runtime.storage.files import write_digests
from textgen.runtime.storage.json_records import (
    DIGEST,
    from_values,
    read_record,
    read_values,
    to_json,
    to_values,
    write_record,
)
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE
from textgen_tuning.result import conclusion
from textgen_verify import verify
from textgen_verify.rebuilt import verify_comparison
from textgen_verify.remeasured import KeptTexts, loaded_again
from textgen_verify.verification import uncovered
from textgen_verify.verifier import verify_references

pytestmark = pytest.mark.slow

WORD = "word-lstm-word2vec:num_layers=1,hidden_size=16,batch_size=4,sequence_length=16,num_validations=2"
MIXTURE = "char-lstm+ngram:num_layers=1,hidden_size=16,batch_size=4,sequence_length=16,num_validations=2"
RESULT, DETAILS = "bench.json", "details.json"
ALONE = ("lexicons.*", "sources.names.*", "sources.encoding")
"""Kinds of values that keep others from being checked with the text, or the text from being read."""
OWN = ("sample_chars", "texts", "entries.*.name", "entries.*.writing.*.sampler")
"""What others in the details are measured by."""
NAMED = ("samples.*.sampler", "reading.tokens.*")
"""What is compared only if all else is the same."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small comparison of a text in a file, which repeats itself, with two seeds."""
    folder = tmp_path_factory.mktemp("made")
    text = folder / "news.txt"
    news = build("corpus", "lee").read("")
    text.write_text(news[:12_000] + news[8_000:], "utf-8")
    options = [
        "--max-chars",
        24_000,
        "--split",
        "exact:90/5/5",
        "--budget",
        "20000chars",
        "--seeds",
        2,
        "--length",
        120,
        "--device",
        "cpu",
        "--precision",
        "fp32",
    ]
    textgen("bench", TINY, WORD, MIXTURE, "--corpus", text, *options, "--out", folder / "out")
    return folder / "out"


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A copy of the comparison that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def test_a_comparison_agrees_with_its_stretches_and_its_runs(made: Path) -> None:
    *lines, reports, measured, left = textgen("verify", made).stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        f"values of {part} recomputed: all agree"
        for part in (
            *("scored_on", "corpus", "machine", "entries", "references"),
            *("scores", "differences", "resolution", "metrics", "the runs' own files"),
        )
    ]
    assert int(lines[3].split()[0]) > 250
    assert reports == "2 reports recomputed: all agree"
    assert measured.startswith("measured, so only agreement with the rest is checked: entries: metric_")
    assert "; references: units.bits; " in measured
    assert left.startswith("not checked: command; details; entries: freedom, generate.chars_per_second, ")
    assert "; held_out; lexicons; made; other_metrics; overlap; references: description, name; " in left
    whole = textgen("verify", made / RESULT, "--runs", "--device", "cpu").stdout.splitlines()
    *others, again_reports, measured, left = whole
    assert (others[: len(lines)], again_reports) == (lines, reports)
    assert "references" not in measured
    assert "units.bits" not in measured
    again = [line.partition(" recomputed: all agree") for line in others[len(lines) :]]
    assert [kind.split(maxsplit=1)[1] for kind, *_ in again] == [
        "properties of the text",
        "values of the text",
        "values of kept texts",
        "values of details",
        "scores of saved runs",
        "bits of stretches",
        "facts of saved runs",
        "entropies of choices",
        "values of passages read",
        "references",
    ]
    assert (
        "6 entropies of choices recomputed: all agree; 6 of these runs wrote the same texts again" in others
    )
    assert left.startswith("not checked: command; details/entries: description, errors, samples.sampler")
    assert "; entries: generate.chars_per_second, sample_errors" in left
    assert "; made; " in left
    assert "; references: description; " in left
    values = json.loads(textgen("verify", made, "--json").stdout)
    assert values["agrees"]
    assert sum(check["number"] for check in values["checks"]) > 30


@pytest.mark.long  # others change single values
def test_a_change_of_any_kind_of_value_is_found_or_named(copy: Path) -> None:
    bench, details = (read_values(copy / name) for name in (RESULT, DETAILS))
    places = telling_values(bench)
    assert len(places) > 200
    assert "overlap.spans.*.num_chars" in places
    others = {kind: changed(bench, [place]) for kind, place in places.items()}  # each for itself
    refused = {kind for kind, other in others.items() if is_refused(Comparison, other)}
    left = {  # what the file alone does not tell
        kind: places[kind]
        for kind in others.keys() - refused
        if not is_found(Comparison, verify_comparison, others[kind])
    }
    checks = verify_comparison(from_values(Comparison, bench))
    unchecked = named(places, uncovered(places, checks)) - refused
    assert left.keys() <= unchecked
    by_chance = unchecked - left.keys()
    assert {kind.partition(".")[0] for kind in by_chance} <= {"held_out"}

    write_record(copy / RESULT, changed(bench, left.values()))
    verification = verify(copy)
    left = {kind: left[kind] for kind in left.keys() - found(left, verification.checks)}
    assert left.keys() == named(places, verification.unchecked) - refused - by_chance

    for kind in ALONE:
        write_record(copy / RESULT, changed(bench, [left.pop(kind)]))
        with suppress(TextgenError):  # the text cannot be read
            assert kind in named([kind], verify(copy).unchecked)

    write_record(copy / RESULT, changed(bench, left.values()))
    left |= {
        f"{DETAILS}/{kind}": place
        for kind, place in telling_values(details).items()
        if not is_refused(Details, changed(details, [place]))
    }
    for kind in NAMED:
        del left[f"{DETAILS}/entries.*.{kind}"]
    own = [kind for kind in left if kind.startswith(tuple(f"{DETAILS}/{part}" for part in OWN))]
    of_details = [left[kind] for kind in left if kind.startswith(DETAILS) and kind not in own]
    write_record(copy / DETAILS, changed(details, of_details))
    verification = verify(copy, runs=True, device="cpu")
    missed = left.keys() - found(left, verification.checks) - set(own)
    assert missed == named(left, verification.unchecked)
    others = {kind for kind in missed if not kind.startswith(("versions", "seed_priors", "references"))}
    of_samples = {"entries.*.samples.*.text", f"{DETAILS}/entries.*.samples.*.text"}
    assert others - of_samples == {  # samples of a sampler whose texts are not kept are named
        *("command", "made"),
        *("entries.*.generate.chars_per_second", f"{DETAILS}/entries.*.description"),
    }

    result, cpu = from_values(Comparison, bench), torch.device("cpu")
    for kind in own:  # without which the texts that metrics are measured by are not these
        kept = from_values(Details, changed(details, [left[kind]]))
        try:
            again = KeptTexts.of(result, kept, loaded_again(result), cpu)
            assert any(check.disagreements for check in again.checks())
        except ValueError:  # no run has that name
            pass


def test_a_report_that_is_not_of_the_result_is_found(copy: Path) -> None:
    def wrong() -> list[str]:
        (check,) = (each for each in verify(copy).checks if each.kind == "reports")
        return [each.what for each in check.disagreements]

    assert wrong() == []
    for name in (MARKDOWN, PAGE):
        report = (copy / name).read_text("utf-8")
        (copy / name).write_text(report.replace("clear", "unclear"), "utf-8")
        assert wrong() == [name]
        (copy / name).write_text(report, "utf-8")
    (copy / MARKDOWN).unlink()
    edit_record(copy / RESULT, lambda values: values["versions"].update(textgen="0.0.1"))
    assert PAGE in verify(copy).unchecked
    assert MARKDOWN not in verify(copy).unchecked


def test_references_are_scored_again(copy: Path) -> None:
    result = read_record(Comparison, copy / RESULT)
    corpus = loaded_again(result)

    def wrong(*references: ReferenceScore) -> set[str]:
        (check,) = verify_references(replace(result, references=references), corpus, copy)
        return {each.what.partition(",")[0] for each in check.disagreements}

    first, *others = result.references
    assert wrong(first, *others) == set()
    assert wrong(*others) == {first.name}
    assert first.units is not None
    bits = tuple(1.1 * each for each in first.units.bits)
    worse = reference_score(first.name, first.description, replace(first.units, bits=bits))
    assert wrong(worse, *others) == {first.name}
    read = verify_comparison(replace(result, references=(worse, *others)))
    assert not any(check.disagreements for check in read)
    assert "references.*.units.bits" in verify(copy).measured


def test_a_file_without_its_digest_is_refused(copy: Path) -> None:
    (copy / RESULT).write_text(to_json(read_values(copy / RESULT)), "utf-8")
    done = textgen("verify", copy, code=1)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "cannot be read: it lacks its digest, sha256" in done.stderr


def flip_best(values: Any) -> None:
    values["scores"][0]["is_best"] = not values["scores"][0]["is_best"]


CHANGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "a bit of a stretch": (
        add(["entries", 0, "test", "units", "bits", 1], 1e-4),
        "values of entries: char-lstm",
    ),
    "characters of a stretch": (
        add(["entries", 0, "test", "units", "num_chars", 0], 1),
        "num_chars, 1: saved",
    ),
    "the score of a run": (add(["entries", 1, "validation", "bits_per_char"], 1e-6), "(seed 1), validation"),
    "the interval of a run": (add(["entries", 0, "test", "interval", 0], 1e-6), "test, interval, 1: saved"),
    "a kind of text": (
        add(["entries", 0, "test", "bits_by_category", "white_space"], 1e-6),
        "bits_by_category",
    ),
    "the score of an entry": (add(["scores", 0, "bits_per_char"], 1e-6), "values of scores: "),
    "the interval of an entry": (add(["scores", 1, "interval", 1], 1e-6), ", interval, 2: saved"),
    "a p-value": (add(["differences", 0, "p_value"], 1e-6), ", p_value: saved"),
    "a smallest clear difference": (
        add(["resolution", "smallest_clear"], 1e-6),
        "values of resolution: smallest_clear: saved",
    ),
    "a metric": (add(["metrics", 0, "value"], 1e-6), "values of metrics: "),
    "a sample's share": (
        add(["entries", 0, "metric_pseudovalues", "self_bleu", 3], 1e-3),
        "self_bleu, interval",
    ),
    "a reference": (add(["references", 0, "interval", 0], 1e-6), ", interval, 1: saved"),
    "a prior": (add(["seed_priors", "bits_per_char", "sd"], 0.01), "values of differences: "),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_number_is_found(copy: Path, what: str) -> None:
    change, line = CHANGES[what]
    edit_record(copy / RESULT, change)
    done = textgen("verify", copy, code=1)
    assert line in done.stdout
    assert "differ from what they follow from" in done.stderr


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda values: values["scores"].reverse(), "differences: not those of the scores from the best"),
        (flip_best, "scores: is_best contradicts the differences"),
    ],
)
def test_scores_that_contradict_the_differences_are_refused(
    copy: Path, change: Callable[[Any], None], problem: str
) -> None:
    edit_record(copy / RESULT, change)
    assert problem in textgen("verify", copy, code=1).stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda values: values["entries"][0]["test"]["units"]["bits"].pop(),
        lambda values: values["corpus"]["split"]["test"].update(stretch_chars=[]),
        lambda values: values["seed_priors"].pop("distinct_1"),
        lambda values: values["seed_priors"]["bits_per_char"].update(degrees_of_freedom=0.0),
    ],
)
def test_what_cannot_be_computed_again_is_one_line(copy: Path, damage: Any) -> None:
    edit_record(copy / RESULT, damage)
    done = textgen("verify", copy, code=1)
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")


def test_changed_weights_and_a_lost_run_are_found(copy: Path) -> None:
    changed, lost, *_ = sorted((copy / "runs").glob("char-lstm_num*"))
    weights = load_file(changed / "weights.safetensors")
    name = max(weights, key=lambda each: weights[each].numel())
    save_file({**weights, name: weights[name] + 0.01}, changed / "weights.safetensors")
    write_digests(changed)  # on purpose, not by damage
    shutil.rmtree(lost)
    lines = textgen("verify", copy, "--runs", code=1).stdout.splitlines()
    wrong = [line for line in lines if line.startswith("scores of saved runs: ")]
    assert len(wrong) == 3
    assert any(line.startswith("values of the runs' own files: char-lstm") for line in lines)
    assert "(seed 0), validation, bits_per_char: saved" in wrong[0]
    assert f"no run in {str(lost)!r}" in wrong[2]


def test_what_differs_in_the_text_is_said(copy: Path) -> None:
    text = Path(json.loads((copy / RESULT).read_text("utf-8"))["sources"]["names"][0])
    before = text.read_text("utf-8")
    text.write_text(before.replace("the", "The"), "utf-8")
    try:
        lines = textgen("verify", copy, "--runs", code=1).stdout.splitlines()
        text.unlink()
        gone = textgen("verify", copy, "--runs", code=1)
    finally:
        text.write_text(before, "utf-8")
    wrong = [line for line in lines if line.startswith("properties of the text: ")]
    assert wrong[0].startswith("properties of the text: sha256: saved ")
    assert not any("scores of saved runs" in line for line in lines)
    assert gone.stderr.startswith(f"error: no such file: {text}")


def test_a_study_agrees_with_its_final_comparison(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "comparison")
    result = read_record(Comparison, made / RESULT)
    names = [score.name for score in result.scores]
    values = json.loads((RECORDED / "tune-wiki-5s.json").read_text("utf-8"))
    values["comparison"] = to_values(conclusion(result, names[1], names[0], (0, 1)))
    values.pop(DIGEST)
    write_record(tmp_path / "study.json", values)
    *_, line, reports, measured, left = textgen("verify", tmp_path).stdout.splitlines()
    assert line == "10 values of the final comparison recomputed: all agree"
    assert reports == "2 reports recomputed: all agree"
    assert "comparison/references: units.bits" in measured
    assert "; comparison/held_out; comparison/lexicons; comparison/made; " in left
    values["comparison"]["gain"] = -values["comparison"]["gain"]
    write_record(tmp_path / "study.json", values)
    assert "final comparison: gain: saved " in textgen("verify", tmp_path, code=1).stdout


def test_a_result_of_another_method_is_not_verified(copy: Path) -> None:
    edit_record(copy / RESULT, lambda values: values.update(interval_method="95 %, bootstrap"))
    done = textgen("verify", copy, code=1)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "lacks what its intervals were computed from (95 %, bootstrap); measure it again" in done.stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [("speed", "is not a result of textgen bench, suite or tune"), ("gone", "No such file or directory")],
)
def test_what_cannot_be_verified_is_said_in_one_line(name: str, reason: str) -> None:
    done = textgen("verify", RECORDED / f"{name}.json", code=1)
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert reason in done.stderr
