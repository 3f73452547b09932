"""Tokens on disk are those in memory, in the smallest type; they are made once, and again if damaged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.tokenizers import FITTED
from textgen.contracts import TextgenWarning
from textgen.data import bound_tokenizer, parallel
from textgen.data.bound_tokenizer import BoundTokenizer, fit_and_encode
from textgen.data.text import FileText
from textgen.registry.options import build

every_tokenizer = pytest.mark.parametrize("name", FITTED)


def built(name: str) -> BoundTokenizer:
    return BoundTokenizer(build("tokenizer", name))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parallel, "MAX_PROCESSES", 1)  # they take a second to start
    return tmp_path / "cache"


@pytest.mark.parametrize(("name", "num_processes"), [*((name, 1) for name in FITTED), ("char", 2)])
def test_tokens_on_disk_are_those_in_memory(
    name: str, num_processes: int, stored_text: FileText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "MAX_PROCESSES", num_processes)
    small = built(name)
    encoded = fit_and_encode(small, [name], stored_text[:])
    large = built(name)
    stored = fit_and_encode(large, [name], stored_text)
    assert large.state() == small.state()
    assert encoded.is_preserved is stored.is_preserved is True
    assert stored.ids.dtype == encoded.ids.dtype == np.min_scalar_type(len(small.tokens) - 1)
    assert np.array_equal(stored.ids, encoded.ids)
    assert not stored.ids.flags.writeable
    assert min(encoded.seconds, stored.seconds) > 0


@every_tokenizer
def test_a_second_call_reads_the_cache(
    name: str, stored_text: FileText, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = built(name)
    encoded = fit_and_encode(first, [name], stored_text)
    before = {path: path.stat().st_mtime_ns for path in (cache / "tokens").iterdir()}
    with monkeypatch.context() as patched:
        patched.delattr(bound_tokenizer, "map_in_order")  # which nothing needs now
        again = built(name)
        found = fit_and_encode(again, [name], stored_text)
    assert found.is_preserved
    assert np.array_equal(found.ids, encoded.ids)
    assert found.seconds == encoded.seconds  # what a budget includes does not depend on the cache
    assert again.state() == first.state()
    assert {path: path.stat().st_mtime_ns for path in (cache / "tokens").iterdir()} == before
    fit_and_encode(built(name), [name, "other"], stored_text)
    assert len(list((cache / "tokens").iterdir())) == 2 * len(before)


def known(path: Path) -> dict[str, Any]:
    """Return the description of cached tokens, without the time that they took."""
    description: dict[str, Any] = json.loads(path.with_suffix(".json").read_text().partition("\n")[2])
    del description["seconds"]
    return description


def test_a_damaged_cache_is_made_again(stored_text: FileText, cache: Path) -> None:
    ids = np.array(fit_and_encode(built("char"), ["char"], stored_text).ids)
    [path] = (cache / "tokens").glob("*.bin")
    whole, description = path.read_bytes(), known(path)
    path.write_bytes(b"\1" * len(whole))
    with pytest.warns(TextgenWarning, match=r"is damaged \(it has changed since it was written\)"):
        assert np.array_equal(fit_and_encode(built("char"), ["char"], stored_text).ids, ids)
    assert path.read_bytes() == whole
    foreign = json.dumps({**description, "seconds": 1.0, "state": {"of": "another version"}})
    path.with_suffix(".json").write_text(f"{hashlib.sha256(foreign.encode()).hexdigest()}\n{foreign}")
    assert np.array_equal(fit_and_encode(built("char"), ["char"], stored_text).ids, ids)
    assert known(path) == description
