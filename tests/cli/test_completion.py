"""The shell completes commands, options, names and entries."""

from __future__ import annotations

import pytest

from helpers.commands import run_textgen


@pytest.mark.parametrize(
    ("line", "expected", "unexpected"),
    [
        ("textgen ben", "bench", "train"),
        ("textgen --inst", "--install-completion", "--version"),
        ("textgen bench char-l", "char-lstm", "word-lstm"),
        ("textgen bench ran", "random", "original"),
        ("textgen bench char-lstm --corpus ", "wiki", "prose"),
        ("textgen bench char-lstm --sampler top-", "top-p", "greedy"),
        ("textgen sample lat", "latest", "lee"),
        ("textgen plugins show ls", "lstm", "gru"),
        ("textgen plugins check --kind sam", "sampler", "model"),
        ("textgen train char-lstm --device c", "cuda", "mps"),
    ],
)
def test_a_word_is_completed(
    line: str, expected: str, unexpected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"_TEXTGEN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    found = run_textgen().stdout.split()
    assert expected in found
    assert unexpected not in found
