"""`textgen score`: how well a trained run predicts a text."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen.cli.completion import complete_name
from textgen.cli.console import print_summary
from textgen.cli.options import (
    Json,
    OnDevice,
    PluginFiles,
    Quiet,
    RunFolder,
    grouped,
    load_plugins,
    refusing,
    run_folder,
)
from textgen.library.options import ClusterOptions, TextOptions
from textgen.runtime.storage.json_records import to_values


@grouped
def score(
    context: typer.Context,
    run: RunFolder,
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Texts: paths, corpus names, or - for standard input; joined.",
            autocompletion=complete_name("corpus"),
        ),
    ],
    clean: Annotated[
        str | None,
        typer.Option(
            "--clean",
            help="Cleaner of the text.",
            show_default="the run's",
            autocompletion=complete_name("cleaner"),
        ),
    ] = None,
    text: Annotated[TextOptions, "encoding"] = TextOptions(),
    cluster: OnDevice = ClusterOptions(),
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Score a text with a trained run, in bits per character of the whole text."""
    load_plugins(plugin)
    from textgen.library.corpus import check_encoding
    from textgen.library.presentation import PROMPT, command, score_lines
    from textgen.library.progress import ProgressDisplay
    from textgen.library.runs import load

    check_encoding(texts, refusing(context))
    loaded = load(run_folder(run), device=cluster.device, precision="fp32")
    with ProgressDisplay(quiet=quiet) as display:
        scored = loaded.score_sources(texts, clean=clean, encoding=text.encoding, report=display)
    about = {"text": scored.text, "cleaner": scored.cleaner, "num_chars": scored.num_chars}
    record = {**about, **to_values(scored.score), "score_checks": scored.checks}
    lines = score_lines(loaded.entry, scored)
    print_summary(record, as_json, lines, command("sample", str(run), PROMPT))
