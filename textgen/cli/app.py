"""The command line: the commands, the version, and one line for every expected failure.

What is heavy is imported inside the commands, so that help is quick.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer

from textgen.cli import plugins, runs
from textgen.cli.bench import bench
from textgen.cli.cache import cache
from textgen.cli.command_plugins import PluginGroup
from textgen.cli.console import fail
from textgen.cli.corpus import corpus
from textgen.cli.describe import describe
from textgen.cli.interrupts import INTERRUPTED, StoppedError, interrupts
from textgen.cli.options import NO_METAVAR
from textgen.cli.report import report
from textgen.cli.sample import sample
from textgen.cli.score import score
from textgen.cli.tour import tour
from textgen.cli.train import train
from textgen.contracts import TextgenError, TextgenWarning
from textgen.runtime.messages import UsageError, is_out_of_memory
from textgen.runtime.output import note, say, show_traceback, visible
from textgen.runtime.process_setup import keep_freed_memory
from textgen.version import __version__

CLICK_EXCEPTION: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
"""The base class of usage errors, by its name, since some versions of Typer import click and others
contain a copy of it."""

app = typer.Typer(
    cls=PluginGroup,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for command in (bench, train, sample, score, corpus, tour, report, describe, cache):
    app.command()(command)
app.add_typer(plugins.app, name="plugins")
app.add_typer(runs.app, name="runs")


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"textgen {__version__}")
        raise typer.Exit


@app.callback()
def textgen(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar=NO_METAVAR, callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Compare text-generation language models: any tokenizer, model and embedding, one text, one budget."""


def main() -> None:
    """Run the command line: one line and an exit code for every expected failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack characters that a model writes
    warnings.showwarning = _show_warning
    keep_freed_memory()
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except CLICK_EXCEPTION as error:
        if not error.format_message():  # without a command, Typer has printed the help
            sys.exit(0)
        fail(usage_problem(error), 2)
    except StoppedError as error:
        _stop(str(error))
    except UsageError as error:
        fail(str(error), 2)
    except BrokenPipeError:  # the reader of a pipe has seen enough, as Typer notices before the last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except SystemExit:  # from shell completion
        raise
    except BaseException as error:
        reason = expected(error)
        if reason is None:
            sys.excepthook = show_traceback  # instead of Typer's
            raise
        fail(reason, 1)
    if code == INTERRUPTED:  # so Typer returns from a KeyboardInterrupt
        _stop("interrupted")
    sys.exit(code)


def _stop(line: str) -> NoReturn:
    interrupts.is_said = True
    note(line)
    sys.exit(INTERRUPTED)


def usage_problem(error: Any) -> str:
    """Return the line for what Typer finds wrong with a command line."""
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    return f"{message} (see {context.command_path if context else 'textgen'} --help)"


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    if issubclass(category, TextgenWarning):
        note(" ".join(visible(str(message)).split()))
    else:
        note(warnings.formatwarning(message, category, filename, lineno), end="")


def expected(error: BaseException) -> str | None:
    """Return the line for an expected failure, or None for a mistake of textgen itself."""
    from textgen.registry.registry import describe_error, responsible_plugin

    if isinstance(error, TextgenError):
        return str(error)
    if is_out_of_memory(error):
        return "out of memory; use a smaller model, batch_size or sequence_length"
    if isinstance(error, OSError):  # such as a full disk
        return f"{error.strerror or error}: {error.filename or 'a file or connection'}"
    return describe_error(error) if responsible_plugin(error) else None
