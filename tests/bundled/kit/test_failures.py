"""How failures are told: once for each cause, with the place where a text differs."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from torch import Tensor

from helpers.commands import run_textgen
from textgen.contracts import TextgenWarning
from textgen.registry.registry import KINDS
from textgen_cleaners.plain import Raw
from textgen_kit import CheckError, checks, conformance_test, failures, run_checks
from textgen_tokenizers.char import CharTokenizer

LOUD = '''
class Loud:
    """It prints a sign."""
    def __init__(self, sign: str = "!"):
        self.sign = sign
    def clean(self, text):
        print(self.sign)
        return text
'''
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


def test_an_error_in_usual_use_is_one_of_the_contract_alone() -> None:
    class WithoutUniforms:
        """Chooses without being random."""

        def __call__(self, logits: Tensor) -> Tensor:
            return logits.argmax(-1)

    failed = [result for result in run_checks("sampler", WithoutUniforms) if result.status == "failed"]
    assert [result.check for result in failed] == ["sampler-contract"]
    assert "takes 2 positional arguments but 3 were given" in failed[0].reason


def test_a_typo_is_one_line_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "bigram.py").write_text(TYPO)
    done = run_textgen("plugins", "check", "bigram", "--plugin", "bigram.py", code=1, cwd=tmp_path)
    _, row = [line.split("\t") for line in done.stdout.splitlines()]
    assert row[:4] == ["model", "bigram", "failed", "model-contract"]
    assert "has no attribute 'tabel'" in row[4]
    assert row[4].endswith("(bigram.py, line 13)")


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
    (surfaces,) = [each for each in checks("tokenizer") if each.id == "tokenizer-surfaces"]
    with pytest.raises(CheckError, match=re.escape(r"after 90 bytes b'ists from Z\xc3\xbcrich")):
        surfaces(LosesZ)


def test_spaces_are_visible_where_two_texts_differ() -> None:
    class Halves(Raw):
        """Leaves two of three spaces."""

        def clean(self, text: str) -> str:
            return text.replace("  ", " ")

    (failed,) = failures(run_checks("cleaner", Halves))
    assert failed.check == "cleaner-idempotent"
    assert "'The ferry  to  Hollin   Island' became 'The ferry to Hollin  Island  l'" in failed.reason


# --- warnings


class Forgotten(Raw):
    """Its author has forgotten `@dataclass`."""

    max_digits: int = 3
    joint: str = ""


class TakesAList(Raw):
    """Its author wants users to give a list."""

    def __init__(self, words: list[str] | None = None, times: int = 1) -> None:
        self.words, self.times = words, times


class Trains(CharTokenizer):
    """It learns merges, as fast as its author likes."""

    def __init__(self, learning_rate: float = 0.1) -> None:  # noqa: ARG002
        super().__init__()


class Prints(Raw):
    """Its author looks for a mistake."""

    def clean(self, text: str) -> str:
        print("cleaning", len(text))
        return text


@pytest.mark.parametrize(
    ("component", "check", "reason"),
    [
        (
            Forgotten,
            "cleaner-pitfalls",
            "not an option without @dataclass before the class, which it lacks: max_digits",
        ),
        (
            TakesAList,
            "cleaner-pitfalls",
            r"words is not an option, since its type is list\[str\] \| None; use",
        ),
        (
            Trains,
            "tokenizer-pitfalls",
            "learning_rate is also an option of training, so users must write tok",
        ),
        (Prints, "cleaner-no-global-state", r"prints 'cleaning \d+' to stdout, which is for results; rem"),
    ],
)
def test_what_an_author_hardly_wants_is_a_warning(component: type, check: str, reason: str) -> None:
    kind = check.partition("-")[0]
    (result,) = [each for each in run_checks(kind, component) if each.status in ("warning", "failed")]
    assert (result.check, result.status) == (check, "warning")
    assert re.match(reason, result.reason)
    (function,) = [each for each in checks(kind) if each.id == check]
    with pytest.warns(TextgenWarning, match=f"{check}: {reason}"):  # as pytest shows it
        conformance_test(kind, component)(function)


def test_a_plugin_is_checked_with_options_and_warnings_do_not_fail(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(LOUD)
    done = run_textgen("plugins", "check", "loud:sign=.", "--plugin", "loud.py", cwd=tmp_path)
    _, passed, warned = [line.split("\t") for line in done.stdout.splitlines()]
    assert passed[:3] == ["cleaner", "loud:sign=.", "passed"]
    assert warned[:4] == ["cleaner", "loud:sign=.", "warning", "cleaner-no-global-state"]
    assert warned[4].startswith("prints '.' to")
    for words in ("loud:sgin=.", "lod:sign=."):
        done = run_textgen("plugins", "check", words, "--plugin", "loud.py", code=1, cwd=tmp_path)
        assert "did you mean " in done.stderr


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
