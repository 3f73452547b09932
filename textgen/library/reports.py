"""Saved results: their pages written again, and runs compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textgen import defaults
from textgen.requests import SampleOptions, several
from textgen.results.compared_runs import RunComparison, WritingOptions, compare
from textgen.results.items import read_result
from textgen.results.names import HAS_PAGE, find
from textgen.runtime.device import choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.result_folders import PAGE


def report(name: str | Path, *, with_models: bool = False) -> Path:
    """Write the page of a bench, ladder, suite or study again; return its path.

    `name` is a folder, part of its name, or `latest`. With `with_models`, the page of a bench contains its
    small recurrent models over characters and writes with them. Raises `TextgenError` without results.
    """
    found = find(str(name), chosen=HAS_PAGE)
    if with_models and not found.kind.has_models:
        raise UsageError("with models has an effect on the page of a bench only; leave it out")
    page = found.path / PAGE
    write_file(page, found.kind.html(read_result(found), found.path, with_models=with_models))
    return page


def compare_runs(
    names: Sequence[str], root: Path, samples: SampleOptions | None, *, seed: int, device: str
) -> RunComparison:
    """Return how runs differ: their settings, scores and, unless `samples` is None, what they write."""
    if samples is None:
        return compare(names, root, None)
    sampler = several(samples.sampler)[0]
    writing = WritingOptions(
        prompt=next(iter(several(samples.prompt)), None),
        sampler=defaults.SAMPLER if sampler == defaults.EQUAL_SAMPLER else sampler,
        num_chars=samples.length,
        seed=seed,
        device_config=choose_device(device, "fp32"),
    )
    return compare(names, root, writing)
