"""`textgen score`: how well a trained run predicts a text."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from textgen import defaults
from textgen.cli.completion import complete_name
from textgen.cli.console import print_summary
from textgen.cli.options import (
    Device,
    Encoding,
    Json,
    PluginFiles,
    Quiet,
    RunFolder,
    load_plugins,
    refuse_encoding_of_names,
)
from textgen.cli.run_table import run_folder


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
    encoding: Encoding = defaults.ENCODING,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Score a text with a trained run, in bits per character of the whole text."""
    load_plugins(plugin)
    refuse_encoding_of_names(context, texts)
    from textgen.cli.progress import ProgressDisplay
    from textgen.cli.summaries import PROMPT, command, score_lines
    from textgen.data.corpus import load_text
    from textgen.experiment.saved_run import load_run
    from textgen.experiment.score_run import score_any
    from textgen.runtime.device import choose_device
    from textgen.runtime.storage.json_records import to_values

    device_config = choose_device(device, "fp32")
    loaded = load_run(run_folder(run), device_config.device)
    cleaner = clean or loaded.settings.corpus.cleaner
    name, text = load_text(texts, cleaner, encoding)
    with ProgressDisplay(quiet=quiet) as display, redirect_stdout(sys.stderr):
        scored = score_any(loaded, text, device_config.device, display)
    about = {"text": name, "cleaner": cleaner, "num_chars": len(text)}
    record = {**about, **to_values(scored.score), "score_checks": scored.checks}
    lines = score_lines(loaded.entry.name, name, cleaner, len(text), scored.score)
    print_summary(record, as_json, lines, command("sample", str(run), PROMPT))
