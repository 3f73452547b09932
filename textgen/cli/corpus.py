"""`textgen corpus`: the texts there are, and what is in one."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from textgen.cli.console import print_json, print_rows, show
from textgen.cli.options import NO_METAVAR, Json, PluginFiles, complete_name, given, grouped, load_plugins
from textgen.contracts import TextgenError
from textgen.library.options import refuse
from textgen.requests import TextOptions
from textgen.runtime.output import note, results, say


@grouped
def corpus(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Corpus name, path, or - for standard input; omit it to list the corpora.",
            autocompletion=complete_name("corpus"),
        ),
    ] = None,
    text: Annotated[TextOptions, "clean", "split", "max_chars", "encoding"] = TextOptions(),
    diff: Annotated[
        bool, typer.Option("--diff", metavar=NO_METAVAR, help="Show what the cleaner changes.")
    ] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """List corpora, show the statistics of one, or show what a cleaner changes in it."""
    load_plugins(plugin)
    from textgen.library.corpus import asks_for_items, changes

    if not sources or asks_for_items(sources):
        names = ["clean", "encoding", "diff", "split", "max_chars"]
        refuse(given(context), names, "on the list of corpora")
        print_listing(sources[0].rstrip("/").partition(":")[0] if sources else "", as_json)
    elif diff:
        refuse(given(context), ["split", "max_chars", "json"], "with --diff")
        for change in changes(sources, text.clean, text.encoding):
            say(change)
    else:
        print_statistics(replace(text, corpus=sources), as_json)


def print_listing(name: str, as_json: bool) -> None:
    """Print all corpora, which a terminal shows without their items, or the items of one."""
    from textgen.library.corpus import grouped, items

    rows = items(name or None)
    if as_json:
        print_json({"corpora": rows})
    elif name:
        print_rows([{"corpus": row["corpus"]} for row in rows if "/" in row["corpus"]])
    elif results().isatty():
        print_rows(grouped(rows))
        note("textgen corpus gutenberg/ lists the items of a corpus; textgen corpus NAME shows one text")
    else:
        print_rows(rows)


def print_statistics(text: TextOptions, as_json: bool) -> None:
    """Print what is in a text; of a corpus that is several texts, print its items."""
    from textgen.library.corpus import corpus_lines, has_items, loaded, statistics
    from textgen.library.presentation import brief_report, command

    try:
        values = statistics(loaded(text))
    except TextgenError:
        name, *others = text.sources
        if others or not has_items(name):
            raise
        print_listing(name, as_json)
        return
    following = [part for source in text.sources for part in ("--corpus", source)]
    advice = command("bench", *following)
    show(values, lambda shown: brief_report("corpus", shown, corpus_lines(shown), advice), as_json=as_json)
