"""`textgen onnx` and `textgen import-lm-eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.console import print_json, print_record, print_rows
from textgen.cli.options import Json, PluginFiles, RunFolder, load_plugins, run_folder


def onnx(
    run: RunFolder,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New ONNX file.", show_default="RUN.onnx")
    ] = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Write a recurrent model (lstm, gru) as an ONNX file, and its tokens as JSON next to it."""
    load_plugins(plugin)
    from textgen.library.runs import load
    from textgen_tools.onnx_file import write_onnx

    loaded = load(run_folder(run), device="cpu")
    files = write_onnx(loaded.saved, out or Path(f"{loaded.folder.absolute().name}.onnx"))
    record = {**vars(files), "network": str(files.network), "tokens": str(files.tokens)}
    (print_json if as_json else print_record)(record)


def import_lm_eval(
    log: Annotated[
        Path, typer.Argument(help="Folder of lm-eval's --output_path, or a file samples_….jsonl in it.")
    ],
    as_json: Json = False,
) -> None:
    """Show the scores in a log of lm-eval (with --log_samples) with 95 % intervals over its documents."""
    from textgen_tools.lm_eval_log import read_scores

    scores = read_scores(log)
    if as_json:
        print_json({"scores": scores})
        return
    has_several = len({each.file for each in scores}) > 1
    print_rows(
        [
            {
                **({"file": each.file} if has_several else {}),
                "task": each.task,
                "metric": each.metric,
                "value": each.value,
                "95 % interval": "-" if each.interval is None else "{:.4g} to {:.4g}".format(*each.interval),
                "documents": each.num_documents,
            }
            for each in scores
        ]
    )
