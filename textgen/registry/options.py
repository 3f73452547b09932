"""Options of components: declared by their signatures, written as `name:option=value,…`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from textgen.contracts import Search, TextgenError
from textgen.registry.registry import contract_error, load
from textgen.runtime.messages import one_line, unknown

PLAIN = (bool, int, float, str, type(None))
LARGEST = 1e100
"""The largest value of an option, so that sums and squares of numbers are numbers."""
ITEM = re.compile(r'(?:[^,"]|"[^"]*"|")+')
"""One assignment of a list; a comma between quotes does not end it."""
QUOTED = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class Option:
    """One option that a component declares."""

    name: str
    annotation: Any
    default: Any

    @property
    def search(self) -> Search | None:
        """The search space that the component declares, or None."""
        return next((item for item in metadata(self.annotation) if isinstance(item, Search)), None)

    def parse(self, owner: str, text: str) -> Any:
        """Return the value written as `text`; raises `TextgenError` if its type or range is wrong."""
        from pydantic import TypeAdapter, ValidationError

        value = None if text.lower() == "none" and self.default is None else text
        try:
            # Infinity is refused, since JSON cannot hold it.
            found = TypeAdapter(self.annotation, config={"allow_inf_nan": False}).validate_python(value)
            if not isinstance(found, (int, float)) or abs(found) <= LARGEST:
                return found
            reason = f"at most {LARGEST:g} is allowed"  # which can be saved
        except ValidationError as error:
            reason = error.errors()[0]["msg"].lower().partition(", unable")[0]
        raise TextgenError(
            f"{owner} option {self.name}={text}: {reason} (the default is {write_value(self.default)})"
        )


def declared_options(component: Any) -> dict[str, Option]:
    """Return the options of a component: the arguments of its `__init__` with plain types and defaults.

    Raises `PluginError` if an annotation cannot be resolved.
    """
    try:
        hints = get_type_hints(component.__init__, include_extras=True)
        parameters = inspect.signature(component).parameters
    except Exception as error:
        raise contract_error(component, f"has options that cannot be read: {one_line(error)}") from error
    return {
        name: Option(name, hints.get(name, type(parameter.default)), parameter.default)
        for name, parameter in parameters.items()
        if isinstance(parameter.default, PLAIN) and is_plain(hints.get(name, type(parameter.default)))
    }


def is_plain(annotation: Any) -> bool:
    """Return whether values of a type can be written in an entry: plain types, Literals, their unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return is_plain(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return all(map(is_plain, get_args(annotation)))
    return origin is Literal or annotation in PLAIN


def metadata(annotation: Any) -> Iterator[Any]:
    """Yield the metadata in `Annotated` types, including those of the members of a union."""
    if get_origin(annotation) is Annotated:
        base, *items = get_args(annotation)
        yield from items
        yield from metadata(base)
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from metadata(member)


def write_value(value: bool | int | float | str | None) -> str:
    """Return a value as text for an entry, which `Option.parse` reads as the same value."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.10g}"
    return f'"{value}"' if "," in str(value) else str(value)


def parse_assignments(owner: str, text: str) -> dict[str, str]:
    """Return `a=1,b=2` as a dictionary; raises `TextgenError`, which names the owner, for anything else.

    A value with a comma is written in double quotes: `start="runs/a,b"`.
    """
    assignments: dict[str, str] = {}
    for item in ITEM.findall(text):
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise TextgenError(
                f"{owner}: cannot read option {item!r}; write option=value, separated by commas"
            )
        if name.strip() in assignments:
            raise TextgenError(f"{owner}: option {name.strip()!r} is given twice; leave one of them out")
        assignments[name.strip()] = (
            QUOTED.sub(r"\1", value) if QUOTED.fullmatch(value := value.strip()) else value
        )
    return assignments


def unknown_option(name: str, components: Iterable[Any]) -> str:
    """Return the one-line message for an option that none of the components declares."""
    return unknown("option", name, {option for each in components for option in declared_options(each)})


def read_spec(kind: str, spec: str) -> tuple[Any, dict[str, Any]]:
    """Return the component of a spec such as `top-p:p=0.9,temperature=0.8`, and its options."""
    name, _, text = spec.partition(":")
    component = load(kind, name)
    declared = declared_options(component)
    options = {}
    for option, value in parse_assignments(f"{kind} {name!r}", text).items():
        if option not in declared:
            raise TextgenError(f"{kind} {name!r}: {unknown_option(option, [component])}")
        options[option] = declared[option].parse(f"{kind} {name!r}", value)
    return component, options


def build(kind: str, spec: str) -> Any:
    """Return a new component made from a spec such as `top-p:p=0.9,temperature=0.8`."""
    component, options = read_spec(kind, spec)
    try:
        return component(**options)
    except TypeError as error:
        if error.__traceback__ and error.__traceback__.tb_next is None:  # raised by the call, not in it
            raise contract_error(component, f"cannot be built: {one_line(error, with_type=False)}") from None
        raise
