"""`textgen bench --suite`: a comparison that is declared as data."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

from textgen.cli.console import note, print_document
from textgen.runtime.files import slug
from textgen.suite.planner import SuiteOptions
from textgen.suite.report import to_markdown
from textgen.suite.run import run_suite
from textgen.suite.schema import load_suite


def bench_suite(name: str, options: SuiteOptions, out: Path | None, as_json: bool) -> None:
    """Run a suite, or what is missing of it, in the folder that belongs to it and to the text."""
    from textgen.cli.progress import ProgressDisplay

    suite = load_suite(name)
    folder = out or Path("runs", f"suite-{slug(Path(name).stem)}-{slug('+'.join(options.sources))}")
    with ProgressDisplay() as display, redirect_stdout(sys.stderr):
        result = run_suite(suite, options, folder, display, note)
    print_document(result, to_markdown(result), as_json)
    note(f"saved in {folder}")
