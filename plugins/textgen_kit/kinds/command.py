"""Checks of commands."""

from __future__ import annotations

import builtins
import dis
import inspect
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from itertools import pairwise
from typing import Any

import typer
import typer.main

from textgen.cli.command_plugins import with_plugin_files
from textgen.registry.registry import plugin_files
from textgen_kit.checking import CheckError, CheckWarning, Subject, expect, reworded, shown, skip_unless

HEAVY = ("torch", "numpy")
"""Modules whose import takes longer than help should."""


def check_command_help(subject: Subject) -> None:
    """Its docstring begins with a line that says what it does, and each argument and option has a help.

    `textgen --help` shows the first, and `textgen NAME --help` the others.
    """
    function = subject.component
    expect(bool(inspect.getdoc(function)), f"a docstring of {shown(function.__name__)}")
    lacking = [each.opts[0] for each in command_of(subject).params if not getattr(each, "help", "")]
    expect(not lacking, f"a help for {', '.join(lacking)}: typer.Option(…, help=…) in its Annotated")


def check_command_arguments(subject: Subject) -> None:
    """Its arguments and options are annotated, and those that can be left out have a default."""
    signature = inspect.signature(subject.component)
    bare = [name for name, each in signature.parameters.items() if each.annotation is each.empty]
    expect(not bare, f"annotations of {', '.join(bare)}, such as Annotated[int, typer.Option(help=…)]")
    command_of(subject)


def check_command_shows_help(subject: Subject) -> None:
    """`--help` prints its help and ends."""
    printed = StringIO()
    with redirect_stdout(printed), reworded("expected --help to work; got:", Exception):
        command_of(subject).main(["--help"], prog_name="textgen", standalone_mode=False)
    first = (inspect.getdoc(subject.component) or "").split()[:1]
    expect(all(word in printed.getvalue() for word in first), "help that has the first line of its docstring")


def check_command_json(subject: Subject) -> None:
    """Its `--json` is a flag.

    Programs that read the results of commands rely on it.
    """
    options = [each for each in command_of(subject).params if "--json" in each.opts]
    skip_unless(bool(options), "it has no --json")
    expect(all(each.is_flag for each in options), "--json to be a bool, which takes no value")


def check_command_light(subject: Subject) -> None:
    """Its module imports nothing heavy, which would slow down `textgen --help`: import that in functions."""
    module = subject.component.__module__
    source = getattr(sys.modules.get(module), "__file__", None)
    skip_unless(source is not None, "is defined in the program that runs")
    is_file = any(str(path) == source for path in plugin_files())
    importing = f"runpy.run_path({source!r})" if is_file else f"importlib.import_module({module!r})"
    code = f"import importlib, runpy, sys; sys.path[:] = {sys.path}; {importing}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=False)
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise CheckError(f"expected a module that can be imported alone; it failed: {last}")
    heavy = " and ".join(sorted(set(done.stdout.decode("utf-8", "replace").split()) & set(HEAVY)))
    if heavy:  # a plugin file is imported only where it is named
        kind = CheckWarning if is_file else CheckError
        raise kind(f"imports {heavy} at the top, which makes --help slow; import inside its functions")


def check_command_names(subject: Subject) -> None:
    """Every name that it uses is defined in its module, and it prints what it has to say.

    The checks do not run it, since it may do anything.
    """
    function: Any = inspect.unwrap(subject.component)
    code = list(dis.get_instructions(function))
    known = {*vars(builtins), *function.__globals__}
    unknown = {each.argval for each in code if each.opname == "LOAD_GLOBAL"} - known
    expect(not unknown, f"names that its file defines or imports; {', '.join(sorted(unknown))} is not")
    returned = [before for before, each in pairwise(code) if each.opname == "RETURN_VALUE"]
    if any(before.argval is not None for before in returned):
        raise CheckWarning("returns a value, which is not shown; print it, see textgen.cli.console")


def command_of(subject: Subject) -> Any:
    """Return a command as Typer builds it; raises `CheckError` if it cannot."""
    expect(inspect.isfunction(subject.component), f"a function; got {shown(subject.component)}")
    app = typer.Typer(add_completion=False)
    with reworded("expected annotations that Typer knows; got:", Exception):
        app.command()(with_plugin_files(subject.component))
        return typer.main.get_command(app)
