"""Checks of components of every kind: methods, a docstring, options that users can write."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from typing import Any

from torch import nn

from textgen.contracts import TextgenError
from textgen.registry.kinds import REQUIRED, fault
from textgen.registry.options import declared_options, parse_assignments, write_value
from textgen.testing.asserts import CheckError, require, shown
from textgen.testing.builders import built, fitted
from textgen.testing.runner import add
from textgen.testing.texts import PROSE

__tracebackhide__ = True

MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

GIVEN = {"model": ("vocab_size", "vectors", "tokens", "fallback")}
"""Kind of component: the arguments that textgen passes itself."""


def check_docstring(kind: str, component: Any, /, **options: Any) -> None:  # noqa: ARG001
    """It has a docstring.

    Lists show its first line.
    """
    documentation = (component.__doc__ or "").strip()
    name = getattr(component, "__name__", shown(component))
    is_generated = documentation.startswith(f"{name}(")  # by dataclasses
    require(bool(documentation) and not is_generated, f"expected a docstring of {name}")


def check_options(kind: str, component: Any, /, **options: Any) -> None:  # noqa: ARG001
    """Each argument has a default, and each option's default can be written out and read back.

    Users can set an argument whose default is a bool, int, float, str or None.
    """
    try:
        declared = declared_options(component)
        parameters = inspect.signature(component).parameters
    except (NameError, TypeError, ValueError) as error:
        raise CheckError(f"expected annotations that resolve at run time; got: {error}") from error
    for name, parameter in parameters.items():
        is_given = name in GIVEN.get(kind, ()) or parameter.kind in MANY
        require(
            is_given or parameter.default is not parameter.empty,
            f"expected a default for the argument {name}, which users may leave out; it has none",
        )
    for name, option in declared.items():
        written = f"{name}={write_value(option.default)}"
        try:
            read = option.parse(component.__name__, parse_assignments(component.__name__, written)[name])
        except TextgenError as error:
            raise CheckError(f"expected a default of {name} that users can write; got: {error}") from error
        require(read == option.default, f"expected {written} to be read as {option.default!r}; got {read!r}")


def check_search(kind: str, component: Any, /, **options: Any) -> None:  # noqa: ARG001
    """The values that an option declares to be searched are valid.

    Otherwise every `textgen tune` of the component loses trials or fails.
    """
    for name, option in declared_options(component).items():
        if (search := option.search) is None:
            continue
        ends = [end for end in (search.low, search.high) if end is not None]
        require(ends == sorted(ends), f"expected a range from low to high of {name}; got {search}")
        for value in search.values or ends:
            try:
                option.parse(component.__name__, write_value(value))
            except TextgenError as error:
                raise CheckError(f"expected a searched value of {name} to be valid; got: {error}") from error


def check_contract(kind: str, component: Any, /, **options: Any) -> None:
    """It is a class, has the methods of its kind, and can be built.

    Otherwise it fails in the middle of a run.
    """
    problem = fault(kind, component)
    require(problem is None, f"expected a class with the methods of a {kind}; {problem}")
    made = built(kind, component, **options)
    if kind == "model":
        require(isinstance(made, nn.Module), f"expected a torch.nn.Module; got {shown(made)}")
    if kind == "embedding":
        require(hasattr(made, "frozen"), f"expected an attribute frozen; {shown(made)} lacks it")
    if kind == "tokenizer":
        made = fitted(component, PROSE, **options)
        require(hasattr(made, "tokens"), f"expected tokens after fit; {shown(made)} lacks them")
        is_row = isinstance(made.tokens, Sequence) and not isinstance(made.tokens, str)
        kind_of_tokens = type(made.tokens).__name__
        require(is_row, f"expected a list or another sequence of strings as tokens; got {kind_of_tokens}")
        wrong = [token for token in made.tokens if not isinstance(token, str)]
        require(not wrong, f"expected strings in tokens; got {shown(wrong[:1])}")


for kind_of_component in REQUIRED:
    for function in (check_docstring, check_options, check_search, check_contract):
        name_of_check = function.__name__.removeprefix("check_")
        bound = functools.partial(function, kind_of_component)
        functools.update_wrapper(bound, function)
        add(kind_of_component, f"{kind_of_component}-{name_of_check}", bound, rests_on_contract=False)
