"""Entries: `[N*]<tokenizer>-<model>[+<model>…][-<embedding>][:option=value,…]`, read and built."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from textgen.contracts import Embedding, PretrainedVectors, TextgenError, Vocabulary
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.vocabulary import continues_spelling
from textgen.nn.combination import Average, CombinedModel
from textgen.nn.language_model import LanguageModel, ModelClass
from textgen.nn.mixture import MixtureModel
from textgen.nn.speller import Speller
from textgen.nn.spelling_model import SpellingModel
from textgen.registry.attribution import contract_error
from textgen.registry.options import declared_options, parse_assignments, unknown_option
from textgen.registry.registry import PluginError, find, load, names, unknown_name
from textgen.runtime.messages import one_line, shortened, unknown, with_article
from textgen.training.train_options import TrainOptions

PARTS = ("tokenizer", "model", "embedding")
GRAMMAR = "<tokenizer>-<model>[+<model>…][-<embedding>]"
COPIES, MAX_COPIES = "*", 32
"""The sign between a number of copies and what is copied, and the largest number."""


@dataclass(frozen=True)
class Entry:
    """One contestant of a comparison: its components by name, and the options of each part."""

    name: str
    """As the user wrote it."""
    parts: dict[str, str]
    """Kind of component: its name. `embedding` is there only if the entry has one; the model of a mixture is
    written as `lstm+ngram`, and with three copies of those that are trained as `3*lstm+ngram`. Without a
    number, the budget decides."""
    options: dict[str, dict[str, Any]]
    """Part (a kind of component, the name of a model in a mixture, or `train`): its options."""

    @property
    def components(self) -> dict[str, tuple[str, str]]:
        """The kind and name of each component by part; each member of a mixture is a part of its own."""
        models = self.parts["model"].rpartition(COPIES)[2].split("+")
        members = {name if len(models) > 1 else "model": ("model", name) for name in models}
        embedding = {kind: (kind, name) for kind, name in self.parts.items() if kind == "embedding"}
        return {"tokenizer": ("tokenizer", self.parts["tokenizer"]), **members, **embedding}

    @property
    def models(self) -> dict[str, str]:
        """The name of each model, by part: one model, or the members of a mixture."""
        return {part: name for part, (kind, name) in self.components.items() if kind == "model"}

    @property
    def says_copies(self) -> bool:
        """True if the entry says how many copies it has of each model that is trained by gradient."""
        return COPIES in self.parts["model"]

    @property
    def num_copies(self) -> int:
        """The number of copies of each model that is trained by gradient; 1 if the entry does not say."""
        return int(self.parts["model"].rpartition(COPIES)[0] or 1)

    def with_copies(self, number: int) -> Entry:
        """Return the entry with this number of copies of each model that is trained by gradient."""
        models = self.parts["model"].rpartition(COPIES)[2]
        return replace(
            self, parts={**self.parts, "model": f"{number}{COPIES}{models}" if number > 1 else models}
        )

    @property
    def members(self) -> dict[str, tuple[str, int]]:
        """What is trained or counted, in order: its part, and the number of the copy from 0, by a name.

        The second of three copies has the name `lstm-2of3`.
        """
        trained = self.trained
        numbers = {part: self.num_copies if part in trained else 1 for part in self.models}
        return {
            f"{part}-{copy + 1}of{number}" if number > 1 else part: (part, copy)
            for part, number in numbers.items()
            for copy in range(number)
        }

    def build_tokenizer(self) -> BoundTokenizer:
        """Return a new tokenizer, not yet fitted."""
        return BoundTokenizer(self._build("tokenizer"))

    def build_embedding(self) -> Embedding | None:
        """Return the embedding, or None if the entry has none."""
        return self._build("embedding") if "embedding" in self.parts else None

    def build_model(
        self, vocabulary: Vocabulary, vectors: PretrainedVectors | None = None, *, is_loaded: bool = False
    ) -> LanguageModel:
        """Return a new model, or with `is_loaded` one whose weights are those of a run.

        Raises `TextgenError` if it has no use for `vectors`.
        """
        if vectors is not None and not self.accepts_vectors:
            raise TextgenError(f"model {self.parts['model']!r} in {self.name!r} takes no embedding")
        built: dict[str, list[LanguageModel]] = {part: [] for part in self.models}
        # All first copies get the weights that they would have without others.
        for part, _ in sorted(self.members.values(), key=lambda member: member[1]):
            built[part].append(self._build_member(part, vocabulary, vectors, is_loaded=is_loaded))
        members = {
            part: copies[0] if len(copies) == 1 else CombinedModel(Average(copies))
            for part, copies in built.items()
        }
        model = MixtureModel(members, vocabulary) if len(members) > 1 else next(iter(members.values()))
        if not vocabulary.has_speller:
            return model
        speller = Speller(vocabulary.fallback, continues_spelling(vocabulary))
        return SpellingModel(model, speller, vocabulary.tokens)

    @property
    def accepts_vectors(self) -> bool:
        """True if a model can start from pretrained vectors."""
        return any(ModelClass(load("model", name)).accepts_vectors for name in self.models.values())

    @property
    def trained(self) -> tuple[str, ...]:
        """The parts that are models trained by gradient, under a budget; others are fitted in one pass."""
        return tuple(
            part
            for part, name in self.models.items()
            if ModelClass(load("model", name)).is_trainable(**self.options.get(part, {}))
        )

    @property
    def is_trainable(self) -> bool:
        """True if a model is trained by gradient."""
        return bool(self.trained)

    def train_options(self, part: str | None = None) -> TrainOptions:
        """Return how the model `part` (default: the first one that is trained by gradient) is trained.

        Its own recommendation comes first, then the entry's options.
        """
        part = part or next(iter([*self.trained, *self.models]))
        model = load("model", self.models[part])
        return TrainOptions(**{**recommended_training(model), **self.options.get("train", {})})

    def identities(self) -> dict[str, str]:
        """Return what identifies the code of each part: distribution, version and perhaps a hash."""
        return {part: find(kind, name).identity() for part, (kind, name) in self.components.items()}

    def _build_member(
        self, part: str, vocabulary: Vocabulary, vectors: PretrainedVectors | None, *, is_loaded: bool
    ) -> LanguageModel:
        component = ModelClass(load("model", self.models[part]))
        extra = component.told(vocabulary)
        if component.accepts_vectors and vectors is not None:
            extra["vectors"] = vectors
        left_out = component.init_only_options if is_loaded else ()
        module = self._build(part, len(vocabulary), left_out=left_out, **extra)
        return LanguageModel(module, len(vocabulary))

    def _build(self, part: str, *arguments: Any, left_out: Collection[str] = (), **extra: Any) -> Any:
        kind, name = self.components[part]
        component, options = load(kind, name), self.options.get(part, {})
        extra |= {name: value for name, value in options.items() if name not in left_out}
        try:
            return component(*arguments, **extra)
        except ValueError as error:
            where = find(kind, name).title
            raise TextgenError(f"{where} in {self.name!r}: {one_line(error, with_type=False)}") from error


def recommended_training(model: Any) -> dict[str, Any]:
    """Return the training options that a model recommends; raises `PluginError` for an invalid one."""
    declared = declared_options(TrainOptions)
    try:
        recommended = dict(ModelClass(model).recommended_training)
        for name, value in recommended.items():
            if name not in declared:
                raise TextgenError(unknown_option(name, [TrainOptions]))
            declared[name].parse("recommended_training:", str(value))
    except (TextgenError, TypeError, ValueError) as error:
        raise contract_error(model, f"recommends an invalid training option: {error}") from error
    return recommended


def parse_entry(text: str) -> Entry:
    """Read an entry; raises `TextgenError` with the nearest match for an unknown part."""
    name, _, assignments = text.strip().partition(":")
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
            others = names("model" if kind == "tokenizer" else "tokenizer")
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
            whole = f"; {word} is a whole entry, so it combines with nothing" if word in aliases else ""
            raise TextgenError(f"entry {text!r}: {unknown_name(kind, word)}{whole}")
    if twice := next((name for name in models if models.count(name) > 1), None):
        raise TextgenError(f"entry {text!r}: model {twice!r} is there twice; a mixture has different models")
    if "embedding" in entry.parts and not entry.accepts_vectors:
        raise TextgenError(f"entry {text!r}: model {entry.parts['model']!r} takes no embedding; leave it out")
    complete = assign_options(entry, options)
    if sign and not complete.is_trainable:
        raise TextgenError(
            f"entry {text!r}: copies of {parts['model']!r} would be equal, since it is not trained by "
            f"gradient descent; leave out {copies}*"
        )
    return complete


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
    return complete
