"""What programs that measure speeds have in common: their options, and how they print and save results."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textgen.runtime.environment import machine, versions
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, to_json


def speed_options(description: str | None, *, seconds: float, repetitions: int) -> argparse.ArgumentParser:
    """Return a parser of `--json`, `--seconds` and `--repetitions` with these defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--seconds", type=float, default=seconds, help="length of each measurement")
    parser.add_argument("--repetitions", type=int, default=repetitions)
    return parser


def print_and_save(
    rows: Sequence[Any], lines: Sequence[str], result: Callable[..., Any], options: argparse.Namespace
) -> None:
    """Print the lines of a table and, with `--json`, save the rows as a `result` with the machine."""
    print("\n".join(lines))
    if options.json:
        saved = result(
            schema_version=SCHEMA_VERSION,
            machine=machine(),
            versions=versions(),
            seconds=options.seconds,
            repetitions=options.repetitions,
            rows=tuple(rows),
        )
        write_file(options.json, to_json(saved))
