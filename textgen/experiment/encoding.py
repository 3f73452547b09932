"""The text of an entry as ids of its tokenizer, and the vectors of its embedding."""

from __future__ import annotations

from dataclasses import dataclass, replace

from textgen.contracts import PretrainedVectors, TokenIds
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.data.corpus import Corpus
from textgen.data.text import Text
from textgen.data.token_cache import fit_and_encode
from textgen.experiment.entry import Entry
from textgen.experiment.pretrained import EmbeddingAudit, match_vectors
from textgen.nn.language_model import LanguageModel
from textgen.registry.registry import find

MAX_EMBEDDING_CHARS = 100_000_000
"""Characters of the training text, from its beginning, that word vectors are trained on."""

MAX_VALIDATION_CHARS = 200_000
"""Characters of validation, from the beginning of each stretch, that are scored at a time during training."""


@dataclass(frozen=True)
class Encoded:
    """The parts of a corpus that are trained on and scored, as ids of one tokenizer.

    Those of held-out parts are one array per stretch.
    """

    train: TokenIds
    validation: tuple[TokenIds, ...]
    test: tuple[TokenIds, ...]
    quick_validation: tuple[TokenIds, ...]
    """The first `MAX_VALIDATION_CHARS` characters of validation."""
    seconds: float
    """To fit the tokenizer and to tokenize what is trained on."""
    is_lossless: bool
    """True if the ids spell the text."""
    rest_nats: float = 0.0
    """Nats of quick validation that the model does not predict."""

    def read_by(self, model: LanguageModel) -> Encoded:
        """Return the tokens that a model is trained on and scored with in training."""
        return replace(
            self,
            train=model.tokens_read(self.train),
            quick_validation=tuple(map(model.tokens_read, self.quick_validation)),
            rest_nats=sum(map(model.rest_nats, self.quick_validation)) if model.is_trainable else 0.0,
        )


def encode_corpus(entry: Entry, tokenizer: BoundTokenizer, corpus: Corpus) -> Encoded:
    """Fit the tokenizer to the training text, and tokenize what is trained on and scored."""
    name = entry.parts["tokenizer"]
    identity = (name, find("tokenizer", name).identity(), entry.options.get("tokenizer", {}))
    train = fit_and_encode(tokenizer, identity, corpus.split.train.text)
    validation, test = corpus.split.scored("validation"), corpus.split.scored("test")
    is_lossless = train.is_preserved
    held_out = []
    for part in (validation, test, corpus.split.validation.first(MAX_VALIDATION_CHARS)):
        texts = part.stretches()
        held_out.append(tuple(map(tokenizer.encode, texts)))
        is_lossless &= all(map(tokenizer.preserves, texts, held_out[-1]))
    return Encoded(train.ids, held_out[0], held_out[1], held_out[2], train.seconds, is_lossless)


def embed(
    entry: Entry, tokenizer: BoundTokenizer, train_text: Text, train_ids: TokenIds
) -> tuple[PretrainedVectors | None, EmbeddingAudit | None]:
    """Return the vectors of the entry's embedding and their audit, or None twice without one."""
    embedding = entry.build_embedding()
    if embedding is None:
        return None, None
    source, mask = entry.parts["embedding"], tokenizer.is_fallback
    beginning = train_text[:MAX_EMBEDDING_CHARS]
    return match_vectors(embedding, source, beginning, tokenizer.tokens, train_ids, is_fallback=mask)
