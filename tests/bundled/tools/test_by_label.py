"""What labels are worth: authors with words of their own are told apart, and asked for by their labels."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import textgen
from helpers.commands import run_textgen
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.json_records import from_values
from textgen_tools import items, labels
from textgen_tools.conditions.recognition import LabelClassifier, pieces, share
from textgen_tools.conditions.report import label_report
from textgen_tools.conditions.result import ByLabel

CPU = textgen.ClusterOptions(device="cpu", precision="fp32")
WORDS = {
    "ann": ("river", "meadow", "willow", "stone"),
    "bob": ("engine", "piston", "valve", "gear"),
    "cid": ("river", "piston", "willow", "gear"),
}
ENTRY = "char-lstm:num_layers=1,hidden_size=64"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Paragraphs by authors who use four words each; cid shares two with each of the others."""
    root, chance = tmp_path_factory.mktemp("authors"), random.Random(0)
    authors = chance.choices([*WORDS], k=720)
    rows = [{"text": " ".join(chance.choices(WORDS[name], k=16)) + ".", "author": name} for name in authors]
    (root / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return root


@pytest.fixture(scope="module")
def runs(folder: Path) -> tuple[textgen.Run, textgen.Run]:
    """A run with labels and one without, of the same text."""
    texts = textgen.TextOptions(str(folder / "texts.jsonl"), condition="author"), str(folder / "texts.jsonl")
    with_labels, without = (
        textgen.train(ENTRY, text, budget="400kchars", cluster=CPU, out=folder / f"run-{place}", report=False)
        for place, text in enumerate(texts)
    )
    return with_labels, without


def test_what_labels_are_worth(runs: tuple[textgen.Run, textgen.Run]) -> None:
    result = labels([runs[0].folder], [runs[1].folder], number=4, length=100, device="cpu", report=False)
    (entry,) = result.entries
    assert [each.name for each in result.labels] == list(WORDS)
    assert result.condition == "author"
    assert entry.without is not None
    assert -0.025 < entry.without.value < -0.008  # log2(3) bits for each paragraph of about 105 characters
    assert entry.recognized.value > 0.95
    assert entry.recognized.total == sum(result.paragraphs)
    assert entry.samples_recognized.value == 1.0
    assert result.classifier.value > 0.9
    ann, bob, cid = entry.given
    assert ann[0].value == bob[1].value == cid[2].value == 0
    assert 0 < ann[2].value < ann[1].value  # ann shares words with cid, none with bob
    assert 0 < bob[2].value < bob[0].value
    assert json.loads(json.dumps(result_values(result)))
    page, text = to_html(label_report(result)), to_markdown(label_report(result))
    for words in ("What labels are worth", "Who writes like whom", "Texts by label", "\u24d1 bob"):
        assert words in page
        assert words in text


def result_values(result: ByLabel) -> dict[str, object]:
    """The result as JSON has it, read again."""
    from textgen.runtime.storage.json_records import to_values

    values = to_values(result)
    assert from_values(ByLabel, values) == result
    return values


def test_texts_of_a_label_have_its_words_and_no_sign(runs: tuple[textgen.Run, textgen.Run]) -> None:
    run, plain = runs
    for author, words in WORDS.items():
        for text in run.samples(3, length=300, label=author, sampler="temperature:temperature=0.4"):
            assert not {"\u24d0", "\u24d1", "\u24d2"} & set(text)
            written = set(text.replace(".", " ").split()[:-1])  # the last one is cut
            assert len(written & {*words}) >= 0.8 * len(written)
    (line,) = items(run, 1, label="bob", until="paragraph", sampler="temperature:temperature=0.4")
    assert {*line.text.rstrip(".").split()} <= {*WORDS["bob"]}
    shown = run_textgen("sample", run.folder, "--label", "bob", "--length", 60, "--temperature", 0.3)
    assert "piston" in shown.stdout
    error = run_textgen("sample", run.folder, "--label", "eve", code=2).stderr
    assert f"{ENTRY!r} has no label 'eve'; it has ann, bob, cid" in error
    with pytest.raises(UsageError, match="it has none; train with --condition"):
        plain.sample(label="ann")


def test_the_command_writes_a_page(runs: tuple[textgen.Run, textgen.Run], tmp_path: Path) -> None:
    page = tmp_path / "labels.html"
    shown = run_textgen("labels", runs[0].folder, "--number", 1, "--length", 60, "--out", page)
    assert "tells whose a paragraph is" in shown.stdout
    assert "What labels are worth" in page.read_text("utf-8")
    plain = run_textgen("labels", runs[1].folder, "--out", page, code=2).stderr
    assert "the text has no labels; train with --condition" in plain
    same = run_textgen("labels", runs[0].folder, "--against", runs[0].folder, "--out", page, code=2).stderr
    assert "the runs without labels are of another text or split" in same


@pytest.mark.long
def test_a_report_says_which_sign_is_whose(folder: Path, tmp_path: Path) -> None:
    text = textgen.TextOptions(str(folder / "texts.jsonl"), condition="author")
    bench = tmp_path / "bench"
    textgen.bench("char-ngram", text, cluster=CPU, out=bench, report=False)
    report = (bench / "report.md").read_text("utf-8")
    assert "Each paragraph begins with the sign of its label" in report
    assert "\u24d0 ann, \u24d1 bob, \u24d2 cid" in report
    assert "recomputed: all agree" in run_textgen("verify", bench, "--runs").stdout


def test_labels_without_held_out_text_are_left_out(tmp_path: Path) -> None:
    chance = random.Random(0)
    texts = [" ".join(chance.choices(WORDS[name], k=600)) for name in ("ann", "bob") for _ in range(9)]
    texts.insert(9, "valve and gear " * 20)
    corpus = textgen.Corpus.from_texts(texts, labels=["ann"] * 9 + ["eve"] + ["bob"] * 9, split="90/5/5")
    run = textgen.train("char-ngram:order=2", corpus, cluster=CPU, out=tmp_path / "run", report=False)
    result = labels([run.folder], number=1, length=60, device="cpu", report=False)
    assert [each.name for each in result.labels] == ["ann", "bob"]
    assert len(result.entries[0].given) == 2


def test_a_model_that_is_told_nothing_by_signs_recognizes_nothing(folder: Path, tmp_path: Path) -> None:
    text = textgen.TextOptions(str(folder / "texts.jsonl"), condition="author")
    run = textgen.train("random", text, cluster=CPU, out=tmp_path / "run", report=False)
    (entry,) = labels([run.folder], number=1, length=60, device="cpu", report=False).entries
    assert entry.recognized.number == 0
    assert all(each.value == 0 for row in entry.given for each in row)


def test_runs_that_differ_in_more_than_the_seed_are_refused(
    runs: tuple[textgen.Run, textgen.Run], folder: Path, tmp_path: Path
) -> None:
    text = textgen.TextOptions(str(folder / "texts.jsonl"), condition="author")
    other = textgen.train(
        ENTRY, text, budget="3000chars", seed=1, cluster=CPU, out=tmp_path / "r", report=False
    )
    with pytest.raises(UsageError, match="differ in more than the seed"):
        labels([runs[0].folder, other.folder], device="cpu", report=False)
    with pytest.raises(UsageError, match="have another budget or precision"):
        labels([other.folder], [runs[1].folder], device="cpu", report=False)


def test_a_classifier_knows_authors_by_their_words() -> None:
    texts = {"ann": "river meadow " * 100, "bob": "engine piston " * 100}
    classifier = LabelClassifier.of({name: list(pieces(text, 40)) for name, text in texts.items()})
    assert classifier.label("a river, a Meadow") == "ann"
    assert classifier.label("the piston") == "bob"
    assert list(pieces("one two three four", 7)) == ["one two", "three four"]
    half = share(5, 10)
    assert half.value == 0.5
    assert 0.2 < half.interval[0] < 0.3  # by Wilson: 0.237 to 0.763
    assert 0.75 < half.interval[1] < 0.8
