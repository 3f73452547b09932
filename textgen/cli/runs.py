"""`textgen runs`: list, show, compare, open and remove what is saved."""

from __future__ import annotations

import sys
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from textgen import defaults
from textgen.cli.command_plugins import PluginGroup
from textgen.cli.console import print_json, print_result, print_summary, saved_note
from textgen.cli.options import (
    Full,
    Json,
    OnDevice,
    PluginFiles,
    Sampler,
    Seed,
    grouped,
    load_plugins,
    refuse,
)
from textgen.cli.run_table import print_items, size
from textgen.contracts import TextgenError
from textgen.library.options import ClusterOptions, SampleOptions
from textgen.results.names import complete_run
from textgen.runtime.messages import UsageError
from textgen.runtime.output import note, results, say
from textgen.runtime.storage.result_folders import RUNS

if TYPE_CHECKING:
    from textgen.results.folders import ResultFolder

app = typer.Typer(cls=PluginGroup)

Root = Annotated[Path, typer.Option("--root", help="Folder to look in, with its subfolders.")]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A path, any part of a name that no other has, or latest.",
        autocompletion=complete_run,
    ),
]
Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME", help="Paths, parts of names, or latest.", autocompletion=complete_run),
]
Sort = Literal["score", "age", "name", "size"]
Kind = Literal["run", "bench", "ladder", "suite", "tune"]


@app.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context,
    root: Root = RUNS,
    text: Annotated[
        str, typer.Option("--filter", help="Only what has this in its name, entries, corpus or budget.")
    ] = "",
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order: best, newest, by name, or largest first.")
    ] = "age",
    kind: Annotated[
        Kind | None,
        typer.Option(
            "--kind", help="Only this kind; run also lists the runs in benches.", show_default="all"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List saved runs, benches, suites and studies; show, compare, open or remove some."""
    if context.invoked_subcommand is not None:
        command = context.invoked_subcommand
        options = ["--root", "--filter", "--sort", "--kind", "--json"]
        refuse(context, options, f"before {command!r}", advice=f"write it after {command!r}")
        return
    from textgen.results.items import SORT_KEYS, read_catalog

    if root != RUNS and not root.is_dir():
        raise TextgenError(f"there is no folder {str(root)!r}")
    catalog = read_catalog(root, kind)
    found = sorted((item for item in catalog.items if item.mentions(text)), key=SORT_KEYS[sort])
    if as_json:
        print_json({"runs": found, "skipped": catalog.skipped})
        return
    for problem in catalog.skipped:
        note(f"left out: {problem}")
    if not found:
        note(f"nothing is saved in {root}" if not catalog.items else f"none of {len(catalog.items)} match")
    print_items(found)


@app.command()
def show(name: Name, root: Root = RUNS, full: Full = False, as_json: Json = False) -> None:
    """Print a saved result again, as its command printed it."""
    from textgen.library.presentation import PROMPT, command, sample_lines, train_lines
    from textgen.results.items import read_result
    from textgen.results.names import find

    found = find(name, root)
    result: Any = read_result(found)
    if found.kind != "run":
        print_result(result, as_json, full=full, folder=found.path)
    else:
        lines = train_lines(found.path, result.settings, result.result)
        print_summary(result.result, as_json, lines, command("sample", str(found.path), PROMPT))
        if not as_json:
            for line in sample_lines(found.path):
                say(line)
    if as_json or not (results().isatty() or found.kind == "run"):
        saved_note(found.path, quiet=False)  # which is shown of the others above


@app.command()
@grouped
def compare(
    context: typer.Context,
    names: Names,
    root: Root = RUNS,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="Text to continue.", show_default="those that the runs have continued"),
    ] = None,
    sampler: Sampler = defaults.SAMPLER,
    writing: Annotated[SampleOptions, "length"] = SampleOptions(),
    seed: Seed = 0,
    samples: Annotated[
        bool, typer.Option("--samples/--no-samples", help="Whether samples are shown.")
    ] = True,
    cluster: OnDevice = ClusterOptions(),
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Compare runs, or the best entries of benches: scores, differing settings, and what they write."""
    load_plugins(plugin)
    from textgen.library.results import compare_runs
    from textgen.reports.run_report import MAX_RUNS

    if not samples:
        refuse(context, ["--prompt", "--sampler", "--length", "--seed", "--device"], "with --no-samples")
    if not 2 <= len(names) <= MAX_RUNS:
        raise UsageError(f"give 2 to {MAX_RUNS} runs to compare, not {len(names)}")
    writing = replace(writing, prompt=prompt or (), sampler=sampler)
    result = compare_runs(names, root, writing if samples else None, seed=seed, device=cluster.device)
    print_result(result, as_json, full=True)


@app.command("open")
def open_report(name: Name, root: Root = RUNS, as_json: Json = False) -> None:
    """Open the report of a bench, suite or study in the browser."""
    from textgen.results.folders import PAGE, RUNS_OF_BENCH
    from textgen.results.names import find

    found = find(name, root)
    folder = found.path
    if found.kind == "run" and folder.parent.name == RUNS_OF_BENCH:
        folder = folder.parent.parent
    page = folder / PAGE
    if not page.is_file():
        if found.kind == "run":
            raise TextgenError(
                f"{str(folder)!r} is a single run, without a report; see textgen runs show {name}"
            )
        raise TextgenError(f"there is no {PAGE} in {str(folder)!r}; make it by: textgen report {folder}")
    address = page.resolve().as_uri()
    is_open = webbrowser.open(address)
    if as_json:
        print_json({"report": str(page), "address": address, "is_open": is_open})
    else:
        say(address)
    if not is_open:
        raise TextgenError(f"no browser was found; open {str(page)!r} yourself")


@app.command()
def remove(
    names: Names,
    root: Root = RUNS,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Remove saved runs, benches, suites or studies; refused if a folder contains anything else."""
    from textgen.results.folders import check_removable, name_of, remove_results

    chosen = _outermost(names, root)
    for found in chosen:
        check_removable(found)
    rows: list[dict[str, Any]] = [
        {"kind": found.kind, "name": name_of(found.path, root), "num_bytes": found.num_bytes}
        for found in chosen
    ]
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nothing is removed without asking; give --yes")
        for row in rows:
            note(f"{row['kind']} {row['name']} ({size(row['num_bytes'])})")
        note("Remove for good? [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            note("nothing is removed")
            return
    for found in chosen:
        remove_results(found)
    if as_json:
        print_json({"removed": rows})
    else:
        for row in rows:
            say(f"removed {row['kind']} {row['name']} ({size(row['num_bytes'])})")


def _outermost(names: list[str], root: Path) -> list[ResultFolder]:
    """Return the results that names mean, each once, without those inside another."""
    from textgen.results.names import find

    found = {each.path.resolve(): each for each in (find(name, root) for name in names)}
    return [each for path, each in found.items() if not any(parent in found for parent in path.parents)]
