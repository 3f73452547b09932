"""How failures are told: once for each cause, with the place where a text differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch
import typer
from torch import Tensor

from helpers.commands import run_textgen
from textgen.registry.registry import KINDS
from textgen_cleaners.plain import Raw
from textgen_kit import CheckResult, failures, run_checks
from textgen_kit.runner import FOLLOW_FROM_CAUSAL
from textgen_models.counting import Uniform
from textgen_tokenizers.char import CharTokenizer

TYPO = '''
import torch
from torch import nn

class Bigram(nn.Module):
    """The next token depends on the last one."""
    def __init__(self, vocab_size):
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        return self.tabel(ids), state
'''


def test_failures_of_one_cause_are_reported_once() -> None:
    class FailsAtOnePlace(Raw):
        """Its messages differ."""

        def clean(self, text: str) -> str:
            raise KeyError(len(text))

    results = run_checks("cleaner", FailsAtOnePlace)
    num_failed = sum(result.status == "failed" for result in results)
    assert num_failed > 3
    (only,) = failures(results)
    assert only.check == "cleaner-any-text"
    line = FailsAtOnePlace.clean.__code__.co_firstlineno + 1
    assert only.place == f"test_failures.py, line {line}"
    assert only.reason == f"KeyError: 0 ({only.place}) (and {num_failed - 1} more checks)"


def test_failures_of_different_causes_are_kept() -> None:
    one, other = CheckResult("a", "failed", "expected this"), CheckResult("b", "failed", "expected that")
    assert failures([one, CheckResult("c", "passed", ""), other]) == [one, other]
    (merged,) = failures([one, replace(one, check="d")])
    assert merged == replace(one, reason="expected this (and 1 more check)")


def test_a_model_that_sees_later_tokens_is_told_so_once() -> None:
    class Peek(Uniform):
        """Predicts by the mean of all tokens."""

        def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            logits, state = super().forward(ids, state)
            seen = ids.float().mean(1)[:, None, None] * torch.arange(logits.shape[-1])
            return (logits + seen).log_softmax(-1), state

    results = run_checks("model", Peek)
    assert {"model-causal", "model-chunks"} <= {each.check for each in results if each.status == "failed"}
    first, *others = failures(results)
    assert first.check == "model-causal"
    assert first.reason.endswith("more checks)")
    assert {each.check for each in others}.isdisjoint(FOLLOW_FROM_CAUSAL)
    crash = CheckResult("model-step", "failed", "KeyError: 3 (peek.py, line 3)", "peek.py, line 3")
    assert crash in failures([first, crash])  # which has another cause


def test_a_typo_is_one_line_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "bigram.py").write_text(TYPO)
    done = run_textgen("plugins", "check", "bigram", "--plugin", "bigram.py", code=1, cwd=tmp_path)
    _, row = [line.split("\t") for line in done.stdout.splitlines()]
    assert row[:3] == ["model", "bigram", "failed"]
    assert "has no attribute 'tabel'" in row[4]
    assert "(bigram.py, line 13) (and " in row[4]


def test_a_lossless_failure_shows_the_text_around_the_first_difference() -> None:
    class LosesZ(CharTokenizer):
        """Lacks a letter."""

        def encode(self, text: str) -> Any:
            return super().encode(text.replace("Z", ""))

    reasons = {result.check: result.reason for result in run_checks("tokenizer", LosesZ)}
    assert reasons["tokenizer-lossless"] == (
        "expected decode(encode(text)) to be the text; after 90 characters "
        r"'ists from Z\xfcrich found slag, c' became 'ists from \xfcrich found slag, ch'"
    )
    assert r"after 90 bytes b'ists from Z\xc3\xbcrich" in reasons["tokenizer-surfaces"]


# --- the checks of commands


Install = Callable[..., None]
GOOD = '''"""A command."""

from __future__ import annotations

from typing import Annotated

import typer


def shout(
    word: Annotated[str, typer.Argument(help="A word.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a word in capitals."""
    print(word.upper(), as_json)
'''
FAULTS = {
    ('"""Print a word in capitals."""', ""): "command-help",
    (', help="Print JSON."', ""): "command-help",
    ('Annotated[str, typer.Argument(help="A word.")]', "int | str"): "command-arguments",
    (': Annotated[str, typer.Argument(help="A word.")]', ""): "command-arguments",
    ("Annotated[bool, ", "Annotated[str, "): "command-json",
    ("import typer", "import numpy\nimport typer"): "command-light",
}


def statuses(install: Install, code: str) -> dict[str, str]:
    install("shouting", f"[{KINDS['command']}]\nshout = shouting:shout\n", code)
    component: Any = import_module("shouting").shout
    return {each.check: each.status for each in run_checks("command", component)}


def test_a_good_command_passes_every_check(install: Install) -> None:
    assert set(statuses(install, GOOD).values()) == {"passed"}


@pytest.mark.parametrize(("fault", "check"), FAULTS.items())
def test_a_fault_is_found(fault: tuple[str, str], check: str, install: Install) -> None:
    assert GOOD.count(fault[0]) == 1
    assert statuses(install, GOOD.replace(*fault))[check] == "failed"


def test_a_command_without_json_or_of_this_program_is_not_refused(tmp_path: Path) -> None:
    def touch(name: Annotated[str, typer.Argument(help="A name.")]) -> None:
        """Make a file."""
        (tmp_path / name).touch()

    touch.__annotations__ = {"name": Annotated[str, typer.Argument(help="A name.")], "return": None}
    results = {each.check: each for each in run_checks("command", touch)}
    assert results["command-json"].status == "skipped"
    assert results["command-arguments"].status == "passed"
