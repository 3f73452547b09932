"""`textgen onnx`: a run as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen.cli.console import print_json, print_record
from textgen.cli.options import Json, PluginFiles, RunFolder, load_plugins
from textgen.cli.run_table import run_folder


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
    from textgen.library.onnx_file import write_onnx
    from textgen.library.runs import load

    loaded = load(run_folder(run), device="cpu")
    files = write_onnx(loaded.saved, out or Path(f"{loaded.folder.absolute().name}.onnx"))
    record = {**vars(files), "network": str(files.network), "tokens": str(files.tokens)}
    (print_json if as_json else print_record)(record)
