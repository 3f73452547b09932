"""The allocator setting works on any system, and only those who own their process make it."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from textgen.runtime.this_process import keep_freed_memory


@pytest.mark.parametrize("library", [OSError, AttributeError, TypeError])
def test_another_c_library_is_left_alone(library: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = []

    def absent(name: Any) -> Any:
        asked_for.append(name)
        raise library(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    keep_freed_memory()
    assert asked_for == [None]  # the process's own library
