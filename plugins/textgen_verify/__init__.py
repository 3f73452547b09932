"""Verification: a saved result is rebuilt from its rows and its runs, and compared with what was saved.

    from textgen_verify import verify

    assert verify("runs/three", runs=True).agrees

`compare.py` compares, `rebuild.py` rebuilds from rows, `rescore.py` from saved runs; `weigh.py` packs texts.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from textgen_verify.compare import Check, Verification

__all__ = ["verify"]


def verify(
    result: str | Path,
    *,
    runs: bool = False,
    weigh: bool = False,
    device: str = "auto",
    on_check: Callable[[Check], None] = lambda check: None,
) -> Verification:
    """Recompute the numbers in a saved result and list those that cannot be checked.

    `result` is a file, its folder, part of its name, or `latest`. The rows of a bench are compared with the
    files of its runs, if they exist. With `runs`, the text is also loaded again, the saved runs are rescored
    on `device`, and their samples are measured again. With `weigh`, each run of a bench packs its text and
    unpacks it in another process. `on_check` is called after each check. Raises `TextgenError` if the result
    is damaged or has no digest.
    """
    from textgen.results.names import HAS_PAGE, find
    from textgen.runtime.messages import UsageError
    from textgen_verify.compare import SavedFiles, Verification
    from textgen_verify.results import check_result

    if device != "auto" and not runs:
        raise UsageError("device has no effect without runs; leave it out")
    is_file = Path(result).is_file() or Path(result).suffix == ".json"
    path = Path(result) if is_file else find(str(result), chosen=HAS_PAGE).file
    files, checks = SavedFiles(path, device if runs else None, weighs=weigh), []
    for check in check_result(files):
        checks.append(check)
        on_check(check)
    agrees = not any(check.differences for check in checks)
    return Verification(str(files.path), agrees, tuple(checks), files.unchecked)
