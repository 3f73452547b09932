"""Options and result files of the programs: JSON, with the machine and the versions that made it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from textgen.runtime.environment import machine, versions
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, to_json

RESULTS = Path(__file__).parents[1] / "results"


def json_option(description: str | None, default: str | None = None) -> argparse.ArgumentParser:
    """Return a parser of `--json`, the file for the results; by default results/DEFAULT.json or none."""
    parser = argparse.ArgumentParser(description=description)
    path = RESULTS / f"{default}.json" if default else None
    parser.add_argument("--json", type=Path, default=path, help="file for the results (default: %(default)s)")
    return parser


def save(path: Path | None, **values: Any) -> None:
    """Write what a program measured to a file, if there is one."""
    if path:
        about = {"schema_version": SCHEMA_VERSION, "versions": versions(), "machine": machine()}
        write_file(path, to_json(about | values))
