"""Texts up to an end: lines, sentences and paragraphs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import textgen
from helpers.commands import run_textgen
from textgen.generation.text_ends import Until, part_after

CPU = textgen.ClusterOptions(device="cpu", precision="fp32")
HOT = {"sampler": "temperature:temperature=1.5", "length": 40}
ABBREVIATED = "Mr. and Mrs. Bennet met Dr. J. S. Bach."


@pytest.mark.parametrize(
    ("prompt", "written", "until", "part"),
    [
        ("", "\n\n Ann \nBob", "line", "Ann"),
        ("", "Ann", "line", None),
        ("An", "n\nBob", "line", "Ann"),
        ("", "He said \u201cno.\u201d She", "sentence", "He said \u201cno.\u201d"),
        ("", "It is 3.14 of it! Yes", "sentence", "It is 3.14 of it!"),
        ("", "A title\n\nMore.", "sentence", "A title"),
        ("", "one\ntwo\n\nthree", "paragraph", "one\ntwo"),
        ("", "one\ntwo\n", "paragraph", None),
        ("CHAPTER XX\n\n", "It was late. She", "sentence", "It was late."),
        ("CHAPTER XX\n\n", "It was late", "sentence", None),
        ("It was late.", " She went. He", "sentence", "She went."),
        ("", f"{ABBREVIATED} They", "sentence", ABBREVIATED),
        ("", '"Ah! Yes. No." said he. She', "sentence", '"Ah! Yes. No." said he.'),
        ("", "\u201eJa. Nein.\u201c Er ging. Sie", "sentence", "\u201eJa. Nein.\u201c Er ging."),
        ("", "Stop! cried he. She", "sentence", "Stop! cried he."),
    ],
)
def test_a_text_ends_with_the_first_part_that_goes_on_from_its_prompt(
    prompt: str, written: str, until: Until, part: str | None
) -> None:
    found = part_after(prompt + written, prompt, until, "en")
    assert (found and (prompt + written)[slice(*found)]) == part


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> textgen.Run:
    """A run on a list of a few names, which it often writes again."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "names.txt").write_text("Ann\nBea\nCid\nDan\nEve\n" * 800, "utf-8")
    text = textgen.TextOptions(str(folder / "names.txt"), clean="raw")
    return textgen.train("char-ngram:order=3", text, cluster=CPU, out=folder / "run", report=False)


def test_a_list_has_no_text_twice_and_none_of_the_training_text(names: textgen.Run) -> None:
    written = [each.text for each in names.samples_until("line", 20, **HOT)]
    assert len(written) == 20
    assert {"Ann", "Bea"} & set(written)
    assert len(set(written)) < len(written)
    unique = [each.text for each in names.samples_until("line", 10, unique=True, **HOT)]
    assert len(set(unique)) == 10
    new = {each.text for each in names.samples_until("line", 5, unique=True, new=True, **HOT)}
    assert not new & {"Ann", "Bea", "Cid", "Dan", "Eve"}


def test_too_few_are_said_with_what_helps(names: textgen.Run) -> None:
    repeated = (
        r"only \d of 9 such texts found in 180 samples; the others are repetitions: try a higher temperature"
    )
    with pytest.warns(textgen.TextgenWarning, match=repeated):
        cold = list(names.samples_until("line", 9, unique=True, sampler="temperature:temperature=0.05"))
    assert len(cold) <= 5
    cut = "only 0 of 2 such texts found in 40 samples; most were cut off before the end of a sentence: raise"
    with pytest.warns(textgen.TextgenWarning, match=cut):
        assert list(names.samples_until("sentence", 2, "A heading\n\n", length=20)) == []


def test_the_command_prints_a_text_a_line_that_goes_on_from_its_prompt(names: textgen.Run) -> None:
    command = ("sample", names.folder, "--until", "line", "-n", 4, "--length", 20)
    lines = run_textgen(*command).stdout.splitlines()
    assert lines == [each["text"] for each in json.loads(run_textgen(*command, "--json").stdout)["samples"]]
    assert len(lines) == 4
    written = list(names.samples_until("line", 4, "An", sampler="temperature:temperature=0.5", length=20))
    assert {each.prompt for each in written} == {"An"}
    assert "n" in {each.text for each in written}  # the rest of Ann
    done = run_textgen(*command, "--prompt", "-", "--temperature", 0.5, stdin="An")
    assert done.stdout.splitlines() == [each.prompt + each.text for each in written]


def test_what_is_copied_from_the_training_text_is_listed(tmp_path: Path, news: str) -> None:
    (text := tmp_path / "novel.txt").write_text((news[500:700] + "\n\n") * 40, "utf-8")
    run = textgen.train("char-ngram", text, out=tmp_path / "run")
    assert run.copied([news[510:560] + " zq zq", "zq"]) == [[news[510:560]], []]
    told = run_textgen("sample", run.folder, "--sampler", "greedy", "--length", 100, "--copied")
    copied, _, passage = told.stderr.strip().partition(": ")
    assert copied == "copied, seed 0"
    assert len(passage) >= 30
