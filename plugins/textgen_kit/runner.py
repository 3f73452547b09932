"""Running checks: the checks of each kind, their results, and a pytest test made of them."""

from __future__ import annotations

import functools
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Literal

from textgen.contracts import TextgenError, TextgenWarning
from textgen.registry.isolation import restoring
from textgen.registry.kinds import REQUIRED
from textgen.registry.options import read_spec
from textgen.registry.registry import KINDS, Plugin, PluginError, load
from textgen.runtime.messages import unknown
from textgen_kit.checking import SETTINGS, CheckError, CheckSkipped, CheckWarning, Subject
from textgen_kit.kinds import __path__ as folders_of_checks
from textgen_kit.kinds import common

MODULES = sorted(
    (import_module(f"textgen_kit.kinds.{each.name}") for each in iter_modules(folders_of_checks)),
    key=lambda module: module is common,  # last: an error is first that of a check of the kind
)
"""The checks of a kind are their functions `check_<kind>_…`, and `check_class_…` for kinds that are classes.

The first line of a docstring says what is checked, the rest what users lose if it fails.
"""

CARRIED = ("model-joined-states", "model-step", "model-step-bf16", "model-waiting-step", "model-refinement")
CAUSAL = ("model-chunks", *CARRIED, "model-training-mode")
AGAIN = ("model-randomness", "model-batch", "model-loss", "model-saved", "model-saved-vectors")
REPEATED = ("model-causal", *CAUSAL, *AGAIN)
ROOTS: dict[str, tuple[str, ...]] = {
    "model-pure": ("model-evaluation-mode", *REPEATED),
    "model-evaluation-mode": REPEATED,
    "model-causal": CAUSAL,
    "model-chunks": CARRIED,
}
"""Checks of models, and those that fail for the same cause, too: they predict the same in another way."""
NUMBERS = "model-probabilities"
NAN = re.compile(r"differ by nan$|infinite or NaN$")
ANSWER = re.compile(r"PluginError: |expected (?:logits|a loss) and a state[^;]*; ")
"""The beginning of a reason that ends with what the adapter of models says of an answer."""

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

        Raises `CheckError` if it breaks its contract, `CheckWarning` if it hardly does what its author wants,
        `CheckSkipped` if the check does not apply to it, and whatever the component raises.
        """
        with restoring(SETTINGS):
            self.function(Subject(self.kind, component, options))


@dataclass(frozen=True)
class CheckResult:
    """Result of one check of one component."""

    check: str
    status: Literal["passed", "warning", "failed", "skipped"]
    reason: str
    """One line; empty if the check passed without a warning."""
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
    results, is_broken = list[CheckResult](), False
    for check in checks(kind):
        if not (is_broken and check.rests_on_contract):
            results.append(_result(check, component, options))
            is_broken |= check.id == f"{kind}-contract" and results[-1].status == "failed"
    return results


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return the failed checks, the first one of each cause.

    Failures have one cause if an exception was raised at the same place, if the reason is the same but for
    numbers, or if they follow from that of another check (`ROOTS`); the reason then ends with the number of
    checks that are left out: `… (and 20 more checks)`.
    """
    failed = [result for result in results if result.status == "failed"]
    compared = {result.check for result in failed if not _raised(result)}
    roots = {root: {root, *followers} for root, followers in ROOTS.items() if root in compared}
    by_cause: dict[str, list[CheckResult]] = {}
    for result in failed:
        followed = (root for root, checks in roots.items() if result.check in checks)
        cause = _raised(result) or next(followed, re.sub(r"\d+", "#", result.reason))
        group = by_cause.setdefault(cause, [])
        group.insert(0 if result.check == cause else len(group), result)
    shown = []
    for first, *others in by_cause.values():
        more = f" (and {len(others)} more check{'s' * (len(others) > 1)})" if others else ""
        shown.append(replace(first, reason=first.reason + more))
    return shown


def _raised(result: CheckResult) -> str:
    """Return a cause that any check may fail for: a place, a wrong answer without its sizes, NaN; or ""."""
    if result.place:
        return result.place
    if NAN.search(result.reason):
        return NUMBERS
    answer = ANSWER.match(result.reason)
    return re.sub(r"\d+", "#", result.reason[answer.end() :]) if answer else ""


def checked(plugin: Plugin, spec: str) -> list[CheckResult]:
    """Return the results of the checks of a plugin, with options as in `top-p:p=0.9`.

    If it cannot be loaded, it fails the check `loads`. Raises `TextgenError` for invalid options.
    """
    try:
        component, options = read_spec(plugin.kind, spec) if ":" in spec else (load(plugin.kind, spec), {})
    except PluginError as error:
        return [CheckResult("loads", "failed", str(error))]
    return run_checks(plugin.kind, component, **options)


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
        except CheckWarning as reason:
            warnings.warn(f"{check}: {reason}", TextgenWarning, stacklevel=1)

    return test_conformance


def _breaks_contract(kind: str, component: Any, options: dict[str, Any]) -> bool:
    contract = Check(kind, f"{kind}-contract", common.check_class_contract)
    return kind in REQUIRED and _result(contract, component, options).status == "failed"


def _result(check: Check, component: Any, options: dict[str, Any]) -> CheckResult:
    try:
        check(component, **options)
    except CheckSkipped as skipped:
        return CheckResult(check.id, "skipped", _one_line(str(skipped)))
    except CheckWarning as warning:
        return CheckResult(check.id, "warning", _one_line(str(warning)))
    except CheckError as error:
        return CheckResult(check.id, "failed", _one_line(str(error)))
    except (Exception, SystemExit) as error:  # a component that exits must not end the checks
        reason, place = _one_line(f"{type(error).__name__}: {error}".rstrip(": ")), _place(error, component)
        return CheckResult(check.id, "failed", f"{reason} ({place})" if place else reason, place)
    return CheckResult(check.id, "passed", "")


def _one_line(text: str) -> str:
    lines = text.encode("utf-8", "backslashreplace").decode("utf-8").splitlines()
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
