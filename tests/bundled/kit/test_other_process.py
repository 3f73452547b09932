"""A tokenizer is fitted in another process too, where the order of sets is another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.commands import forget_plugin_files, run_textgen
from textgen.registry.registry import load
from textgen.registry.single_file import load_plugin_file
from textgen_kit import CheckResult, run_checks
from textgen_tokenizers.char import CharTokenizer

OTHER_PROCESS = "tokenizer-other-process"
FILE = """
import sys

from textgen_tokenizers.char import CharTokenizer


class InOrderOfASet(CharTokenizer):
    '''The alphabet is in the order of a set.'''

    def fit(self, text):
        self._build("".join(set(text)))


class Sorted(CharTokenizer):
    '''The alphabet is sorted.'''

    def fit(self, text):
        print("fitting")
        self._build("".join(sorted(set(text))))


class EncodesInOrderOfASet(Sorted):
    '''The vocabulary is sorted, but not what encodes.'''

    def fit(self, text):
        super().fit(text)
        letters = sorted(set("etaoinshrdlu"))
        self.letters = str.maketrans("".join(letters), "".join(set(letters)))

    def encode(self, text):
        return super().encode(text.translate(self.letters))


class FailsElsewhere(Sorted):
    '''Looks at what the process has imported.'''

    def fit(self, text):
        super().fit(text)
        if "pytest" not in sys.modules:
            raise ValueError("not here")
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A plugin file with the tokenizers."""
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    yield path
    forget_plugin_files()


def check(component: type) -> CheckResult:
    """Return the result of the check."""
    (result,) = [result for result in run_checks("tokenizer", component) if result.check == OTHER_PROCESS]
    return result


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("inorderofaset", "failed", "expected the same tokens in another process, where sets of strings"),
        ("encodesinorderofaset", "failed", "expected the same ids of "),
        ("failselsewhere", "failed", "expected a tokenizer that can be fitted in another process, where"),
        ("sorted", "passed", ""),
    ],
)
def test_a_tokenizer_of_a_file_is_fitted_in_another_process(
    name: str, status: str, reason: str, file: Path
) -> None:
    load_plugin_file(file)
    result = check(load("tokenizer", name))
    assert result.status == status
    assert result.reason.startswith(reason)
    if name == "failselsewhere":
        assert result.reason.endswith("it failed: ValueError: not here")


def test_the_command_finds_the_order_of_a_set(file: Path) -> None:
    done = run_textgen("plugins", "check", "inorderofaset", "--plugin", file, code=1)
    failed = [line.split("\t")[3] for line in done.stdout.splitlines()[1:]]
    assert OTHER_PROCESS in failed
    assert "tokenizer-deterministic" not in failed


def test_an_installed_tokenizer_is_loaded_there_too(install: Callable[[str, str, str], None]) -> None:
    install("toys", "[textgen.tokenizers]\ntoy = toys:InOrderOfASet\nfine = toys:Sorted", FILE)
    assert check(load("tokenizer", "toy")).status == "failed"
    assert check(load("tokenizer", "fine")).status == "passed"


def test_what_another_process_cannot_load_is_skipped_with_the_reason() -> None:
    class Local(CharTokenizer):
        """Known to this function alone."""

    result = check(Local)
    assert result.status == "skipped"
    assert "cannot be sent to another process" in result.reason
    assert "Local" in result.reason
