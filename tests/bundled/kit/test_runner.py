"""Running checks: their results, their side effects, and how plugin authors run them."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import textgen_kit
from textgen.contracts import TextgenError
from textgen.registry.registry import KINDS
from textgen_cleaners.plain import Raw
from textgen_kit import CheckError, CheckResult, CheckSkipped, checks, run_checks
from textgen_kit.texts import OTHER_PROSE, PROSE, any_texts
from textgen_models.counting import Uniform


class Broken:
    """Ends the process at one text, and fails at others."""

    def clean(self, text: str) -> str:
        if text == OTHER_PROSE:
            raise SystemExit("not\ntoday")
        return text if text == PROSE else self.fail()

    def fail(self) -> str:
        raise KeyError("fault")


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, encoding="utf-8", check=False
    )


def by_check(results: list[CheckResult]) -> dict[str, CheckResult]:
    return {result.check: result for result in results}


def test_checks_have_readable_names_and_say_what_they_check() -> None:
    for kind in KINDS:
        of_kind = checks(kind)
        assert of_kind
        assert len({check.id for check in of_kind}) == len(of_kind)
        for check in of_kind:
            assert check.kind == kind
            assert re.fullmatch(rf"{kind}-[a-z0-9-]+", str(check))
            assert re.fullmatch(r"\S.{10,110}\.", check.description)


def test_there_are_no_checks_of_an_unknown_kind() -> None:
    with pytest.raises(TextgenError, match="did you mean 'model'"):
        checks("modell")


def test_whatever_a_component_raises_is_a_failure_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    rooted = ("cleaner-contract", "cleaner-empty-text", "cleaner-idempotent")  # without cleaner-any-text
    of_kind = [each for each in checks("cleaner") if each.id in rooted]
    monkeypatch.setattr("textgen_kit.runner.checks", lambda _: of_kind)
    results = by_check(run_checks("cleaner", Broken))
    assert results["cleaner-contract"] == CheckResult("cleaner-contract", "passed", "")
    lines = Path(__file__).read_text("utf-8").splitlines()
    [exit_line] = [
        number for number, line in enumerate(lines, 1) if line.strip().startswith("raise SystemExit")
    ]
    [fail_line] = [
        number for number, line in enumerate(lines, 1) if line.strip() == 'raise KeyError("fault")'
    ]
    ends = results["cleaner-idempotent"]
    assert ends.status == "failed"
    assert ends.reason == f"SystemExit: not today (test_runner.py, line {exit_line})"
    assert results["cleaner-empty-text"].reason == f"KeyError: 'fault' (test_runner.py, line {fail_line})"


def test_checks_stop_where_the_contract_is_broken() -> None:
    class Misspelled:
        """Has no method of this name."""

        def cleann(self, text: str) -> str:
            return text

    results = by_check(run_checks("cleaner", Misspelled))
    assert list(results) == ["cleaner-docstring", "cleaner-options", "cleaner-search", "cleaner-contract"]
    assert results["cleaner-contract"].status == "failed"
    assert results["cleaner-contract"].reason.endswith("Misspelled lacks clean")
    assert results["cleaner-docstring"].status == "passed"


def test_an_interrupt_ends_the_checks() -> None:
    class Interrupted(Raw):
        def clean(self, text: str) -> str:
            raise KeyboardInterrupt(text)

    with pytest.raises(KeyboardInterrupt):
        run_checks("cleaner", Interrupted)


def test_a_check_that_does_not_apply_is_skipped_with_the_reason() -> None:
    result = by_check(run_checks("model", Uniform))["model-loss"]
    assert result.status == "skipped"
    assert "lacks loss" in result.reason
    [check] = [check for check in checks("model") if check.id == "model-loss"]
    with pytest.raises(CheckSkipped, match="lacks loss"):
        check(Uniform)


def test_a_broken_contract_is_an_assertion_of_one_line() -> None:
    class Loud(Raw):
        def clean(self, text: str) -> str:
            return f"{text}!"

    [check] = [check for check in checks("cleaner") if check.id == "cleaner-empty-text"]
    with pytest.raises(CheckError, match=r"^expected nothing from nothing; got '!'$"):
        check(Loud)
    assert issubclass(CheckError, AssertionError)


def test_options_reach_the_component() -> None:
    class Prefixed(Raw):
        """Puts a prefix before what is not empty."""

        def __init__(self, check: str = "", component: str = "") -> None:
            self.prefix = check + component

        def clean(self, text: str) -> str:
            return self.prefix + text

    def failed(**options: Any) -> set[str]:
        return {
            result.check for result in run_checks("cleaner", Prefixed, **options) if result.status == "failed"
        }

    assert failed() == set()
    assert failed(check=">", component=" ") == {"cleaner-empty-text", "cleaner-idempotent", "cleaner-blocks"}


def test_the_checks_leave_the_global_random_states_unchanged() -> None:
    class Uniform(Raw):
        def clean(self, text: str) -> str:
            random.random(), np.random.random(), torch.rand(1)
            return text

    def draws() -> tuple[Any, ...]:
        return random.random(), np.random.random(), torch.rand(3).tolist()

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = draws()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    results = by_check(run_checks("cleaner", Uniform))
    assert draws() == expected
    assert "global random state" in results["cleaner-no-global-state"].reason


def test_the_texts_are_the_same_each_time_and_hold_what_is_odd() -> None:
    texts = any_texts()
    assert texts == any_texts()
    points = set(map(ord, "".join(texts)))
    assert points & set(range(0xD800, 0xE000))
    assert max(points) == 0x10FFFF
    assert min(points) == 0
    assert 3000 < len(PROSE) < 6000


AUTHORS_FILE = """
import torch
from torch import nn
from textgen_kit import conformance_test


class Bigram(nn.Module):
    '''The next token depends on the last one.'''

    def __init__(self, vocab_size: int, *, scale: float = 0.01) -> None:
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)
        nn.init.normal_(self.table.weight, std=scale)

    def initial_state(self, batch_size):
        return self.table.weight.new_zeros(batch_size, 0)

    def forward(self, ids, state):
        return self.table(ids), state


class SeesTheFuture(Bigram):
    '''The next token depends on the next one.'''

    def forward(self, ids, state):
        return self.table(ids.roll(-1, 1)), state


test_bigram = conformance_test("model", Bigram)
test_wide_bigram = conformance_test("model", Bigram, scale=0.1)
test_future = conformance_test("model", SeesTheFuture)
"""


FAULTY_FILE = """
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


def shown_by_pytest(folder: Path, **files: str) -> str:
    """What pytest shows of files of authors, in which a test fails."""
    for name, code in files.items():
        (folder / f"{name}.py").write_text(code)
    options = ["-v", "-rs", "-W", "error", "-p", "no:cacheprovider"]
    done = python(f"import sys, pytest; sys.exit(pytest.main({options}))", folder)
    assert done.returncode == 1
    return done.stdout


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest shows of a faulty file and of an example."""
    files = {"test_faulty": FAULTY_FILE, "test_lower": textwrap.dedent(EXAMPLES[0])}
    return shown_by_pytest(tmp_path_factory.mktemp("authors"), **files)


def ends_of(file: str, shown: str) -> dict[str, str]:
    """Return how each test of a file ended."""
    return dict(re.findall(rf"^test_{file}\.py::test_(\S+) (PASSED|FAILED|SKIPPED)", shown, re.M))


@pytest.mark.long
def test_an_author_needs_one_line_for_pytest(tmp_path: Path) -> None:
    ends = ends_of("bigram", shown_by_pytest(tmp_path, test_bigram=AUTHORS_FILE))
    assert len(ends) == 3 * len(checks("model"))
    assert {name for name, end in ends.items() if end == "FAILED"} == {"future[model-causal]"}
    assert ends["bigram[model-saved]"] == ends["wide_bigram[model-saved]"] == "PASSED"
    assert ends["bigram[model-step]"] == "SKIPPED"


def test_pytest_shows_the_lines_of_the_author_and_none_of_the_kit(shown: str) -> None:
    assert ">       return text.nothing  # the author's line" in shown
    assert "test_faulty.py:7: AttributeError" in shown
    assert not re.search(r"textgen_kit.\w+\.py:\d+", shown)
    ends = {name: end for name, end in ends_of("faulty", shown).items() if name.startswith("no_cleaner")}
    ends = {re.sub(r".*\[(.*)\]", r"\1", name): end for name, end in ends.items()}
    assert ends.pop("cleaner-contract") == ends.pop("cleaner-docstring") == "FAILED"
    assert ends.pop("cleaner-options") == ends.pop("cleaner-search") == "PASSED"
    assert set(ends.values()) == {"SKIPPED"}
    assert "see cleaner-contract, which it fails" in shown


def test_the_example_of_the_package_works_with_pytest_and_without(shown: str, tmp_path: Path) -> None:
    with_pytest, without = EXAMPLES
    assert list(ends_of("lower", shown).values()) == ["PASSED"] * len(checks("cleaner"))
    (tmp_path / "test_lower.py").write_text(textwrap.dedent(with_pytest + without))
    done = python("import test_lower", tmp_path)
    assert done.stdout.splitlines() == [f"{check} passed " for check in checks("cleaner")]
    assert done.stderr == ""


def test_the_checks_need_no_pytest(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(['pytest', 'hypothesis'])\n"
        "from textgen_kit import run_checks\n"
        "from textgen_cleaners.plain import Raw\n"
        "print(*{result.status for result in run_checks('cleaner', Raw)})"
    )
    done = python(code, tmp_path)
    assert (done.stdout, done.stderr) == ("passed\n", "")
