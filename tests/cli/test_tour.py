"""`textgen tour`: its commands run or are skipped, and without a terminal it is a list."""

from __future__ import annotations

import re
import shlex
from io import TextIOWrapper
from pathlib import Path

import pytest

from helpers import commands
from helpers.commands import run_textgen
from helpers.pages import parse_command
from textgen.cli.tour import STEPS, Step


class Typed(TextIOWrapper):
    """Standard input that is a terminal; what is printed is not."""

    def isatty(self) -> bool:
        return not self.write_through


def test_the_list_has_every_step_as_a_command(tmp_path: Path) -> None:
    printed = run_textgen("tour", "my novel.txt", "--budget", "9s", cwd=tmp_path).stdout
    lines = re.findall(r"^    (textgen .*)$", printed, re.M)
    assert [parse_command(line)[0] for line in lines] == [*["bench"] * 3, "ask", "bench", "play", "look"]
    words = ["my novel.txt", "--max-chars", "1000000", "--budget", "9s", "--out", "runs/tour/your-my novel"]
    assert shlex.split(lines[-3])[-7:] == words
    assert [text for step in STEPS for text in (step.title, step.look) if text not in printed] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_steps_run_or_are_skipped(tmp_path: Path, news: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small models and little text."""
    line = Step.line

    def briefly(step: Step, text: str, budget: str) -> str:
        small = re.sub(r"(\S+-lstm\S*)", r"\1:num_layers=1,hidden_size=16", line(step, text, budget))
        small = small.replace(" --max-chars 1000000", "") + " --max-chars 20000"
        return small + " --length 20" * ("bench" in small)

    monkeypatch.setattr(Step, "line", briefly)
    monkeypatch.setattr(commands, "TextIOWrapper", Typed)
    (tmp_path / "novel.txt").write_text(news, "utf-8")
    first = run_textgen("tour", "--budget", "2kchars", stdin="\n\nq\n", cwd=tmp_path).stdout
    assert [f"Step {number} of 5" in first for number in (1, 2, 3, 4)] == [True, True, True, False]
    failed = run_textgen("tour", "--budget", "2kchars", stdin="s\ns\ns\nno.txt\n\n", cwd=tmp_path, code=1)
    assert "no.txt" in failed.stderr
    rest = run_textgen("tour", "--budget", "2kchars", stdin="s\ns\n\nnovel.txt\n\n\n", cwd=tmp_path).stdout
    assert "textgen play runs/tour/your-novel" in rest
    reports = re.findall(r"runs/tour/\S+/report\.html", rest)
    assert reports
    for report in reports:
        assert "word-lstm" in (tmp_path / report).read_text("utf-8")
