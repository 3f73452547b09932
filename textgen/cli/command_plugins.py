"""Commands of plugins: found by name, imported only when they run or when help lists them."""

from __future__ import annotations

import inspect
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer
import typer.main
from typer.core import TyperGroup

from textgen import defaults
from textgen.cli.options import PluginFiles, load_plugins
from textgen.contracts import TextgenError
from textgen.runtime.messages import one_line
from textgen.runtime.output import note, results_apart

if TYPE_CHECKING:
    from textgen.registry.registry import Plugin


DAILY, OTHERS = "Daily commands", "Other commands"
"""The panels of the help."""


class Commands(UserDict[str, Any]):
    """The commands of a group by name, the built-in ones first; those of plugins are built when asked for."""

    def __init__(self, built_in: Mapping[str, Any], prefix: str) -> None:
        super().__init__(built_in)
        self._prefix = prefix

    def __getitem__(self, name: str) -> Any:
        """Return a command; raises `TextgenError` if it is that of a plugin that cannot be used."""
        if name in self.data:
            return self.data[name]
        if name not in self._of_plugins():
            raise KeyError(name)
        from textgen.registry.registry import find

        return built(find("command", self._prefix + name), name)

    def __contains__(self, name: object) -> bool:
        return name in self.data or name in self._of_plugins()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.data, *self._of_plugins()]))

    def is_built_in(self, name: str) -> bool:
        """Return whether a command is not that of a plugin."""
        return name in self.data

    def _of_plugins(self) -> list[str]:
        """Return the names that plugins have in this group, without those of a group below it."""
        from textgen.registry.registry import names

        below = tuple(f"{group}." for group in defaults.COMMAND_GROUPS) if not self._prefix else ()
        return [
            name.removeprefix(self._prefix)
            for name in names("command")
            if name.startswith(self._prefix) and not name.startswith(below)
        ]

    def problems(self) -> dict[str, str]:
        """Return why some commands of plugins cannot be used, after importing all of them."""
        from textgen.registry.registry import find

        found = {}
        for name in self._of_plugins():
            try:
                built(find("command", self._prefix + name), name)
            except TextgenError as error:
                found[name] = str(error)
        return found


class PluginGroup(TyperGroup):
    """A group to which plugins add commands: `check` is added to `plugins` by the plugin `plugins.check`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._is_below = self.name in defaults.COMMAND_GROUPS
        self.commands: Any = Commands(self.commands, f"{self.name}." if self._is_below else "")

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands that work, the daily ones first; for others there is a line on stderr."""
        problems = self.commands.problems()
        if not ctx.resilient_parsing:  # for the shell, which completes a word
            for problem in problems.values():
                note(f"skipped: {problem}")
        usable = [name for name in self.commands if name not in problems or self.commands.is_built_in(name)]
        daily = [name for name in defaults.DAILY_COMMANDS if name in usable and not self._is_below]
        return [*daily, *(name for name in usable if name not in daily)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; what others print in a built-in one goes to stderr. None without one."""
        found: Any = super().get_command(ctx, cmd_name)
        if found is None:
            return None
        command = copy(found)
        if command.callback and self.commands.is_built_in(cmd_name):
            command.callback = results_apart()(command.callback)
        if not self._is_below:
            command.rich_help_panel = DAILY if cmd_name in defaults.DAILY_COMMANDS else OTHERS
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command and its arguments; plugin files are loaded if its name is unknown without them."""
        if args[0] not in self.commands:
            with suppress(*([TextgenError] if ctx.resilient_parsing else [])):
                load_plugins(_plugin_files(args[1:]))
        return super().resolve_command(ctx, args)


def built(plugin: Plugin, name: str) -> Any:
    """Return the command of a plugin; raises `TextgenError` if it cannot be loaded or is not valid.

    What others print in one of textgen's own goes to stderr.
    """
    from textgen.registry.registry import PluginError, load

    function = load("command", plugin.name)
    function = results_apart()(function) if plugin.is_own else function
    app = typer.Typer(add_completion=False)
    try:
        app.command(name)(with_plugin_files(function))
        return typer.main.get_command(app)
    except Exception as error:
        raise PluginError(f"{plugin} is not a valid command: {one_line(error)}") from error


def with_plugin_files(function: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the option `--plugin`, whose files are loaded before it runs.

    One with a parameter of that name has it already. What the function returns is not the exit code.
    """
    parameters = inspect.signature(function).parameters
    hints = get_type_hints(function, include_extras=True)

    @wraps(function)
    def command(**values: Any) -> None:
        if "plugin" not in parameters:
            load_plugins(values.pop("plugin"))
        function(**values)

    files = inspect.Parameter("plugin", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=PluginFiles)
    all_of_them = [
        each.replace(annotation=hints.get(name, each.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
        for name, each in ({**parameters, "plugin": parameters.get("plugin", files)}).items()
    ]
    vars(command)["__signature__"] = inspect.Signature(all_of_them)
    command.__annotations__ = {each.name: each.annotation for each in all_of_them}
    return command


def _plugin_files(arguments: Sequence[str]) -> list[Path]:
    """Return the files that `--plugin` names in arguments whose command is not known yet."""
    given = [word.removeprefix("--plugin=") for word in arguments if word.startswith("--plugin=")]
    after = [word for before, word in pairwise(arguments) if before == "--plugin"]
    return [Path(name) for name in (*given, *after)]
