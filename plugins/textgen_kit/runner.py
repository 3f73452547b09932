"""Running checks: the checks of each kind, their results, and a pytest test made of them."""

from __future__ import annotations

import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib import import_module
from io import StringIO
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

MODULES = [import_module(f"textgen_kit.kinds.{each.name}") for each in iter_modules(folders_of_checks)]
"""The checks of a kind are their functions `check_<kind>_…`, and `check_class_…` for kinds that are classes.

The first line of a docstring says what is checked, the rest what users lose if it fails.
"""

FIRST = (
    "*-contract", "reader-suffixes", "reader-documents", "reader-any-file", "cleaner-any-text", "corpus-text",
    "command-arguments", "embedding-vectors", "metric-numbers", "sampler-ids", "model-trainable",
    "model-shapes",
)  # fmt: skip
AGAIN = (
    "*-deterministic", "model-randomness", "cleaner-idempotent", "cleaner-blocks", "sampler-batch",
    "sampler-start", "sampler-shift", "tokenizer-vocabulary-from-training", "tokenizer-fit-forgets",
    "tokenizer-counts", "tokenizer-pickle", "tokenizer-other-process",
)  # fmt: skip
CARRIED = ("model-joined-states", "model-*step*", "model-refinement")
CAUSAL = ("model-chunks", "model-training-mode", *CARRIED)
REPEATED = ("model-causal", *CAUSAL, "model-randomness", "model-batch", "model-loss", "model-saved*")
PREDICTED = ("model-pure", "model-evaluation-mode", *REPEATED)
ROOTS: dict[str, tuple[str, ...]] = {
    "*-docstring": (),
    "*-options": ("*",),
    "*-search": (),
    **dict.fromkeys(FIRST, ("*",)),
    "*-no-global-state": AGAIN,
    "tokenizer-lossless": ("tokenizer-ids", "tokenizer-surfaces", "tokenizer-vocabulary-from-training"),
    "*-deterministic": AGAIN,
    "tokenizer-vocabulary-from-training": ("tokenizer-ids", "tokenizer-surfaces", "tokenizer-other-process"),
    "model-state": CARRIED,
    "model-recommended-training": ("model-learns",),
    "model-probabilities": (*PREDICTED, "model-gradients", "model-bf16", "model-learns"),
    "model-pure": PREDICTED,
    "model-evaluation-mode": REPEATED,
    "model-causal": CAUSAL,
    "model-chunks": CARRIED,
}
"""Checks that are run first, in this order, and patterns of others that would fail for the same cause.

If one fails, those of them that follow are left out.
"""

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
    def description(self) -> str:
        """One line that says what is checked."""
        return (self.function.__doc__ or "").partition("\n")[0]

    @property
    def rank(self) -> int:
        """Its place among the `ROOTS`, or their number for the others, which follow."""
        return next((place for place, root in enumerate(ROOTS) if fnmatchcase(self.id, root)), len(ROOTS))

    def cause(self, failed: Iterable[str]) -> str | None:
        """Return the check among those that failed before from which its own failure would follow, if any."""
        for each in failed:
            patterns = [name for root, names in ROOTS.items() if fnmatchcase(each, root) for name in names]
            if each != self.id and any(fnmatchcase(self.id, pattern) for pattern in patterns):
                return each
        return None

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
    """Return all checks of a kind of component, `ROOTS` first.

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
    return tuple(sorted(of_kind, key=lambda check: check.rank))


def run_checks(kind: str, component: Any, /, **options: Any) -> list[CheckResult]:
    """Return the results of all checks of a kind for a component, built with `options`.

    Whatever the component raises is a failure. Checks that would fail for the cause of another, as all do
    that depend on a broken contract, are left out. What the component prints is not shown.
    """
    results, failed = list[CheckResult](), list[str]()
    for check in checks(kind):
        if check.cause(failed) is None:
            with redirect_stdout(StringIO()):
                results.append(_result(check, component, options))
            failed += [check.id] if results[-1].status == "failed" else []
    return results


def failures(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return the failed checks, the first one of each cause.

    Failures have one cause if an exception was raised at the same place, or if the reason is the same but for
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
    failed: list[str] = []

    @pytest.mark.parametrize("check", checks(kind), ids=str)
    def test_conformance(check: Check) -> None:
        if root := check.cause(failed):
            pytest.skip(f"see {root}, which it fails")
        try:
            check(component, **options)
        except CheckSkipped as reason:
            pytest.skip(str(reason))
        except CheckWarning as reason:
            warnings.warn(f"{check}: {reason}", TextgenWarning, stacklevel=1)
        except (Exception, SystemExit):
            failed.append(check.id)
            raise

    return test_conformance


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
        notes = "".join(f", {note}" for note in getattr(error, "__notes__", ()))
        return CheckResult(check.id, "failed", reason + (f" ({place})" if place else "") + notes, place)
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
