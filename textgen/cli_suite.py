"""`textgen bench --suite`: a comparison that is declared as data."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

from textgen.output import note, print_document, slug
from textgen.suite import SuiteOptions, load_suite, run_suite
from textgen.suite.tables import to_markdown


def bench_suite(name: str, options: SuiteOptions, out: Path | None, as_json: bool) -> None:
    """Run a suite, or what is missing of it, in the folder that belongs to it and to the text."""
    from textgen.progress import ProgressDisplay

    suite = load_suite(name)
    folder = out or Path("runs", f"suite-{slug(Path(name).stem)}-{slug('+'.join(options.sources))}")
    with ProgressDisplay() as display, redirect_stdout(sys.stderr):
        result = run_suite(suite, options, folder, display, note)
    print_document(result, to_markdown(result), as_json)
    note(f"saved in {folder}")
