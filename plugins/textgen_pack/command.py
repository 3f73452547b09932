"""`textgen pack` and `textgen unpack`: a score as a file that gives the text back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen.cli.console import show
from textgen.cli.options import Json, PluginFiles, Quiet, RunFolder, load_plugins, run_folder
from textgen.contracts import TextgenError
from textgen.runtime.output import results, say

if TYPE_CHECKING:
    from textgen.reports.document import Report
    from textgen_pack.packing import Packed


def pack(
    run: RunFolder,
    text: Annotated[
        Path | None,
        typer.Argument(help="UTF-8 text file, packed unchanged.", show_default="the text that was scored"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="File to write, never overwritten.", show_default="NAME.packed in this folder"
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Compress a text with a trained run, to the size that its score implies."""
    load_plugins(plugin)
    folder = run_folder(run)
    import textgen_pack
    from textgen.library.progress import ProgressDisplay

    with ProgressDisplay(quiet=quiet) as display:
        packed = textgen_pack.pack(folder, text, out=out, report=display)
    show(packed, pack_report, as_json=as_json)


def unpack(
    run: RunFolder,
    file: Annotated[Path, typer.Argument(help="File written by textgen pack with this run.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write, never overwritten.", show_default="standard output"),
    ] = None,
    quiet: Quiet = False,
    plugin: PluginFiles = None,
) -> None:
    """Restore the text of a packed file; the run recomputes its probabilities without the text."""
    load_plugins(plugin)
    if out is not None and out.exists():
        raise TextgenError(f"{str(out)!r} already exists; choose another file with --out")
    folder = run_folder(run)
    import textgen_pack
    from textgen.data.decoding import utf8
    from textgen.library.progress import ProgressDisplay
    from textgen.runtime.storage.files import new_file

    with ProgressDisplay(quiet=quiet) as display:
        text = textgen_pack.unpack(folder, file, report=display)
    if out is not None:
        with new_file(out) as written:
            written.write(utf8(text))
    elif results().isatty():
        say(text, end="")
    else:
        results().buffer.write(utf8(text))


def pack_report(packed: Packed) -> Report:
    """Return the sizes of a packed text beside what was reported."""
    from textgen.library.presentation import command
    from textgen.reports.document import Report, Section, lines, text_table
    from textgen.reports.formats import bits, count

    def row(name: str, num_bits: float) -> list[str]:
        return [name, count(num_bits / 8), bits(num_bits / packed.num_chars)]

    rows = [row("code", 8 * packed.code_bytes)]
    if packed.reported_bits:
        rows.append(row("as reported", packed.reported_bits))
    rows.append(row("whole file", 8 * packed.num_bytes))
    sizes = [[name, count(number), ""] for name, number in packed.model_bytes.items()]
    total = sum(packed.model_bytes.values())
    table = text_table("", ["", "bytes", "bits per character"], [*rows, *sizes])
    differs = "" if packed.difference is None else f", {100 * packed.difference:+.4f} % of what was reported"
    about = [
        f"{packed.entry} on {packed.text}: {count(packed.num_chars)} characters in {packed.file}",
        "A model that stores the text in its own files pays for it in their size.",
    ]
    return Report(
        kind="pack",
        result=packed,
        title="",
        answer=f"packed {count(packed.num_bytes)} B + model {count(total)} B{differs}",
        advice=command("unpack", "RUN", packed.file),
        sections=[Section("pack", "", [lines(about), table])],
    )
