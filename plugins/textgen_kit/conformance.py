"""The checks of each kind, their results, and a pytest test made of them."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from textgen.contracts import TextgenError
from textgen.registry.isolation import restoring
from textgen.registry.registry import KINDS
from textgen.runtime.messages import unknown
from textgen_kit.contracts.classes import functions_of
from textgen_kit.subject import SETTINGS, CheckError, CheckSkipped, Subject

MAX_REASON = 400
"""Characters of a reason; the errors of components may be pages long."""


@dataclass(frozen=True)
class Check:
    """One check of the components of a kind."""

    kind: str
    id: str
    """A readable name, such as `tokenizer-lossless`."""
    function: Callable[[Subject], None]

    def __str__(self) -> str:
        return self.id

    def __call__(self, component: Any, /, **options: Any) -> None:
        """Check a component (a class), built with `options`; the state of the process is restored afterwards.

        Raises `CheckError` if it breaks its contract, `CheckSkipped` if the check does not apply to it, and
        whatever the component raises.
        """
        with restoring(SETTINGS):
            self.function(Subject(self.kind, component, options))


@dataclass(frozen=True)
class CheckResult:
    """Result of one check of one component."""

    check: str
    status: Literal["passed", "failed", "skipped"]
    reason: str = ""
    """One line; empty if the check passed."""


def checks(kind: str) -> tuple[Check, ...]:
    """Return all checks of a kind of component, in an order in which each may rely on those before it.

    Raises `TextgenError` if there is no such kind.
    """
    if kind not in KINDS:
        raise TextgenError(unknown("kind of component", kind, KINDS))
    return tuple(Check(kind, f"{kind}-{name}", function) for name, function in functions_of(kind).items())


def run_checks(kind: str, component: Any, /, **options: Any) -> list[CheckResult]:
    """Return the results of the checks of a kind for a component, built with `options`.

    Whatever the component raises is a failure. The first failure is the last result, since the checks after
    it would mostly fail for the same cause. What the component prints is not shown.
    """
    results = list[CheckResult]()
    for each in checks(kind):
        with redirect_stdout(StringIO()):
            results.append(_result(each, component, options))
        if results[-1].status == "failed":
            break
    return results


def conformance_test(kind: str, component: Any, /, **options: Any) -> Callable[[Check], None]:
    """Return a pytest test of a component, with one case per check; those after a failure are skipped.

    The whole test file of a plugin can be `test_conformance = conformance_test("model", Bigram)`.
    """
    import pytest

    failed = list[Check]()

    @pytest.mark.parametrize("check", checks(kind), ids=str)
    def test_conformance(check: Check) -> None:
        if failed:
            pytest.skip(f"see {failed[0]}")
        try:
            check(component, **options)
        except CheckSkipped as reason:
            pytest.skip(str(reason))
        except (Exception, SystemExit):
            failed.append(check)
            raise

    for name, module in sys.modules.items():
        if name.startswith("textgen_kit"):
            vars(module)["__tracebackhide__"] = True  # pytest then shows only the author's lines
    return test_conformance


def _result(check: Check, component: Any, options: dict[str, Any]) -> CheckResult:
    try:
        check(component, **options)
    except CheckSkipped as skipped:
        return CheckResult(check.id, "skipped", _one_line(skipped))
    except (CheckError, TextgenError) as error:
        return CheckResult(check.id, "failed", _one_line(error))
    except (Exception, SystemExit) as error:  # a component that exits must not end the checks
        reason, place = f"{type(error).__name__}: {_one_line(error)}".rstrip(": "), _place(error, component)
        notes = "".join(f", {note}" for note in getattr(error, "__notes__", ()))
        return CheckResult(check.id, "failed", reason + place + notes)
    return CheckResult(check.id, "passed")


def _one_line(error: BaseException) -> str:
    lines = str(error).encode("utf-8", "backslashreplace").decode("utf-8").splitlines()
    line = " ".join(filter(None, map(str.strip, lines)))  # spaces within a line may be what it is about
    return line if len(line) <= MAX_REASON else f"{line[: MAX_REASON - 3]}..."


def _place(error: BaseException, component: Any) -> str:
    """Return the place in the component's own module or package, such as ` (file.py, line 3)`, or nothing."""
    module = getattr(component, "__module__", "")
    package = module.rpartition(".")[0] or module
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if name == module or name.startswith(f"{package}."):
            place = f" ({Path(frame.f_code.co_filename).name}, line {line})"
    return place
