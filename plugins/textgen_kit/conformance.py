"""The checks of each kind, their results, and a pytest test made of them."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from textgen.contracts import TextgenError
from textgen.registry.isolation import restoring
from textgen.registry.registry import KINDS
from textgen.runtime.messages import unknown
from textgen_kit.subject import SETTINGS, CheckError, CheckSkipped, Subject

MAX_REASON = 400
"""Characters of a reason; the errors of components may be pages long."""
CONTRACTS = ("classes", "tokenizer", "model", "sampler", "embedding", "others")
"""The modules of `textgen_kit.contracts` with checks."""
Function = Callable[[Subject], None]


@dataclass(frozen=True)
class Check:
    """One check of the components of a kind."""

    kind: str
    id: str
    """A readable name, such as `tokenizer-lossless`."""
    function: Function
    after: tuple[str, ...]
    """The checks without which it is left out, since it would fail for the same cause."""

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
    place: str = ""
    """File and line of the component's own code that raised an exception; otherwise empty."""


CHECKS: list[Check] = []
"""All checks of all kinds."""


def check(
    *kinds: str, after: Iterable[str] = ("contract",), name: str = ""
) -> Callable[[Function], Function]:
    """Make a function, called `check_` and its name unless that is given, a check of some kinds.

    `after` are the names of checks that must not have failed, if there are such of a kind.
    """

    def decorate(function: Function) -> Function:
        called = name or function.__name__.removeprefix("check_").replace("_", "-")
        for kind in kinds:
            needed = tuple(f"{kind}-{each}" for each in after)
            CHECKS.append(Check(kind, f"{kind}-{called}", function, needed))
        return function

    return decorate


def checks(kind: str) -> tuple[Check, ...]:
    """Return all checks of a kind of component, each after those that it needs.

    Raises `TextgenError` if there is no such kind.
    """
    if kind not in KINDS:
        raise TextgenError(unknown("kind of component", kind, KINDS))
    for contract in CONTRACTS:
        import_module(f"textgen_kit.contracts.{contract}")
    by_id = {each.id: each for each in CHECKS if each.kind == kind}

    def rank(check: Check) -> int:
        return max((1 + rank(by_id[each]) for each in check.after if each in by_id), default=0)

    return tuple(sorted(by_id.values(), key=rank))


def run_checks(kind: str, component: Any, /, **options: Any) -> list[CheckResult]:
    """Return the results of all checks of a kind for a component, built with `options`.

    Whatever the component raises is a failure. Checks that would fail for the cause of another, as all do
    that depend on a broken contract, are left out. What the component prints is not shown.
    """
    results, unsound = list[CheckResult](), set[str]()
    for each in checks(kind):
        if unsound.intersection(each.after):
            unsound.add(each.id)
            continue
        with redirect_stdout(StringIO()):
            results.append(_result(each, component, options))
        if results[-1].status == "failed":
            unsound.add(each.id)
    return results


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return the failed checks, the first one of each cause.

    Failures have one cause if an exception was raised at the same place, or if their reasons differ only in
    numbers; the reason then ends with the number of checks that are left out: `… (and 20 more checks)`.
    """
    by_cause: dict[str, list[CheckResult]] = {}
    for result in results:
        if result.status == "failed":
            by_cause.setdefault(result.place or re.sub(r"\d+", "#", result.reason), []).append(result)
    shown = []
    for first, *others in by_cause.values():
        more = f" (and {len(others)} more check{'s' * (len(others) > 1)})" if others else ""
        shown.append(replace(first, reason=first.reason + more))
    return shown


def conformance_test(kind: str, component: Any, /, **options: Any) -> Callable[[Check], None]:
    """Return a pytest test of a component, with one case per check.

    The whole test file of a plugin can be `test_conformance = conformance_test("model", Bigram)`.
    """
    import pytest

    unsound: set[str] = set()

    @pytest.mark.parametrize("check", checks(kind), ids=str)
    def test_conformance(check: Check) -> None:
        if causes := sorted(unsound.intersection(check.after)):
            unsound.add(check.id)
            pytest.skip(f"see {causes[0]}")
        try:
            check(component, **options)
        except CheckSkipped as reason:
            pytest.skip(str(reason))
        except (Exception, SystemExit):
            unsound.add(check.id)
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
        return CheckResult(check.id, "failed", reason + (f" ({place})" if place else "") + notes, place)
    return CheckResult(check.id, "passed")


def _one_line(error: BaseException) -> str:
    lines = str(error).encode("utf-8", "backslashreplace").decode("utf-8").splitlines()
    line = " ".join(filter(None, map(str.strip, lines)))  # spaces within a line may be what it is about
    return line if len(line) <= MAX_REASON else f"{line[: MAX_REASON - 3]}..."


def _place(error: BaseException, component: Any) -> str:
    """Return file name and line of the deepest frame in the component's own module or package."""
    module = getattr(component, "__module__", "")
    package = module.rpartition(".")[0] or module
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if name == module or name.startswith(f"{package}."):
            place = f"{Path(frame.f_code.co_filename).name}, line {line}"
    return place
