"""The run that an entry starts from (`start=`): which one it is, what it has read, and its weights.

The vocabulary of a run only grows, so that its tokens keep their ids: of a tensor that is larger in the new
model, the beginning of each dimension is that of the run, and the rest is what it is in a new model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_again
from textgen.evaluation.memorization import find_overlap
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import Origin
from textgen.experiment.saved_run import RunManifest, SavedRun, read_manifest
from textgen.nn.language_model import LanguageModel
from textgen.nn.weights import weights_of
from textgen.registry.options import parse_assignments, write_value
from textgen.runtime.storage.cache import cache_folder
from textgen.runtime.storage.files import DIGESTS


def start_of(entry: Entry) -> str | None:
    """Return what an entry starts from; None if it starts from nothing."""
    start: str | None = entry.options.get("train", {}).get("start")
    return start


def text_and_budget(start: str | None) -> tuple[str, str] | None:
    """Return the text and the budget of a start such as `wiki@2m`; None if it is a run, or there is none."""
    source, at, budget = (start or "").rpartition("@")
    return (source, budget) if at and not Path(start or "").exists() else None


def origin_entry(entry: Entry) -> str:
    """Return the entry whose run `wiki@2m` means: the trained models of this one, trained by default."""
    models = [name for part, name in entry.models.items() if part in entry.trained]
    names = [entry.parts["tokenizer"], "+".join(models), *filter(None, [entry.parts.get("embedding")])]
    options = {
        (part if len(models) > 1 or part not in entry.models else "model", name): value
        for part, values in entry.options.items()
        if part in (*entry.trained, "tokenizer", "embedding")
        for name, value in values.items()
    }
    written = ",".join(f"{part}.{name}={write_value(value)}" for (part, name), value in options.items())
    return "-".join(names) + f":{written}" * bool(written)


def origin_folder(entry: Entry) -> Path:
    """Return the folder of the run that an entry starts from: the one it names, or one in the cache."""
    start = start_of(entry) or ""
    if text_and_budget(start) is None:
        return Path(start)
    code = {entry.code[part] for part in (*entry.trained, "tokenizer")}
    identity = repr((origin_entry(entry), start, sorted(code)))
    return cache_folder() / "origins" / hashlib.sha256(identity.encode()).hexdigest()[:32]


def started_from(name: str, run: Path) -> str:
    """Return the entry of this name as one that starts from a run."""
    head, _, written = name.partition(":")
    options = parse_assignments(f"entry {name!r}", written)
    kept = {option: value for option, value in options.items() if option.removeprefix("train.") != "start"}
    assigned = (f"{option}={write_value(value)}" for option, value in (kept | {"start": str(run)}).items())
    return f"{head}:{','.join(assigned)}"


def origin_of(entry: Entry) -> Origin | None:
    """Return what an entry starts from; raises `TextgenError` if its run is missing."""
    if start_of(entry) is None:
        return None
    folder = origin_folder(entry)
    manifest = _manifest(entry, folder)
    train, settings = manifest.result.train, manifest.settings
    return Origin(
        entry=manifest.entry.name,
        corpus=settings.corpus.name,
        text_sha256=settings.corpus.split.train.sha256,
        budget=settings.budget,
        num_chars=train.num_chars,
        seconds=train.seconds,
        sha256=hashlib.sha256((folder / DIGESTS).read_bytes()).hexdigest(),
    )


def _manifest(entry: Entry, folder: Path) -> RunManifest:
    try:
        return read_manifest(folder)
    except TextgenError as error:
        raise TextgenError(f"entry {entry.name!r} starts from a run that cannot be read: {error}") from error


def with_overlap(entry: Entry, corpus: Corpus) -> Origin | None:
    """Return what an entry starts from, and the share of the scored text that is in its training text."""
    if (origin := origin_of(entry)) is None:
        return None
    manifest = _manifest(entry, origin_folder(entry))
    info = manifest.settings.corpus
    with suppress(TextgenError):  # its text is gone
        read = load_again(manifest.sources, info)
        if read.info.split.train.sha256 == origin.text_sha256:
            found = find_overlap(corpus.split.held_out.stretches(), read.split.train.text)
            return replace(origin, overlap=found.share)
    return origin


def with_options_of_origin(entry: Entry) -> Entry:
    """Return an entry with the options of the run that it starts from, unless it has its own.

    Raises `TextgenError` if the run is missing, or is one of other models.
    """
    start = start_of(entry)
    if start is None or text_and_budget(start):
        return entry
    origin = _manifest(entry, Path(start)).entry
    trained, known = {entry.models[part] for part in entry.trained}, set(origin.models.values())
    if trained - known or origin.parts["tokenizer"] != entry.parts["tokenizer"]:
        raise TextgenError(
            f"entry {entry.name!r} cannot start from {start!r} ({origin.name!r}); tokenizer and trained "
            "models must be the same"
        )
    parts = {name: part for part, name in origin.models.items()}
    options = dict(entry.options)
    for part in ("tokenizer", *entry.trained):
        theirs = origin.options.get(part if part == "tokenizer" else parts[entry.models[part]], {})
        if merged := {**theirs, **entry.options.get(part, {})}:
            options[part] = merged
    copies = origin.num_copies if not entry.says_copies else entry.num_copies
    return replace(entry, options=options).with_copies(copies)


def start_members(
    entry: Entry, members: Sequence[LanguageModel], origin: SavedRun, counts: NDArray[np.int64]
) -> None:
    """Give the models that are trained the weights of those of the run they start from, by name and copy.

    `counts` [vocab_size] are those of the text, from which predictions of new tokens start. Raises
    `TextgenError` if they have another form.
    """
    parts = {name: part for part, name in origin.entry.models.items()}
    theirs = dict(zip(origin.entry.members.values(), origin.model.reader.members, strict=True))
    for (part, copy), member in zip(entry.members.values(), members, strict=True):
        if part not in entry.trained:
            continue
        other = theirs[parts[entry.models[part]], copy % origin.entry.num_copies]
        weights = weights_of(other.module)
        member.set_token_counts(counts)
        try:
            grown = _grown(weights, member.module.state_dict(), len(counts) - origin.tokenizer.vocab_size)
            member.module.load_state_dict(grown, strict=False)
        except ValueError as error:
            message = f"entry {entry.name!r} cannot start from {start_of(entry)!r}: {error}"
            raise TextgenError(f"{message}; use the options of that run") from error


def _grown(weights: Mapping[str, Tensor], state: Mapping[str, Tensor], num_new: int) -> dict[str, Tensor]:
    """Return weights for a model with this state, which has `num_new` more tokens; raises `ValueError`."""
    grown = {}
    for name, value in weights.items():
        new = state[name].clone() if name in state else value.new_empty(0)
        if new.shape != value.shape and new.shape != (len(value) + num_new, *value.shape[1:]):
            raise ValueError(f"{name} has shape {list(value.shape)} there and {list(new.shape)} here")
        new[tuple(slice(size) for size in value.shape)] = value.to(new.device)
        grown[name] = new
    return grown
