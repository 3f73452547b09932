"""The allocator setting works on any system, and only those who own their process make it."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from textgen.runtime.process_setup import keep_freed_memory

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("library", [OSError, AttributeError, TypeError])
def test_another_c_library_is_left_alone(library: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = []

    def absent(name: Any) -> Any:
        asked_for.append(name)
        raise library(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    keep_freed_memory()
    assert asked_for == [None]  # the process's own library


def test_no_library_call_makes_it() -> None:
    files = [
        path for path in (ROOT / "textgen").rglob("*.py") if "keep_freed_memory()" in path.read_text("utf-8")
    ]
    callers = {path.relative_to(ROOT / "textgen").as_posix() for path in files}
    assert callers == {"runtime/process_setup.py", "workers/process.py", "cli/app.py"}
