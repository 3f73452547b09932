"""What people see on a real terminal."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from helpers.commands import TINY, run_textgen
from helpers.shared import ENTRIES, SETTINGS
from helpers.terminal import ESCAPES, run_on_terminal
from textgen.defaults import SAMPLER

pytest.importorskip("pty", reason="needs a terminal")
pytestmark = pytest.mark.slow

TEXT = ("--corpus", "lee", "--max-chars", "20000")
QUICK = ("--budget", "2000chars", "--precision", "fp32", "--device", "cpu")


@pytest.fixture(scope="module")
def bench(shared_bench: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a comparison whose runs are finished, so that it only shows them."""
    folder = shutil.copytree(shared_bench, tmp_path_factory.mktemp("bench") / "out")
    return ["bench", *ENTRIES, *SETTINGS, "--out", str(folder)]


def test_a_comparison_fits_the_terminal(bench: list[str]) -> None:
    code, _, shown = run_on_terminal(*bench, width=80)
    assert code == 0
    assert re.search(r"^(about [\d.]+ (s|min)|a few seconds) for 4 entries$", shown, re.MULTILINE)
    assert re.search(r"^✓ word-ngram +done in \d:\d\d +test \d\.\d{3}", shown, re.MULTILINE)
    assert re.search(r"^entry \d of 4", shown, re.MULTILINE)
    result = shown[shown.rindex("✓ comparing with references") :].split("\n", 1)[1]
    *report, _, last, following = result.rstrip("\n").split("\n")  # the last three are not broken
    assert max(map(len, report)) <= 80
    assert "test text" in " ".join(report[:3])
    assert re.search(rf"^{re.escape(ENTRIES[0])}\n? +\d\.\d{{3}} ", result, re.MULTILINE)
    assert "Samples" in result
    assert last == f"report: {bench[-1]}/report.html"  # alone, so that it can be clicked
    assert following.startswith("next: char-lstm")
    assert "Where the bits go" not in result.replace(report[-2], "")  # which lists what --full shows


def test_the_whole_report_is_there_on_request_and_without_colours_if_wanted(bench: list[str]) -> None:
    _, raw, shown = run_on_terminal(*bench, "--full", "--quiet", width=120, NO_COLOR="1")
    for title in ("Scores", "Where the bits go", "Generated text", "Speed and size", "Samples"):
        assert re.search(rf"^{title} ─", shown, re.MULTILINE)
    assert "done in" not in shown
    codes = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", raw) for code in codes.split(";")}
    assert not {code for code in codes if code.startswith(("3", "9")) and len(code) > 1}


def test_a_run_is_told_in_a_few_lines_with_what_to_type_next(tmp_path: Path) -> None:
    code, _, shown = run_on_terminal("train", TINY, *TEXT, *QUICK, "--out", "run", cwd=tmp_path, width=120)
    assert code == 0
    report, sample = shown[shown.rindex("done in") :].split("\nSamples ")
    lines = report.split("\n")[1:]
    assert len(lines) <= 5
    text = " ".join(lines)
    assert re.search(r"on lee: \d\.\d{3} bits per character of the test text \(95 % interval \d\.\d+ t", text)
    assert "these bits are spent on: known words" in text
    assert SAMPLER in sample
    assert len(sample) > 200
    assert sample.endswith('next: textgen sample run --prompt "Once upon a time"\nsaved in run\n')
    assert "\t" not in shown
    (tmp_path / "other.txt").write_text("The weather is fine today. " * 40)
    done = run_textgen("score", "run", "other.txt", cwd=tmp_path, width=120)
    scored = " ".join(ESCAPES.sub("", done.stdout).split())
    assert re.search(r"char-lstm\S+: \d\.\d{3} bits per character of other\.txt", scored)
    assert scored.endswith('next: textgen sample run --prompt "Once upon a time"')
