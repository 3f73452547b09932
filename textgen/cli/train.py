"""`textgen train`: one entry."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from textgen import defaults
from textgen.api import TextgenError
from textgen.cli.console import note, print_record
from textgen.cli.options import (
    BudgetText,
    Clean,
    Device,
    Encoding,
    Json,
    MaxChars,
    PluginFiles,
    Precision,
    Seed,
    Sources,
    Split,
    load_plugins,
    refuse_encoding_of_names,
)
from textgen.runtime.files import new_name


def train(
    context: typer.Context,
    entry: Annotated[str, typer.Argument(help="Such as char-lstm or word-lstm-glove:hidden_size=512.")],
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = defaults.ENCODING,
    budget: BudgetText = defaults.BUDGET,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    out: Annotated[
        Path | None, typer.Option("--out", help="New folder for the run.", show_default="runs/train-…")
    ] = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Train and score one entry; `sample` and `score` read the folder that this writes."""
    load_plugins(plugin)
    refuse_encoding_of_names(context, corpus)
    from textgen.cli.progress import ProgressDisplay
    from textgen.data.corpus import load_corpus
    from textgen.experiment.entry import parse_entry
    from textgen.experiment.experiment import Experiment
    from textgen.experiment.run import save_run
    from textgen.runtime.device import choose_device
    from textgen.runtime.files import make_folder
    from textgen.training.budget import parse_budget

    parsed_budget = parse_budget(budget)
    parsed = parse_entry(entry)
    text = load_corpus(corpus, clean, split, max_chars, encoding)
    experiment = Experiment(parsed, text, parsed_budget, choose_device(device, precision), seed)
    folder = out or new_name("train")
    if folder.exists():
        raise TextgenError(f"{str(folder)!r} exists already; choose another --out")
    make_folder(folder.parent)
    with ProgressDisplay() as display, redirect_stdout(sys.stderr):
        run = experiment.run(lambda progress: display(entry, progress))
    save_run(folder, run)
    print_record(run.result, as_json)
    note(f"saved in {folder}")
