"""`textgen corpus`: the texts there are, and what is in one."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from textgen import defaults
from textgen.cli.console import print_json, print_record, print_rows, printable
from textgen.cli.options import (
    Clean,
    Encoding,
    Json,
    MaxChars,
    PluginFiles,
    Split,
    load_plugins,
    refuse,
    refuse_encoding_of_names,
)


def corpus(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Corpus name, path, or - for standard input; omit it to list the corpora."),
    ] = None,
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    diff: Annotated[bool, typer.Option("--diff", help="Show the lines that the cleaner changes.")] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """List corpora, show the statistics of one, or show what a cleaner changes in it."""
    load_plugins(plugin)
    if not sources:
        options = ["--clean", "--split", "--max-chars", "--encoding", "--diff"]
        refuse(context, options, "on the list of corpora")
    elif diff:
        refuse(context, ["--split", "--max-chars", "--json"], "with --diff")
    refuse_encoding_of_names(context, sources or ())
    from textgen.data import statistics

    if not sources:
        listed = {"corpora": statistics.items()}
        if as_json:
            print_json(listed)
        else:
            print_rows(listed["corpora"])
    elif diff:
        sys.stdout.writelines(printable(line) for line in statistics.changes(sources, clean, encoding))
    else:
        from textgen.data.corpus import load_corpus

        values = statistics.statistics(load_corpus(sources, clean, split, max_chars, encoding))
        print_record(values, as_json)
