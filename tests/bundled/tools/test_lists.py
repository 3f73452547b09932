"""Lists of what is written up to an end: lines, sentences and paragraphs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import textgen
from helpers.commands import run_textgen
from textgen_tools import items
from textgen_tools.lists import all_items, first_item

CPU = textgen.ClusterOptions(device="cpu", precision="fp32")


@pytest.mark.parametrize(
    ("text", "until", "item"),
    [
        ("Ann\nBob\n", "line", "Ann"),
        ("\n\n Ann \nBob", "line", "Ann"),
        ("Ann", "line", None),
        ("\n \n", "line", None),
        ("He said \u201cno.\u201d She", "sentence", "He said \u201cno.\u201d"),
        ("It is 3.14 of it! Yes", "sentence", "It is 3.14 of it!"),
        ("A title\n\nMore.", "sentence", "A title"),
        ("one\ntwo\n\nthree", "paragraph", "one\ntwo"),
        ("one\ntwo\n", "paragraph", None),
    ],
)
def test_an_item_ends_at_its_first_end(text: str, until: str, item: str | None) -> None:
    assert first_item(text, until) == item


def test_a_text_has_all_its_items() -> None:
    assert all_items("Ann\n\nBob\nCid", "line") == {"Ann", "", "Bob", "Cid"}
    assert all_items("One. Two?", "sentence") == {"One.", "Two?", ""}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> textgen.Run:
    """A run on a list of a few names, which it often writes again."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "names.txt").write_text("Ann\nBea\nCid\nDan\nEve\n" * 800, "utf-8")
    text = textgen.TextOptions(str(folder / "names.txt"), clean="raw", keep_repeats=True)
    return textgen.train("char-ngram:order=3", text, cluster=CPU, out=folder / "run", report=False)


def test_a_list_has_no_text_twice_and_none_of_the_training_text(names: textgen.Run) -> None:
    sampler = "temperature:temperature=1.5"
    written = [each.text for each in items(names, 20, sampler=sampler, length=40)]
    assert len(written) == 20
    assert {"Ann", "Bea"} & set(written)
    assert len(set(written)) < len(written)
    unique = [each.text for each in items(names, 10, unique=True, sampler=sampler, length=40)]
    assert len(set(unique)) == 10
    new = {each.text for each in items(names, 5, unique=True, new=True, sampler=sampler, length=40)}
    assert not new & {"Ann", "Bea", "Cid", "Dan", "Eve"}


def test_a_list_goes_on_from_a_prompt(names: textgen.Run) -> None:
    written = list(items(names, 5, "An", sampler="temperature:temperature=0.5", length=40))
    assert {each.prompt for each in written} == {"An"}
    assert "n" in {each.text for each in written}  # the rest of Ann
    command = (
        "sample",
        names.folder,
        "An",
        "--until",
        "line",
        "--count",
        5,
        "--length",
        40,
        "--temperature",
        0.5,
    )
    assert run_textgen(*command).stdout.splitlines() == [each.prompt + each.text for each in written]


def test_too_few_are_said(names: textgen.Run) -> None:
    with pytest.warns(textgen.TextgenWarning, match="only 5 of 9 such texts are among 180"):
        written = list(items(names, 9, unique=True, sampler="temperature:temperature=0.05"))
    assert len(written) <= 5


def test_the_command_prints_a_text_a_line(names: textgen.Run) -> None:
    command = ("sample", names.folder, "--until", "line", "--count", 4, "--length", 20)
    lines = run_textgen(*command).stdout.splitlines()
    assert lines == [each["text"] for each in json.loads(run_textgen(*command, "--json").stdout)["samples"]]
    assert len(lines) == 4
    line = run_textgen("sample", names.folder, "--new", code=2).stderr
    assert "unique and new are of lists: add --until" in line


def test_a_text_that_is_gone_cannot_be_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = textgen.Corpus.from_texts(["Ann\nBob\n" * 2000], clean="raw", keep_repeats=True)
    run = textgen.train("char-ngram", text, cluster=CPU, out=tmp_path / "run", report=False)
    monkeypatch.setattr("textgen.data.sources._in_memory", {})
    with pytest.raises(textgen.TextgenError, match="no text memory:"):
        next(items(run, 1, new=True))
