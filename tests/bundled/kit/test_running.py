"""Running checks: their results, what they leave unchanged, and how authors of plugins run them."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import textgen_kit
from helpers.commands import run_textgen
from textgen_cleaners.plain import Raw
from textgen_kit import checks, run_checks
from textgen_kit.subject import SETTINGS, CheckSkipped
from textgen_kit.texts import OTHER_PROSE
from textgen_models.counting import Uniform
from textgen_tokenizers.char import CharTokenizer

MINE = '''
import sys
from textgen_tokenizers.char import CharTokenizer

class Elsewhere(CharTokenizer):
    """It looks at what the process has imported."""
    def fit(self, text):
        super().fit(text)
        if "textgen_kit" not in sys.modules:
            raise ValueError("not here")
class Ordered(CharTokenizer):
    """Its alphabet is in the order of a set."""
    def fit_counts(self, counts):
        self._build("".join(set().union(*counts)))
class Marked:
    """Puts a sign before what is not empty."""
    def __init__(self, sign: str = ""):
        self.sign = sign
    def clean(self, text):
        return self.sign + text
'''


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, encoding="utf-8", check=False
    )


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., list[list[str]]]:
    """Run `textgen plugins check` with a plugin file; return the cells of its rows."""
    (tmp_path / "mine.py").write_text(MINE)

    def run(*names: str, code: int = 0) -> list[list[str]]:
        done = run_textgen("plugins", "check", *names, "--plugin", "mine.py", code=code, cwd=tmp_path)
        return [line.split("\t") for line in done.stdout.splitlines()[1:]]

    return run


def test_a_plugin_is_checked_with_its_options(check: Callable[..., list[list[str]]]) -> None:
    [passed] = check("marked")
    assert passed[:3] == ["cleaner", "marked", "passed"]
    [failed] = check("marked:sign=>", code=1)
    assert failed[1:4] == ["marked:sign=>", "failed", "cleaner-text"]
    assert check("marked:sgin=>", code=1) == []


def test_a_tokenizer_of_a_file_is_fitted_in_another_process(check: Callable[..., list[list[str]]]) -> None:
    [row] = check("ordered", code=1)
    assert row[3] == "tokenizer-other-process"
    [row] = check("elsewhere", code=1)
    assert row[3:] == [
        "tokenizer-other-process",
        "expected a tokenizer that can be fitted in another process, where sets of strings have another "
        "order; it failed: ValueError: not here",
    ]


def test_whatever_a_component_raises_is_a_failure_with_its_place() -> None:
    class Broken(Raw):
        """Ends the process at one text."""

        def clean(self, text: str) -> str:
            if text == OTHER_PROSE:
                raise SystemExit("not\ntoday")
            return text

    *passed, failed = run_checks("cleaner", Broken)
    line = Broken.clean.__code__.co_firstlineno + 2
    assert failed.reason.startswith(f"SystemExit: not today (test_running.py, line {line})")
    assert {each.status for each in passed} == {"passed"}


def test_a_check_that_does_not_apply_is_skipped_with_the_reason() -> None:
    class Local(CharTokenizer):
        """Known to this function alone."""

    [loss] = [each for each in checks("model") if each.id == "model-loss"]
    with pytest.raises(CheckSkipped, match="has no loss"):
        loss(Uniform)
    [other] = [each for each in run_checks("tokenizer", Local) if each.status == "skipped"]
    assert other.check == "tokenizer-other-process"
    assert "cannot be sent to another process" in other.reason


CHANGES: dict[str, Callable[[], object]] = {
    "torch's default dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch's default device": lambda: torch.set_default_device("meta"),
    "torch's grad mode": lambda: torch.set_grad_enabled(False),
    "torch's number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "torch's use of deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "the working directory": lambda: os.chdir(os.sep),
    "os.environ": lambda: os.environ.update(TEXTGEN_TEST="1"),
    "the filters of warnings": lambda: warnings.simplefilter("ignore"),
    "the global random state of Python or numpy": lambda: (random.random(), np.random.random()),
    "the global random state of torch": lambda: torch.rand(1),
}


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_a_change_is_found_and_undone(name: str) -> None:
    class Changing(Raw):
        """Leaves the text unchanged."""

        def clean(self, text: str) -> str:
            CHANGES[name]()
            return text

    before = [setting.get() for setting in SETTINGS]
    failed = [each for each in run_checks("cleaner", Changing) if each.status == "failed"]
    assert [setting.get() for setting in SETTINGS] == before
    assert [each.check for each in failed] == ["cleaner-no-global-state"]
    assert name in failed[0].reason


AUTHORS_FILE = """
from textgen_kit import conformance_test


class Raises:
    def clean(self, text):
        return text.nothing  # the author's line


class NoCleaner:
    pass


test_raises = conformance_test("cleaner", Raises)
test_no_cleaner = conformance_test("cleaner", NoCleaner)
"""
EXAMPLES = re.findall(r"^ {4}from textgen.*?(?=^\S)", textgen_kit.__doc__ or "", re.M | re.S)
"""The two of the documentation: with pytest, and how it goes on without."""


def test_an_author_needs_one_line_for_pytest_and_sees_the_own_lines_alone(tmp_path: Path) -> None:
    with_pytest, without = EXAMPLES
    (tmp_path / "test_faulty.py").write_text(AUTHORS_FILE)
    (tmp_path / "test_lower.py").write_text(textwrap.dedent(with_pytest))
    options = ["-v", "-rs", "-W", "error", "-p", "no:cacheprovider"]
    shown = python(f"import sys, pytest; sys.exit(pytest.main({options}))", tmp_path).stdout
    ends = dict(re.findall(r"^test_\w+\.py::test_(\S+) (PASSED|FAILED|SKIPPED)", shown, re.M))
    assert {ends[f"lower[{each}]"] for each in checks("cleaner")} == {"PASSED"}
    assert ">       return text.nothing  # the author's line" in shown
    assert "test_faulty.py:7: AttributeError" in shown
    assert not re.search(r"textgen_kit.\w+\.py:\d+", shown)
    assert ends.pop("no_cleaner[cleaner-contract]") == "FAILED"
    assert ends.pop("no_cleaner[cleaner-options]") == "PASSED"
    assert {end for name, end in ends.items() if name.startswith("no_cleaner")} == {"SKIPPED"}
    assert "see cleaner-contract" in shown
    (tmp_path / "test_lower.py").write_text(textwrap.dedent(with_pytest + without))
    done = python("import sys; sys.modules['hypothesis'] = None; import test_lower", tmp_path)
    assert done.stdout.splitlines() == [f"{check} passed " for check in checks("cleaner")]
    assert done.stderr == ""
