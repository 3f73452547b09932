"""Verification: the values of a saved result are computed again, from others in it or from its runs.

    from textgen_verify import verify

    assert verify("runs/three", runs=True).agrees

`textgen verify` does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textgen_verify.verification import Verification, VerificationCheck

__all__ = ["verify"]


def verify(
    result: str | Path,
    *,
    runs: bool = False,
    device: str = "auto",
    on_check: Callable[[VerificationCheck], None] = lambda check: None,
) -> Verification:
    """Compute the values of a saved result again, from others in it or from its runs, and name the rest.

    `result` is a file, its folder, part of its name, or `latest`. The rows of a bench are compared with the
    files of its runs, if they are there. With `runs` the text is loaded again too, the saved runs score it on
    `device`, and what they wrote is measured. `on_check` is called after each check. Raises `TextgenError` if
    the result is damaged or lacks its digest.
    """
    from textgen.runtime.messages import UsageError
    from textgen_verify.verification import Verification, VerifiedFiles, uncovered
    from textgen_verify.verifier import checks_of, find_result

    if device != "auto" and not runs:
        raise UsageError("device has no effect without runs; leave it out")
    files, checks = VerifiedFiles(find_result(result), device if runs else None), []
    for check in checks_of(files):
        checks.append(check)
        on_check(check)
    agrees = not any(check.disagreements for check in checks)
    return Verification(str(files.path), agrees, tuple(checks), uncovered(files.kinds, checks))
