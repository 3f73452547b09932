"""The command line: thin commands; what is heavy is imported inside them."""

from __future__ import annotations

import io
import os
import sys
import warnings
from contextlib import redirect_stdout
from typing import Annotated, Any, TextIO

import typer

from textgen import __version__, defaults
from textgen.api import TextgenError, TextgenWarning
from textgen.cli import plugins as cli_plugins
from textgen.cli import runs as cli_runs
from textgen.cli import tune as cli_tune
from textgen.cli.console import fail, flat, note, print_figures, print_result, printable
from textgen.cli.options import (
    BudgetText,
    Clean,
    Device,
    Encoding,
    Json,
    Length,
    MaxChars,
    Out,
    PluginFiles,
    Precision,
    Samplers,
    Seed,
    Sources,
    Split,
)
from textgen.runtime.files import new_name

USAGE_ERROR: Any = typer.BadParameter.__mro__[2]
"""The base of all that Typer finds wrong with a command line."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, by the shell's convention."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(cli_plugins.app, name="plugins")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"textgen {__version__}")
        raise typer.Exit


@app.callback()
def textgen(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compare text-generation language models: any tokenizer, model and embedding, one text, one budget."""


@app.command()
def bench(
    entries: Annotated[
        list[str] | None,
        typer.Argument(help="Such as char-lstm word-lstm-glove random char-lstm:num_layers=1."),
    ] = None,
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = "utf-8",
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            help="Training per entry: 60s, 5m, 5epochs, 400000chars, 20Mchars.",
            show_default="60s, or the suite's",
        ),
    ] = None,
    seed: Seed = 0,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", min=1, help="Train each entry so many times.", show_default="1, or the suite's"
        ),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt", help="Text to continue; repeatable.", show_default="passages of the test text"
        ),
    ] = None,
    sampler: Samplers = [defaults.SAMPLER],
    length: Length = defaults.SAMPLE_CHARS,
    suite: Annotated[
        str | None,
        typer.Option("--suite", help="In place of entries: a name (improvements, seed) or a TOML file."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Of a suite, measure so many runs at once.")] = 1,
    out: Out = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Train entries side by side on one text and compare scores, samples, speed and size."""
    from textgen.cli.progress import ProgressDisplay
    from textgen.comparison.bench import BenchOptions
    from textgen.comparison.bench import bench as compare
    from textgen.data.corpus import load_corpus
    from textgen.experiment.entry import parse_entries
    from textgen.runtime.device import choose_device
    from textgen.training.budget import parse_budget

    if (suite is None) == (not entries):
        raise typer.BadParameter("give entries to compare, or --suite")
    spent = parse_budget(budget or defaults.BUDGET)
    if suite is not None:
        from textgen.cli.suite import bench_suite
        from textgen.suite.planner import SuiteOptions

        bench_suite(
            suite,
            SuiteOptions(
                sources=corpus,
                device_config=choose_device(device, precision),
                split=split,
                encoding=encoding,
                budget=budget,
                seeds=seeds,
                max_chars=max_chars,
                num_jobs=jobs,
            ),
            out,
            as_json,
        )
        return
    parsed, broken = parse_entries(entries or ())
    text = load_corpus(corpus, clean, split, max_chars, encoding)
    options = BenchOptions(
        budget=spent,
        device_config=choose_device(device, precision),
        seed=seed,
        num_seeds=seeds or 1,
        prompts=prompt or (),
        samplers=tuple(dict.fromkeys(sampler)),
        num_chars=length,
        broken=broken,
    )
    folder = out or new_name("bench")
    with ProgressDisplay() as display, redirect_stdout(sys.stderr):
        result = compare(parsed, text, options, folder, display)
    print_result(result, as_json)
    note(f"saved in {folder}")
    if all(row["error"] for row in result["entries"]):
        raise TextgenError("every entry failed; the result says why")


@app.command()
def train(
    entry: Annotated[str, typer.Argument(help="Such as char-lstm or word-lstm-glove:hidden_size=512.")],
    corpus: Sources = [defaults.CORPUS],
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = "utf-8",
    budget: BudgetText = defaults.BUDGET,
    seed: Seed = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    out: Out = None,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """Train and score one entry; the folder it writes is what `sample` and `score` read."""
    from textgen.cli.progress import ProgressDisplay
    from textgen.data.corpus import load_corpus
    from textgen.experiment.entry import parse_entry
    from textgen.experiment.experiment import Experiment
    from textgen.experiment.run import save_run
    from textgen.runtime.device import choose_device
    from textgen.runtime.files import make_folder
    from textgen.training.budget import parse_budget

    spent = parse_budget(budget)
    parsed = parse_entry(entry)
    text = load_corpus(corpus, clean, split, max_chars, encoding)
    experiment = Experiment(parsed, text, spent, choose_device(device, precision), seed)
    folder = out or new_name("train")
    if folder.exists():
        raise TextgenError(f"{str(folder)!r} exists already; choose another --out")
    make_folder(folder.parent)
    with ProgressDisplay() as display, redirect_stdout(sys.stderr):
        run = experiment.run(lambda progress: display(entry, progress))
    save_run(folder, run)
    result = run.manifest["result"]
    print_figures(result if as_json else flat(result), as_json)
    note(f"saved in {folder}")


@app.command("corpus")
def show_corpus(
    sources: Annotated[
        list[str] | None, typer.Argument(help="A name, a path or -; nothing lists the names.")
    ] = None,
    clean: Clean = defaults.CLEANER,
    split: Split = defaults.SPLIT,
    max_chars: MaxChars = None,
    encoding: Encoding = "utf-8",
    diff: Annotated[bool, typer.Option("--diff", help="Show the lines that the cleaner changes.")] = False,
    as_json: Json = False,
    plugin: PluginFiles = None,
) -> None:
    """List corpora, show the statistics of one, or show what a cleaner changes in it."""
    from textgen.data import statistics as corpus_view

    if not sources:
        listed = {"corpora": corpus_view.items()}
        print_figures(listed if as_json else listed["corpora"], as_json)
    elif diff:
        sys.stdout.writelines(printable(line) for line in corpus_view.changes(sources, clean, encoding))
    else:
        from textgen.data.corpus import load_corpus

        figures = corpus_view.statistics(load_corpus(sources, clean, split, max_chars, encoding))
        print_figures(figures if as_json else flat(figures), as_json)


for command in (cli_tune.tune, cli_runs.sample, cli_runs.score, cli_runs.describe):
    app.command()(command)


def main() -> None:
    """Run the command line: one line and a code for every expected failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack characters that a model writes
    warnings.showwarning = _show_warning
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except USAGE_ERROR as error:
        command = error.ctx.command_path if getattr(error, "ctx", None) else "textgen"
        fail(f"{error.format_message().rstrip('.') or 'no command given'} (see {command} --help)", 2)
    except BrokenPipeError:  # the reader of a pipe has seen enough, as Typer notices before the last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BaseException as error:
        reason = expected(error)
        if reason is None:
            raise
        fail(reason, 1)
    if code == INTERRUPTED:  # so Typer returns from a KeyboardInterrupt
        fail("interrupted; finished runs are kept", code)
    sys.exit(code)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if issubclass(category, TextgenWarning):
        note(printable(" ".join(str(message).split())))
    else:
        (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))


def expected(error: BaseException) -> str | None:
    """Return the line that an error ends with, or None if it is a mistake of textgen itself."""
    from textgen.registry.attribution import describe_error, responsible_plugin

    if isinstance(error, TextgenError):
        return str(error)
    if is_want_of_memory(error):
        return "out of memory; take a smaller model, batch_size or sequence_length"
    if isinstance(error, OSError):  # such as a full disk
        return f"{error.strerror or error}: {error.filename or 'a file or connection'}"
    return describe_error(error) if responsible_plugin(error) else None


def is_want_of_memory(error: BaseException) -> bool:
    """Return whether Python or torch, which on the CPU has no error of its own for it, got no more memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    signs = ("out of memory", "not enough memory", "allocate memory")
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in signs)


if __name__ == "__main__":
    main()
