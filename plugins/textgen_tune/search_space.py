"""The search space of a study: which options are searched, and which of their values may be tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le

from textgen.contracts import Search, TextgenError
from textgen.experiment.entry import Entry
from textgen.registry.options import Option, declared_options, metadata, write_value
from textgen.registry.registry import load
from textgen.runtime.messages import unknown
from textgen.training.train_options import TrainOptions
from textgen_tune.result import Dimension, Value


@dataclass(frozen=True)
class Candidate:
    """An option that could be searched."""

    name: str
    """As in an entry: `dropout`, or `model.dropout` if two parts have one."""
    owner: str
    """The component that it belongs to, for messages."""
    option: Option
    default: Any
    is_fixed: bool = False
    """True if the user has chosen its value."""

    def parse(self, text: str) -> Any:
        """Return the value that `text` stands for; raises `TextgenError` if it is not allowed."""
        return self.option.parse(self.owner, text)


def candidates(entry: Entry) -> list[Candidate]:
    """Return the options of an entry's parts and of its training, each under its shortest clear name.

    Those of parts are fixed if the entry starts from a run, whose shapes they have.
    """
    declared = {part: declared_options(load(kind, name)) for part, (kind, name) in entry.components.items()}
    if entry.is_trainable:
        declared["train"] = declared_options(TrainOptions)
    training = vars(entry.train_options())
    owners = [option for options in declared.values() for option in options]
    return [
        Candidate(
            name=name if owners.count(name) == 1 else f"{part}.{name}",
            owner="{} {!r}".format(*entry.components[part]) if part in entry.components else "training",
            option=option,
            default=training[name] if part == "train" else option.default,
            is_fixed=name in entry.options.get(part, {}) or (part != "train" and bool(training.get("start"))),
        )
        for part, options in declared.items()
        for name, option in options.items()
    ]


def dimensions(candidates: Sequence[Candidate], chosen: str | None, entry: str) -> tuple[Dimension, ...]:
    """Return the options to search: those with a declared range, or those of `chosen`.

    `chosen` is written as `rate=1e-4..1e-2,size`. Options with a fixed value are never searched. Raises
    `TextgenError` for an unknown name, an invalid range, and if nothing is left to search in `entry`.
    """
    if chosen is None:
        wanted = {each.name: "" for each in candidates if each.option.search and not each.is_fixed}
    else:
        wanted = dict(_read(chosen))
    by_name = {each.name: each for each in candidates}
    searched = []
    for name, text in wanted.items():
        if name not in by_name:
            raise TextgenError(f"--search: {unknown('option', name, by_name)}")
        if by_name[name].is_fixed:
            raise TextgenError(f"--search: {name} already has a value in {entry!r}; leave one of them out")
        searched.append(_asked(by_name[name], text) if text else _declared(by_name[name]))
    if not searched:
        raise TextgenError(f"{entry!r} has no options left to search; name some with --search NAME=LOW..HIGH")
    return tuple(searched)


def spell(entry: str, searched: Sequence[Dimension], params: Mapping[str, Value]) -> str:
    """Return an entry with the options that differ from their defaults."""
    changed = [
        f"{each.option}={write_value(params[each.option])}"
        for each in searched
        if params[each.option] != each.default
    ]
    return entry + (":" if ":" not in entry else ",") * bool(changed) + ",".join(changed)


def _declared(candidate: Candidate) -> Dimension:
    """Return the dimension that a component declares, widened to hold the default."""
    search = candidate.option.search or Search()
    default, name = candidate.default, candidate.name
    if values := search.values or _choices(candidate.option.annotation):
        return Dimension(option=name, default=default, values=tuple(dict.fromkeys((default, *values))))
    low, high = search.low, search.high
    for item in metadata(candidate.option.annotation):
        low = item.ge if low is None and isinstance(item, Ge) else low  # type: ignore[assignment]
        high = item.le if high is None and isinstance(item, Le) else high  # type: ignore[assignment]
    if low is None or high is None or isinstance(default, str | None):
        raise TextgenError(
            f"--search: {name} has no range of its own; give one, such as {name}=LOW..HIGH or {name}=A|B|C"
        )
    ends = [candidate.parse(f"{end:.10g}") for end in (min(low, default), max(high, default))]
    return Dimension(
        option=name, default=default, low=ends[0], high=ends[1], log=search.log, step=search.step
    )


def _asked(candidate: Candidate, text: str) -> Dimension:
    """Return the dimension that the user writes as `1e-4..1e-2` or `muon|adamw`."""
    name, default = candidate.name, candidate.default
    first, dots, last = text.partition("..")
    if not dots:
        values = tuple(dict.fromkeys(candidate.parse(value.strip()) for value in text.split("|")))
        has_choice = len(values) > 1
        asked = Dimension(option=name, default=default, values=values)
    else:
        low, high = candidate.parse(first.strip()), candidate.parse(last.strip())
        if any(isinstance(end, bool | str | None) for end in (low, high)):
            raise TextgenError(f"--search: {name}={text} is not a range of numbers; write A|B|C")
        search = candidate.option.search or Search()
        # Unless the component says otherwise, a range over two decades is searched on a log scale.
        log = low > 0 and (search.log or high >= 100 * low)
        has_choice = low < high
        asked = Dimension(option=name, default=default, low=low, high=high, log=log, step=search.step)
    if not has_choice:
        raise TextgenError(f"--search: {name}={text} leaves nothing to choose; give a wider range")
    return asked


def _read(chosen: str) -> Iterator[tuple[str, str]]:
    """Yield name and description of each option in `a=1..2,b`; the description may be empty."""
    seen = set[str]()
    for item in filter(None, map(str.strip, chosen.split(","))):
        name, _, text = map(str.strip, item.partition("="))
        if name in seen:
            raise TextgenError(f"--search: {name} is given twice; leave one of them out")
        seen.add(name)
        yield name, text


def _choices(annotation: Any) -> tuple[Value, ...]:
    """Return every value of a bool or Literal; nothing for other types."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if annotation is bool:
        return False, True
    return get_args(annotation) if get_origin(annotation) is Literal else ()
