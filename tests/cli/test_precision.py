"""`--precision auto`: what a folder holds decides, whatever the machine is found to be best at."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import TINY, run_textgen
from textgen.runtime import device

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_references")]

SETTINGS = ("--corpus", "lee", "--max-chars", "4000", "--budget", "2000chars", "--device", "cpu")
SUITE = f"""
title = "One case"
budget = "2000chars"
seeds = 1
[[questions]]
name = "one"
text = "What?"
cases = [{{ label = "one", entry = "{TINY}" }}]
"""
REFUSAL = "another precision; add --precision fp32, or choose another folder (--out)"


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        (("bench", TINY, "--length", "40", "--sampler", "greedy"), REFUSAL),
        (("tune", TINY, "--trials", "2", "--seeds", "1", "--search", "learning_rate"), REFUSAL),
        (("suite", "suite.toml"), None),
    ],
)
def test_a_folder_is_continued_in_its_precision(
    command: tuple[str, ...], refused: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suite can be made in another one too, since each of its benches has a folder of its own."""
    monkeypatch.setattr(device, "_best_precision", lambda _: "bf16")
    (tmp_path / "suite.toml").write_text(SUITE, "utf-8")
    whole = (*command, *SETTINGS, "--out", "out", "--json")
    run_textgen(*whole, "--precision", "fp32", cwd=tmp_path)
    again = run_textgen(*whole, cwd=tmp_path)
    assert '"precision": "fp32"' in again.stdout
    other = run_textgen(*whole, "--precision", "bf16", code=1 if refused else 0, cwd=tmp_path)
    assert (refused or "0 of 1 benches are complete") in other.stderr
