"""Progress is a line per entry on a terminal, a log when piped, and never part of the result."""

from __future__ import annotations

import re
import time

import pytest

from helpers.commands import PROGRESS
from textgen.library.progress import ProgressDisplay
from textgen.training.progress import DONE, FAILED, Progress, Stage, Step

SCORES = (4.0, 3.0, 2.5, 2.25)


def steps(entry: str, index: int = 1, total: int = 3) -> list[Step]:
    """What is reported of an entry up to its scoring."""
    progress = [
        Progress(share / 4, 2.0 * share, 10 * share, 1.0, 4000 * share, 9.0, score)
        for share, score in enumerate(SCORES, start=1)
    ]
    return [
        Step("starting", entry, index=index, total=total),
        Step("tokenizing", entry, index=index, total=total),
        *(Step("training", entry, each, index=index, total=total) for each in progress),
    ]


def preparing(*stages: Stage) -> Step:
    return Step("preparing the text", total=2, stages=stages)


def show(reported: list[Step], *, quiet: bool = False, is_interrupted: bool = False) -> None:
    with ProgressDisplay(quiet=quiet) as display:
        for step in reported:
            display(step)
        if is_interrupted:
            raise KeyboardInterrupt


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "LINES": "30", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)


def drawn(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """All lines that were drawn; the last ones are those that stay on the screen."""
    printed = capsys.readouterr()
    assert printed.out == ""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", printed.err).splitlines()


@pytest.mark.usefixtures("on_a_terminal")
def test_a_line_has_state_curve_last_validation_score_and_speed(capsys: pytest.CaptureFixture[str]) -> None:
    """Below it is what the entry wrote last."""
    with ProgressDisplay() as display:
        display(preparing(Stage("next", "tokenizing", 160.0, is_timed=True)))
        *others, last = steps("word-lstm-glove", index=2)
        written = Step("training", "word-lstm-glove", text="It was the\nhouse", index=2, total=3)
        for step in (*others, written, last):
            display(step)
        lines = display._draw().plain.splitlines()
    capsys.readouterr()
    assert re.search(r"^\S word-lstm-glove +training 100% +·██\S+ validation 2\.250 +2 k chars/s$", lines[1])
    assert lines[2] == "It was the house"
    assert lines[3] == "entry 2 of 3, about 2.5 min left"
    assert max(map(len, lines)) < 80


@pytest.mark.usefixtures("on_a_terminal")
def test_what_is_over_is_marked_and_what_failed_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    entries = [
        Step("reading the text"),
        *steps("a"),
        Step(DONE, "a", index=1, total=3, outcome="test 2.100 bits/char"),
        *steps("[bold]", index=2),
        Step(FAILED, "[bold]", index=2, total=3, outcome="loss is nan \x1b[2J; " + "x" * 100),
        Step("comparing with references"),
    ]
    show(entries)
    lines = drawn(capsys)[-4:]
    assert lines[0].startswith("✓ reading the text")
    assert re.match(r"✓ a +done in 0:00 +·██\S+ test 2\.100 +2 k chars/s", lines[1])
    assert lines[2].startswith("✗ [bold]  failed: loss is nan \\u001b[2J; x")
    assert lines[3].startswith("✓ comparing with references")
    assert max(map(len, lines)) <= 80
    with pytest.raises(KeyboardInterrupt):
        show(steps("a"), is_interrupted=True)
    assert drawn(capsys)[-1].startswith("· a  training 100%")


def test_a_pipe_gets_a_log_of_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    start = preparing(
        Stage("a", "tokenizing", 30.0, is_timed=True), Stage("c", "tokenizing", 240.0, is_timed=True)
    )
    done = Step(DONE, "a", index=1, total=2, outcome="test 2.100 bits/char")
    failed = Step(FAILED, "b", index=2, total=2, outcome="nan")
    show([start, *steps("a", total=2), done, *steps("b", 2, 2), failed])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "about 4.5 min for 2 entries",
        "[0:00] a (1 of 2): tokenizing, about 4.5 min left",
        "[0:00] a (1 of 2): training 25%, validation 4.000, about 4 min left",
        "[0:00] a (1 of 2): done, test 2.100 bits/char",
        "[0:00] b (2 of 2): tokenizing, about 4 min left",
        "[0:00] b (2 of 2): training 25%, validation 4.000, about 4 min left",
        "[0:00] b (2 of 2): failed, nan",
    ]
    assert all(PROGRESS.fullmatch(line) for line in printed.err.splitlines())


def test_a_pipe_gets_a_line_at_least_every_20_seconds_and_is_told_what_continues(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ProgressDisplay() as display:
        began = time.monotonic()
        display(preparing(Stage("a", "tokenizing", 900.0, is_timed=True)))
        for step in steps("a")[:-2]:
            display(step)
        display(Step("", "a", remark="continues at 43 % of its training"))
        assert capsys.readouterr().err.endswith("[0:00] a continues at 43 % of its training\n")
        for seconds in (10, 20, 30, 40):
            display.break_silence(began + seconds)
    assert capsys.readouterr().err.splitlines() == [
        f"[0:{seconds}] a (1 of 3): training 50%, validation 3.000" for seconds in (20, 40)
    ]


@pytest.mark.parametrize("terminal", ["FORCE_COLOR", "IGNORED"])
def test_quiet_is_silent(
    terminal: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(terminal, "1")
    show([preparing(Stage("a", "tokenizing", 240.0)), *steps("a")], quiet=True)
    assert capsys.readouterr() == ("", "")
