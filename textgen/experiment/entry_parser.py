"""The names of entries: `[N*]<tokenizer>-<model>[+<model>…][-<embedding>][:option=value,…]`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from textgen.contracts import TextgenError
from textgen.experiment.entry import COPIES, Entry
from textgen.nn.language_model import ModelClass
from textgen.registry.options import declared_options, parse_assignments, unknown_option
from textgen.registry.registry import PluginError, contract_error, find, load, names, unknown_name
from textgen.runtime.messages import shortened, unknown, with_article
from textgen.training.train_options import TrainOptions

PARTS = ("tokenizer", "model", "embedding")
GRAMMAR = "<tokenizer>-<model>[+<model>…][-<embedding>]"
MAX_COPIES = 32


def parse_entry(text: str) -> Entry:
    """Read an entry; raises `TextgenError` with the nearest match for an unknown part."""
    name, sign, assignments = text.strip().partition(":")
    if sign and name in names("yardstick"):
        raise TextgenError(f"{text!r} is a yardstick, not an entry; only bench can score it")
    options = parse_assignments(f"entry {text!r}", assignments)
    copies, sign, alias = name.rpartition(COPIES)
    if alias not in names("alias"):
        return _read(text.strip(), name, options)
    meaning = load("alias", alias)
    with blamed("alias", alias):
        meant_name, _, meant_assignments = meaning.partition(":")
        meant_options = parse_assignments(f"entry {meaning!r}", meant_assignments)
        _read(meaning, meant_name, meant_options)
    return _read(text.strip(), copies + sign + meant_name, meant_options | options)


def parse_reference(name: str) -> Entry:
    """Read the entry that a plugin of the kind `reference` names; raises `TextgenError`."""
    with blamed("reference", name):
        return parse_entry(load("reference", name))


def _models_alone() -> list[str]:
    """Return the models that need no other one; a broken plugin may be one."""
    alone = []
    for name in names("model"):
        with suppress(PluginError):
            if ModelClass(load("model", name)).accepts_base:
                continue
        alone.append(name)
    return alone


@contextmanager
def blamed(kind: str, name: str) -> Iterator[None]:
    """Say of an invalid entry that this plugin contains it."""
    try:
        yield
    except PluginError:
        raise
    except TextgenError as error:
        where, entry = find(kind, name), load(kind, name)
        raise PluginError(f"{where}, {entry!r}, is not a valid entry: {error}") from error


def _read(text: str, name: str, options: dict[str, str]) -> Entry:
    """Return the entry `text`, whose parts, and perhaps a number of copies, are written in `name`."""
    aliases = names("alias")
    copies, sign, name = name.rpartition(COPIES)
    if sign and copies not in map(str, range(1, MAX_COPIES + 1)):
        raise TextgenError(
            f"entry {text!r}: {copies + sign!r} is not a valid number of copies; begin with 1* to "
            f"{MAX_COPIES}*, as in 3*char-lstm"
        )
    words = name.split("-")
    if len(words) < 2:
        kind = next((kind for kind in PARTS if name in names(kind)), None)
        if kind in ("tokenizer", "model"):
            others = _models_alone() if kind == "tokenizer" else names("tokenizer")
            entries = [f"{name}-{other}" if kind == "tokenizer" else f"{other}-{name}" for other in others]
            raise TextgenError(f"{name!r} is only {with_article(kind)}; did you mean {' or '.join(entries)}?")
        problem = (
            f"{name!r} is only {with_article(kind)};" if kind else unknown("entry", name, aliases) + "; or"
        )
        parts_known = "; ".join(f"{kind}: {', '.join(names(kind))}" for kind in PARTS)
        raise TextgenError(f"{problem} write {GRAMMAR} with {parts_known}")
    if len(words) > len(PARTS):
        raise TextgenError(f"entry {name!r} has too many parts; write {GRAMMAR}")
    parts = dict(zip(PARTS, words, strict=False))
    models = parts["model"].split("+")
    entry = Entry(text, {**parts, "model": copies + sign + parts["model"]}, {})
    for kind, word in entry.components.values():
        if word not in names(kind):
            whole = f"; {word} is a whole entry and cannot be combined" if word in aliases else ""
            raise TextgenError(f"entry {text!r}: {unknown_name(kind, word)}{whole}")
    if twice := next((name for name in models if models.count(name) > 1), None):
        raise TextgenError(f"entry {text!r}: model {twice!r} is given twice; give each model once")
    _check_refinements(entry)
    if "embedding" in entry.parts and not entry.accepts_vectors:
        raise TextgenError(f"entry {text!r}: model {entry.parts['model']!r} takes no embedding; leave it out")
    complete = assign_options(entry, options)
    complete.try_parts()
    if sign and not complete.is_trainable:
        raise TextgenError(
            f"entry {text!r}: copies of {parts['model']!r} would be identical, since it is not trained by "
            f"gradient descent; leave out {copies}*"
        )
    return complete


def _check_refinements(entry: Entry) -> None:
    """Raise `TextgenError` unless what refines other models is to the right of at least one of them."""
    parts, refinements = list(entry.models), entry.refinements
    if len(refinements) == len(parts):
        name = entry.models[parts[0]]
        example = f"{entry.parts['tokenizer']}-ngram+{name}"
        raise TextgenError(f"entry {entry.name!r}: {name!r} refines another model; write {example}")
    if other := next(
        (part for part in parts[len(parts) - len(refinements) :] if part not in refinements), None
    ):
        raise TextgenError(
            f"entry {entry.name!r}: {refinements[0]!r} refines the models to its left; put it after {other!r}"
        )
    for part in refinements:
        component = entry.model_classes[part]
        if component.is_trainable():
            what = "refines other models, so nothing trains its parameters; make them buffers"
            raise contract_error(component.component, what)


def parse_entries(texts: Iterable[str]) -> tuple[list[Entry], dict[str, str]]:
    """Read entries, each once; return them, and by name the reason why a broken plugin rules others out.

    Raises `TextgenError` for the first invalid one, and `PluginError` if none can be used.
    """
    entries, broken = [], {}
    for text in dict.fromkeys(texts):
        try:
            entries.append(parse_entry(text))
        except PluginError as error:
            broken[text.strip()] = shortened(str(error))
    if not entries and broken:
        raise PluginError(next(iter(broken.values())))
    return entries, broken


def split_yardsticks(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return which of these are entries, and which are yardsticks such as `hf:models/gpt2`, each once."""
    known = names("yardstick")
    entries, yardsticks = list[str](), list[str]()
    for text in dict.fromkeys(text.strip() for text in texts):
        name, sign, _ = text.partition(":")
        (yardsticks if sign and name in known else entries).append(text)
    return entries, yardsticks


def assign_options(entry: Entry, options: dict[str, str]) -> Entry:
    """Return an entry with options, each given to the part that declares it.

    Raises `TextgenError` if no part declares an option, if two do and it is not qualified (`model.dropout`),
    if its value has the wrong type or is out of range, and if it is of training but the model is not trained
    by gradient descent.
    """
    named, message = entry.components, f"entry {entry.name!r}"
    components = {part: load(kind, name) for part, (kind, name) in named.items()} | {"train": TrainOptions}
    declared = {part: declared_options(component) for part, component in components.items()}
    assigned: dict[str, dict[str, Any]] = {}
    for written, value in options.items():
        part, _, option = written.rpartition(".")
        owners = [owner for owner in declared if option in declared[owner] and part in ("", owner)]
        if not owners:
            raise TextgenError(f"{message}: {unknown_option(written, components.values())}")
        if len(owners) > 1:
            ways = " or ".join(f"{owner}.{option}={value}" for owner in owners)
            raise TextgenError(f"{message}: option {option!r} belongs to two parts; write {ways}")
        owner = owners[0]
        where = f"{message}: {named[owner][1] if owner in named else 'training'}"
        assigned.setdefault(owner, {})[option] = declared[owner][option].parse(where, value)
    complete = replace(entry, options=assigned)
    if "train" in assigned and not complete.is_trainable:
        raise TextgenError(
            f"{message}: {', '.join(assigned['train'])} has no effect on the model {entry.parts['model']!r}, "
            "which is not trained by gradient descent; leave it out"
        )
    if complete.keeps_snapshots and (len(complete.models) > 1 or complete.num_copies > 1):
        raise TextgenError(
            f"{message}: snapshots need a single model, but {entry.parts['model']!r} consists of several; "
            "leave them out"
        )
    if "start" not in assigned.get("train", {}):
        return complete
    from textgen.experiment.origin import with_options_of_origin  # it can build models

    return with_options_of_origin(complete)
