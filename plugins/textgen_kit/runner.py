"""Running checks: the checks of each kind, their results, and a pytest test made of them."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Literal

from textgen.contracts import TextgenError
from textgen.registry.isolation import restoring
from textgen.registry.kinds import REQUIRED
from textgen.registry.registry import KINDS, Plugin, PluginError, load
from textgen.runtime.messages import unknown
from textgen_kit.checking import SETTINGS, CheckError, CheckSkipped, Subject
from textgen_kit.kinds import __path__ as folders_of_checks
from textgen_kit.kinds import common

MODULES = [import_module(f"textgen_kit.kinds.{each.name}") for each in iter_modules(folders_of_checks)]
"""The checks of a kind are their functions `check_<kind>_…`, and `check_class_…` for kinds that are classes.

The first line of a docstring says what is checked, the rest what users lose if it fails.
"""

CAUSAL = "model-causal"
FOLLOW_FROM_CAUSAL = tuple(
    f"model-{name}"
    for name in ("chunks", "joined-states", "step", "step-bf16", "waiting-step", "training-mode")
)
"""Checks that fail, too, for a model that sees later tokens: they predict with and without these."""

MAX_REASON = 400
"""Characters of a reason; the errors of components may be pages long."""


@dataclass(frozen=True)
class Check:
    """One check of the components of a kind."""

    kind: str
    id: str
    """A readable name, such as `tokenizer-lossless`."""
    function: Callable[[Subject], None]

    @property
    def rests_on_contract(self) -> bool:
        """True if it is skipped for components that fail the contract check."""
        return self.function not in common.FIRST

    @property
    def description(self) -> str:
        """One line that says what is checked."""
        return (self.function.__doc__ or "").partition("\n")[0]

    def __str__(self) -> str:
        return self.id

    def __call__(self, component: Any, /, **options: Any) -> None:
        """Check a component (a class), built with `options`; the state of the process is restored afterwards.

        Raises `CheckError` if it breaks its contract, `CheckSkipped` if the check does not apply to it,
        and whatever the component raises.
        """
        with restoring(SETTINGS):
            self.function(Subject(self.kind, component, options))


@dataclass(frozen=True)
class CheckResult:
    """Result of one check of one component."""

    check: str
    status: Literal["passed", "failed", "skipped"]
    reason: str
    """One line; empty if the check passed."""
    place: str = ""
    """File and line of the component's own code that raised an exception; otherwise empty."""


def checks(kind: str) -> tuple[Check, ...]:
    """Return all checks of a kind of component; those that do not depend on the contract come first.

    Raises `TextgenError` if there is no such kind.
    """
    if kind not in KINDS:
        raise TextgenError(unknown("kind of component", kind, KINDS))
    prefixes = (f"check_{kind}_", "check_class_") if kind in REQUIRED else (f"check_{kind}_",)
    of_kind = [
        Check(kind, f"{kind}-{name.removeprefix(prefix).replace('_', '-')}", function)
        for module in MODULES
        for prefix in prefixes
        for name, function in vars(module).items()
        if name.startswith(prefix)
    ]
    return tuple(sorted(of_kind, key=lambda check: check.rests_on_contract))


def run_checks(kind: str, component: Any, /, **options: Any) -> list[CheckResult]:
    """Return the results of all checks of a kind for a component, built with `options`.

    Whatever the component raises is a failure. If it fails the contract check, the checks that depend on
    it are left out.
    """
    breaks_contract = _breaks_contract(kind, component, options)
    chosen = [check for check in checks(kind) if not (breaks_contract and check.rests_on_contract)]
    return [_result(check, component, options) for check in chosen]


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return the failed checks, the first one of each cause.

    Failures have one cause if an exception was raised at the same place, if the reason is the same, or if a
    model is not causal, from which others follow; the reason then ends with the number of checks that are
    left out: `… (and 20 more checks)`.
    """
    failed = [result for result in results if result.status == "failed"]
    sees_later = [result for result in failed if result.check == CAUSAL and not result.place]
    by_cause = {CAUSAL: sees_later} if sees_later else {}
    for result in failed:
        if result in sees_later:
            continue
        follows = sees_later and not result.place and result.check in FOLLOW_FROM_CAUSAL
        by_cause.setdefault(CAUSAL if follows else result.place or result.reason, []).append(result)
    shown = []
    for first, *others in by_cause.values():
        more = f" (and {len(others)} more check{'s' * (len(others) > 1)})" if others else ""
        shown.append(replace(first, reason=first.reason + more))
    return shown


def checked(
    chosen: Iterable[Plugin], report: Callable[[Plugin], None]
) -> Iterator[tuple[Plugin, list[CheckResult]]]:
    """Yield plugins with the results of their checks; one that cannot be loaded fails the check `loads`."""
    for plugin in chosen:
        report(plugin)
        try:
            component = load(plugin.kind, plugin.name)
        except PluginError as error:
            yield plugin, [CheckResult("loads", "failed", str(error))]
        else:
            yield plugin, run_checks(plugin.kind, component)


def conformance_test(kind: str, component: Any, /, **options: Any) -> Callable[[Check], None]:
    """Return a pytest test of a component, with one case per check.

    The whole test file of a plugin can be `test_conformance = conformance_test("model", Bigram)`.
    """
    import pytest

    for name, module in sys.modules.items():
        if name.startswith("textgen_kit"):
            vars(module)["__tracebackhide__"] = True  # pytest then shows only the author's lines
    breaks_contract = functools.cache(lambda: _breaks_contract(kind, component, options))

    @pytest.mark.parametrize("check", checks(kind), ids=str)
    def test_conformance(check: Check) -> None:
        if check.rests_on_contract and breaks_contract():
            pytest.skip(f"see {kind}-contract, which it fails")
        try:
            check(component, **options)
        except CheckSkipped as reason:
            pytest.skip(str(reason))

    return test_conformance


def _breaks_contract(kind: str, component: Any, options: dict[str, Any]) -> bool:
    contract = Check(kind, f"{kind}-contract", common.check_class_contract)
    return kind in REQUIRED and _result(contract, component, options).status == "failed"


def _result(check: Check, component: Any, options: dict[str, Any]) -> CheckResult:
    try:
        check(component, **options)
    except CheckSkipped as skipped:
        return CheckResult(check.id, "skipped", _one_line(str(skipped)))
    except CheckError as error:
        return CheckResult(check.id, "failed", _one_line(str(error)))
    except (Exception, SystemExit) as error:  # a component that exits must not end the checks
        reason, place = _one_line(f"{type(error).__name__}: {error}".rstrip(": ")), _place(error, component)
        return CheckResult(check.id, "failed", f"{reason} ({place})" if place else reason, place)
    return CheckResult(check.id, "passed", "")


def _one_line(text: str) -> str:
    line = " ".join(text.encode("utf-8", "backslashreplace").decode("utf-8").split())
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
