"""Checks of kinds of results."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from textgen.results.folders import belongs
from textgen.results.kinds import Kind, kinds
from textgen_kit.checking import Subject, expect, shown


def kind_of(subject: Subject) -> Any:
    """Return the kind; raises `CheckError` if it lacks what `Kind` has."""
    kind = subject.new()
    expect(isinstance(kind, Kind), f"a class derived from textgen.results.kinds.Kind; got {shown(kind)}")
    return kind


def check_result_record(subject: Subject) -> None:
    """Its record is a dataclass with the version of its schema.

    Otherwise a file that another version wrote is not told from a damaged one.
    """
    record = kind_of(subject).record()
    names = [field.name for field in fields(record)] if is_dataclass(record) else []
    expect("schema_version" in names, f"a dataclass with a field schema_version; got {shown(record)}")


def check_result_file(subject: Subject) -> None:
    """Its file is JSON, belongs to its folder, and is not that of another kind.

    Results would be taken for others, or could not be removed.
    """
    kind = kind_of(subject)
    others = [each.file for each in kinds().values() if type(each) is not type(kind)]
    is_own = kind.file.endswith(".json") and kind.file not in others
    expect(is_own, f"the name of a JSON file of its own; got {kind.file!r}")
    expect(
        belongs(kind, PurePosixPath(kind.file)),
        f"{kind.file} among the files of a folder; got {kind.files()}",
    )


def check_result_empty(subject: Subject) -> None:
    """An empty folder holds none of its runs, and is not an unfinished result.

    Otherwise every folder is listed.
    """
    kind = kind_of(subject)
    with TemporaryDirectory() as folder:
        runs = [run for run in kind.runs(Path(folder)) if run.exists()]
        is_none = not runs and not kind.is_unfinished(Path(folder))
    expect(is_none, "nothing in an empty folder; it is taken for a result")
