"""Entries: what is compared, and how its tokenizer and models are built."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from textgen.contracts import Embedding, PretrainedVectors, TextgenError, Vocabulary
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.vocabulary import continues_spelling
from textgen.nn.language_model import LanguageModel, ModelClass
from textgen.nn.mixture import Average, CombinedModel, MixtureModel
from textgen.nn.refined_model import RefinedModel
from textgen.nn.spelling_model import Speller, SpellingModel
from textgen.registry.options import declared_options, unknown_option, write_value
from textgen.registry.registry import PluginError, contract_error, find, load
from textgen.runtime.messages import one_line
from textgen.runtime.storage.json_records import check_names
from textgen.training.train_options import TrainOptions

COPIES = "*"
"""The sign between a number of copies and what is copied."""


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

    def check(self) -> None:
        """Raise `ValueError` if a part is missing that every entry has."""
        check_names("parts", ["tokenizer", "model"], self.parts)

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
    def model_classes(self) -> dict[str, ModelClass]:
        return {part: ModelClass(load("model", name)) for part, name in self.models.items()}

    @property
    def says_copies(self) -> bool:
        """True if the entry says how many copies it has of each model that is trained by gradient."""
        return COPIES in self.parts["model"] or self.keeps_snapshots

    @property
    def keeps_snapshots(self) -> bool:
        """True if the weights at each validation are kept, which only a single model has."""
        return bool(self.options.get("train", {}).get("snapshots"))

    @property
    def num_copies(self) -> int:
        """The number of copies of each model that is trained by gradient; 1 if the entry does not say."""
        return int(self.parts["model"].rpartition(COPIES)[0] or 1)

    def with_copies(self, number: int) -> Entry:
        """Return the entry with this number of copies of each model that is trained by gradient."""
        models = self.parts["model"].rpartition(COPIES)[2]
        parts = {**self.parts, "model": f"{number}{COPIES}{models}" if number > 1 else models}
        return replace(self, parts=parts)

    @property
    def members(self) -> dict[str, tuple[str, int]]:
        """What is trained or counted, in order: its part, and the number of the copy from 0, by a name.

        The second of three copies has the name `lstm-2of3`.
        """
        trained, refinements = self.trained, self.refinements
        numbers = {
            part: self.num_copies if part in trained else 1 for part in self.models if part not in refinements
        }
        return {
            f"{part}-{copy + 1}of{number}" if number > 1 else part: (part, copy)
            for part, number in numbers.items()
            for copy in range(number)
        }

    @cached_property
    def refinements(self) -> tuple[str, ...]:
        """The parts that are models which refine the predictions of those to their left."""
        return tuple(part for part, each in self.model_classes.items() if each.accepts_base)

    @cached_property
    def reads_on(self) -> bool:
        """True if a model learns from the text that it reads."""
        return any(each.reads_on for each in self.model_classes.values())

    def build_tokenizer(self) -> BoundTokenizer:
        """Return a new tokenizer, not yet fitted; raises `TextgenError` if the entry knows of other code."""
        if self.code != replace(self).code:
            raise TextgenError(f"the code of {self.name!r} has changed during the command; run it again")
        return BoundTokenizer(self._build("tokenizer"))

    def build_embedding(self) -> Embedding | None:
        return self._build("embedding") if "embedding" in self.parts else None

    def try_parts(self) -> None:
        """Build what needs no text; raises `PluginError` for a reason that it tells, as a missing package."""
        for part in {"tokenizer", "embedding"} & self.parts.keys():
            try:
                self._build(part)
            except TextgenError as error:
                raise PluginError(str(error)) from error
            except Exception:  # a fault of the plugin, which its run tells
                continue

    def build_model(self, vocabulary: Vocabulary, vectors: PretrainedVectors | None = None) -> LanguageModel:
        """Return a new model; raises `TextgenError` if it has no use for `vectors`."""
        if vectors is not None and not self.accepts_vectors:
            raise TextgenError(f"model {self.parts['model']!r} in {self.name!r} takes no embedding")
        refinements = self.refinements
        built: dict[str, list[LanguageModel]] = {part: [] for part in self.models if part not in refinements}
        # All first copies get the weights that they would have without others.
        for part, _ in sorted(self.members.values(), key=lambda member: member[1]):
            built[part].append(self._build_member(part, vocabulary, vectors))
        members = {
            part: copies[0] if len(copies) == 1 else CombinedModel(Average(copies))
            for part, copies in built.items()
        }
        model = MixtureModel(members, vocabulary) if len(members) > 1 else next(iter(members.values()))
        if vocabulary.has_speller:
            words = vectors.words if vectors is not None else ()
            continues = continues_spelling(vocabulary)
            speller = Speller(vocabulary.fallback, continues, vocabulary.tokens, words)
            model = SpellingModel(model, speller, vocabulary.tokens)
        for part in refinements:
            top = self._build_model(part, vocabulary, base=model)
            model = RefinedModel(model, top)
        return model

    @cached_property
    def accepts_vectors(self) -> bool:
        """True if a model can start from pretrained vectors, or learn from the words that have one."""
        classes = self.model_classes.values()
        return any(each.accepts_vectors or each.accepts_word_list for each in classes)

    @cached_property
    def accepts_word_list(self) -> bool:
        """True if a model learns from the words that have a pretrained vector."""
        return any(each.accepts_word_list for each in self.model_classes.values())

    @cached_property
    def trained(self) -> tuple[str, ...]:
        """The parts that are models trained by gradient, under a budget; others are fitted in one pass."""
        classes = self.model_classes.items()
        return tuple(part for part, each in classes if each.is_trainable(**self.options.get(part, {})))

    @property
    def is_trainable(self) -> bool:
        return bool(self.trained)

    def train_options(self, part: str | None = None) -> TrainOptions:
        """Return how the model `part` (default: the first one that is trained by gradient) is trained.

        Its own recommendation comes first, then the entry's options.
        """
        part = part or next(iter([*self.trained, *self.models]))
        return TrainOptions(**{**self.recommended[part], **self.options.get("train", {})})

    @cached_property
    def code(self) -> dict[str, str]:
        """What identifies the code of each part: distribution, version and perhaps a hash."""
        return {part: find(kind, name).identity() for part, (kind, name) in self.components.items()}

    @cached_property
    def written_options(self) -> dict[str, str]:
        """The options of all components by name, such as `model.num_layers`, with defaults."""
        return {
            f"{part}.{option}": write_value(self.options.get(part, {}).get(option, declared.default))
            for part, (kind, name) in self.components.items()
            for option, declared in declared_options(load(kind, name)).items()
        }

    @cached_property
    def recommended(self) -> dict[str, dict[str, Any]]:
        return {part: recommended_training(load("model", name)) for part, name in self.models.items()}

    @cached_property
    def description(self) -> str:
        """What the entry is, in the first lines of the docstrings of its components."""
        lines = {}
        for part, (kind, name) in self.components.items():
            line = (load(kind, name).__doc__ or "").strip().partition("\n")[0].rstrip(".")
            lines[part] = line[:1].lower() + line[1:]
        models = " + ".join(lines[part] for part in self.models)
        if self.num_copies > 1:
            models = f"average of {self.num_copies} copies of each model that is trained: {models}"
        vectors = f". Vectors: {lines['embedding']}" if "embedding" in lines else ""
        return f"{models}. Tokens: {lines['tokenizer']}{vectors}"

    def _build_member(
        self, part: str, vocabulary: Vocabulary, vectors: PretrainedVectors | None
    ) -> LanguageModel:
        component, extra = self.model_classes[part], dict[str, Any]()
        if vectors is not None and component.accepts_vectors and vectors.table.shape[1]:
            extra["vectors"] = vectors
        if vectors is not None and component.accepts_word_list:
            extra["word_list"] = vectors.words
        module = self._build_model(part, vocabulary, **extra)
        return LanguageModel(module, len(vocabulary))

    def _build_model(self, part: str, vocabulary: Vocabulary, **extra: Any) -> Any:
        return self._build(part, len(vocabulary), **self.model_classes[part].told(vocabulary), **extra)

    def _build(self, part: str, *arguments: Any, **extra: Any) -> Any:
        kind, name = self.components[part]
        component, options = load(kind, name), self.options.get(part, {})
        try:
            return component(*arguments, **(extra | options))
        except ValueError as error:
            where = find(kind, name).title
            raise TextgenError(f"{where} in {self.name!r}: {one_line(error, with_type=False)}") from error


def recommended_training(model: Any) -> dict[str, Any]:
    """Return the training options that a model recommends; raises `PluginError` for an invalid one."""
    declared = declared_options(TrainOptions)
    try:
        recommended = dict(ModelClass(model).recommended_training)
        if unknown := next((name for name in recommended if name not in declared), None):
            raise TextgenError(unknown_option(unknown, [TrainOptions]))
        return {
            name: declared[name].parse("recommended_training:", str(value))
            for name, value in recommended.items()
        }
    except (TextgenError, TypeError, ValueError) as error:
        raise contract_error(model, f"recommends an invalid training option: {error}") from error
