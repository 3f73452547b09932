"""What holds for components of every kind: methods, a docstring, options that users can write."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from torch import nn

from textgen.api import TextgenError
from textgen.options import declared_options, parse_assignments
from textgen.testing.building import built
from textgen.testing.exam import add
from textgen.testing.expectations import CheckError, require, shown
from textgen.testing.randomness import kept

METHODS = {
    "tokenizer": ("fit", "encode", "decode", "state", "restore"),
    "model": ("initial_state", "forward"),
    "embedding": ("vectors",),
    "sampler": (),  # it is called, or has `begin`
    "corpus": ("read",),
    "cleaner": ("clean",),
}
"""What components of a kind must have, see `textgen.api`."""

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

GIVEN = {"model": ("vocab_size", "vectors")}
"""The arguments that textgen itself gives to components of a kind."""


def check_contract(kind: str, component: Any, /, **options: Any) -> None:
    """It is a class, can be built, and has the methods of its kind.

    Without them it fails in the middle of a run.
    """
    require(inspect.isclass(component), f"expected a class, got {shown(component)}")
    with kept():
        made = built(kind, component, **options)
    missing = [name for name in METHODS[kind] if not callable(getattr(made, name, None))]
    if kind == "tokenizer" and "fit" not in missing:
        made.fit("a b")
        missing += [] if hasattr(made, "tokens") else ["tokens"]
    if kind == "embedding" and not hasattr(made, "frozen"):
        missing.append("frozen")
    if kind == "sampler" and not callable(made) and not callable(getattr(made, "begin", None)):
        missing.append("__call__ (or begin)")
    if kind == "model":
        require(isinstance(made, nn.Module), f"expected a torch.nn.Module; got {shown(made)}")
    require(not missing, f"expected the methods of a {kind}; missing: {', '.join(missing)}")


def check_docstring(kind: str, component: Any, /, **options: Any) -> None:  # noqa: ARG001
    """It has a docstring.

    The first line is what users see of it in lists.
    """
    documentation = (component.__doc__ or "").strip()
    is_generated = documentation.startswith(f"{component.__name__}(")  # by dataclasses
    require(bool(documentation) and not is_generated, f"expected a docstring of {component.__name__}")


def check_options(kind: str, component: Any, /, **options: Any) -> None:  # noqa: ARG001
    """Each argument has a default, and each option's default can be written out and read back.

    An option is an argument whose default is a bool, int, float, str or None; else users cannot set it.
    """
    try:
        declared = declared_options(component)
        parameters = inspect.signature(component).parameters
    except (NameError, TypeError, ValueError) as error:
        raise CheckError(f"expected annotations that can be resolved at run time; got: {error}") from error
    for name, parameter in parameters.items():
        is_given = name in GIVEN.get(kind, ()) or parameter.kind in MANY
        require(
            is_given or parameter.default is not parameter.empty,
            f"expected a default for the argument {name}, which users need not give; it has none",
        )
    for name, option in declared.items():
        try:
            read = option.parse(component.__name__, parse_assignments(f"{name}={option.default}")[name])
        except TextgenError as error:
            raise CheckError(f"expected a default of {name} that users can write; got: {error}") from error
        require(
            read == option.default,
            f"expected {name}={option.default} to be read as {option.default!r}; got {read!r}",
        )


for kind_of_component in METHODS:
    for function in (check_contract, check_docstring, check_options):
        name_of_check = function.__name__.removeprefix("check_")
        bound = functools.partial(function, kind_of_component)
        functools.update_wrapper(bound, function)
        add(kind_of_component, f"{kind_of_component}-{name_of_check}", bound)
