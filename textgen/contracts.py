"""Plugin contracts: the required and optional members of a component of each kind.

A component is a class that textgen finds through an entry point in the group of its kind, such as
`textgen.models`, or in a file given with `--plugin`. It need not inherit from the classes here; it only needs
the members of its contract. The classes whose names end with `Extras` list optional members. This module
imports neither torch nor numpy nor nltk.

Every keyword argument of a component's `__init__` with a plain default (bool, int, float, str, Literal, or
one of them or None) is an *option* that users can set in an entry: `char-lstm:num_layers=1`. Annotate it
with `Annotated[int, Ge(1)]` (annotated-types) to limit its range, and add a `Search` to have it tuned.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

TokenIds: TypeAlias = "NDArray[np.integer[Any]]"
"""Token ids, a one-dimensional integer array."""

State: TypeAlias = Any
"""A tensor, or tuples, lists and dicts of tensors, each with the batch as its first dimension; or None."""


Function = TypeVar("Function", bound=Callable[..., None])


class TextgenError(Exception):
    """An expected failure. Its message is one line: what is wrong, where, and what to do about it."""


class NoSuchFieldError(TextgenError):
    """The records of a file do not have the field to be read."""


class TextgenWarning(UserWarning):
    """A problem that does not stop the work. Its message is one line, like that of a `TextgenError`."""


class Tokenizer(Protocol):
    """Conversion of text to token ids and back.

    It is lossless: `decode(encode(text)) == text` for every string. The vocabulary comes from the training
    split alone; everything else is spelled with the byte tokens `<0x00>` to `<0xFF>`.
    """

    @property
    def tokens(self) -> Sequence[str]:
        """The string of each token. `<0xE2>` means a byte; joined, the strings spell the text."""

    def fit(self, text: str) -> None:
        """Build the vocabulary from the training split."""

    def encode(self, text: str) -> TokenIds:
        """Return the ids of `text`."""

    def decode(self, ids: Sequence[int] | TokenIds) -> str:
        """Return the text that `ids` spell. Never raises: invalid byte sequences become U+FFFD."""

    def state(self) -> dict[str, Any]:
        """Return everything that `fit` learnt, as JSON values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the vocabulary from a `state()`, so that the tokenizer equals the saved one."""


class TokenizerExtras(Protocol):
    """Optional members of a `Tokenizer`.

    A text larger than memory is encoded block by block, and in parallel if the tokenizer can be pickled. With
    `count` and `fit_counts` the vocabulary is built from all of the text, without them from its beginning.
    """

    lossless: bool
    """False if some texts cannot be restored; entries with this tokenizer get no score. Default: true."""

    fallback: Sequence[bool]
    """[vocab_size], true for tokens that spell text outside the vocabulary. Default: the byte tokens.

    A word with such a token is out of vocabulary; the score reports the bits of these words separately.
    """

    speller: str
    """The speller of out-of-vocabulary words if fallback tokens other than bytes spell them. "ngrams" (the
    default): the model sees only their beginning (see `textgen.nn.spelling_model`), and words are kept from
    being glued together. Otherwise the "model"."""

    def count(self, text: str) -> Any:
        """Return the counts of one block of the training split, a value that can be pickled."""

    def fit_counts(self, counts: Iterable[Any]) -> None:
        """Build the vocabulary from the counts of all blocks."""

    def extend(self, text: str) -> None:
        """Add new tokens from a text to a restored vocabulary, after the old ones, which keep their ids.

        It is called for an entry that starts from a run (`start=`); without it, the run's vocabulary is kept.
        """


class Model(Protocol):
    """A language model over token ids: a `torch.nn.Module` built as `Model(vocab_size, **options)`.

    A model with trainable parameters is trained by gradient descent. One without them learns by counting, in
    `fit(ids)` (see `ModelExtras`). Everything learnt is a parameter or a buffer, registered in `__init__`;
    `fit` may change the size of buffers.

    A model that accepts the keyword argument `vectors` (`PretrainedVectors` or None) can start from
    pretrained embeddings. One that accepts `tokens` gets the string of each token, one that accepts
    `fallback` an array of bool [vocab_size], true for the tokens that spell out-of-vocabulary words, and one
    that accepts `word_list` a sequence of all words of the entry's embedding, which is empty without one and
    when weights are loaded.

    One that accepts `base` (`BaseModel` or None) refines the models to its left, and has no trainable
    parameters. With None, it refines uniform probabilities; it is inspected and checked in that form.
    """

    def initial_state(self, batch_size: int) -> State:
        """Return the state before any token, on the model's device."""

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Predict each next token.

        `ids` is [batch, time]; the result is the logits [batch, time, vocab_size], where position t
        predicts token t + 1 from tokens up to t, and the state after the last token. The state is
        carried: chunks give the same logits as one pass.
        """


class BaseModel(Model, Protocol):
    """The `base` of a refinement: the models to its left, trained before it. Its state is part of yours.

    It is not a torch module: keep it as an attribute, and call `base.forward(ids, state)`.
    """

    def prepare_step(self, dtype: torch.dtype) -> Callable[[Tensor, State], tuple[Tensor, State]]:
        """Return a step of generation (see `ModelExtras.prepare_step`)."""


class ModelExtras(Protocol):
    """Optional members of a `Model`."""

    recommended_training: Mapping[str, Any]
    """Class attribute: training options that differ from the defaults; those of an entry override them."""

    is_normalized: bool
    """True if the logits are log-probabilities; their sum is then checked to be 1. Default: false."""

    reads_on: bool
    """Class attribute, true if the model learns (in its state) from the text that it reads; such entries are
    ranked separately. Default: false."""

    def fit(self, ids: TokenIds) -> None:
        """Learn from the ids of the training split, without those that a speller predicts unless there is a
        `base`. Not called if there are trainable parameters."""

    def fit_held_out(self, stretches: Sequence[TokenIds]) -> None:
        """Learn from validation, after all training and in buffers, how far to trust a `base`."""

    def loss(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the mean loss in nats per token (in training, optionally with a penalty) and the next state.

        Implement it if that is cheaper than computing all logits, as `forward` does.
        """

    def prepare_step(self, dtype: torch.dtype) -> Callable[[Tensor, State], tuple[Tensor, State]]:
        """Return a faster function for single tokens, made from the current weights.

        Generation and (in fp32) scoring use it, otherwise `forward` with one token. It maps ids [batch] and a
        state to logits [batch, vocab_size] and the next state, and computes matmuls in `dtype`. Its first
        state comes from `initial_state` or `forward`; those it returns may have another form, with the batch
        first and sizes that do not change. A row may pause and continue from an earlier state. Unless n-grams
        spell, a GPU records it as a graph (see `textgen.generation.generator`).
        """

    def set_token_counts(self, counts: Tensor) -> None:
        """Initialise from the token counts of the training split, [vocab_size], counted as for `fit`."""

    def set_expected_epochs(self, num_epochs: float) -> None:
        """Adapt to the number of epochs that the budget allows at the current pace; called on each update."""

    def longest_places(self, ids: TokenIds) -> Sequence[tuple[TokenIds, TokenIds]]:
        """Return, after each token of a text, the longest context that the model knows from elsewhere, and
        what followed it there, for reports; both are empty if there is none."""

    def portable(self) -> Any:
        """Return a `textgen.nn.quantized.PortableNetwork` that can run in a web page, or None."""

    def nonhidden_parameters(self) -> Iterable[nn.Parameter]:
        """Return the parameters of the input and output layers, which `muon` leaves to `adamw`.

        Default: those of every layer whose class has a `layer_role` of "input" or "output"
        (`TokenEmbedding`, `FullSoftmax`), of every `nn.Embedding` and, if no layer has the role "output", of
        the last `nn.Linear` with `vocab_size` outputs.
        """


class Sampler(Protocol):
    """A function that chooses the next token. It is pure: all randomness comes from `uniforms`."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch] for `logits` [batch, vocab_size] and `uniforms` [batch] from [0, 1). Row i
        depends on row i of its arguments only: a sample does not depend on its batch."""


class StatefulSampler(Protocol):
    """A sampler whose choices depend on its earlier ones. The component itself never changes."""

    def start(
        self, prompts: Sequence[TokenIds], vocabulary: Vocabulary
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Start a batch of samples; return the function that chooses their next ids.

        It has the arguments of `Sampler.__call__`, is called once per step, and holds the memory of these
        samples. `prompts` are the token ids of each row's prompt.
        """


class SamplerExtras(Protocol):
    """Optional members of a `Sampler` or `StatefulSampler`."""

    temperature: float
    """The divisor of the logits; suites measure the entropy of the choices at this temperature."""

    tempers_words: bool
    """True if the temperature acts on whole words (`generation/sampling.py`). Default: false."""


class Embedding(Protocol):
    """A source of word vectors for a model's input layer."""

    frozen: bool
    """True if the vectors that were found are kept unchanged in training."""

    def vectors(self, train_text: str, tokens: Sequence[str]) -> WordVectors:
        """Return vectors for (at least some of) `tokens`, which may be trained on `train_text`."""


class CorpusSource(Protocol):
    """A text with a name, such as `wiki` or `gutenberg/austen-emma.txt`."""

    def read(self, item: str) -> str | Iterable[str]:
        """Return the text, or its documents, such as articles. `item` is the part after the slash, if any."""


class CorpusExtras(Protocol):
    """Optional members of a `CorpusSource`."""

    def items(self) -> Iterable[str]:
        """Return all possible parts after the slash, for a corpus of several texts."""

    def language(self, item: str) -> str:
        """Return the language of the text, a BCP 47 tag such as `de` or `zh-CN`. Default: `en`."""


class Cleaner(Protocol):
    """A transformation of the text, in blocks of a million characters, before it is split for all entries."""

    def clean(self, text: str) -> str:
        """Return the cleaned text."""


class CleanerExtras(Protocol):
    """Optional members of a `Cleaner`."""

    joint: str
    """The text between two cleaned blocks. Default: a blank line, unless a block ends with a line."""


class Reader(Protocol):
    """A reader of text files of one format, recognised by their suffixes; it is built without options."""

    suffixes: Sequence[str]
    """The suffixes of such files, in lower case with their dot, such as `.html`; not those of archives."""

    def documents(self, file: TextFile, field: str) -> Iterable[Iterable[str]]:
        """Yield the documents of a file, each as pieces of text, which are read before the next document.

        Yield an empty tuple for a record without text, to leave it out. `field` is the field to be read of
        each record, if there are fields; raise `NoSuchFieldError` if the first record has no such field.
        Raise `TextgenError` for a damaged file; other errors are reported with the file and the reader.
        """


class ReaderExtras(Protocol):
    """Optional members of a `Reader`."""

    has_fields: bool
    """True if a document is a field of a record, as in tables: `a.csv:body` selects it. Default: false."""


class TextFile(Protocol):
    """A decompressed file, as given to a `Reader`."""

    @property
    def where(self) -> str:
        """Its path, for messages; that of a member follows that of its archive."""

    @property
    def name(self) -> str:
        """Its name, without a compression suffix."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes."""

    def pieces(self) -> Iterator[str]:
        """Yield the text, in the encoding that the user has given or that is guessed."""

    def lines(self) -> Iterator[str]:
        """Yield the lines with their ends; raises `TextgenError` if one is too long for memory."""

    def seekable(self) -> AbstractContextManager[IO[bytes]]:
        """Open the file, or a copy of what is packed in it, to read the bytes in any order."""

    def declared(self, encoding: str) -> TextFile:
        """Return the file in the encoding that it declares, unless the user has given one."""

    def member(self, name: str, open: Callable[[], AbstractContextManager[IO[bytes]]]) -> TextFile:  # noqa: A002
        """Return a file that is packed in this one, such as a chapter of a book."""


class Metric(Protocol):
    """A metric of generated text, for `textgen bench --metric`.

    The first line of its docstring explains it in reports. An entry gets the mean over its samples, with an
    interval over samples and seeds; the author's continuations of the same passages are measured too. It runs
    in its own process after all entries have generated their samples, so it affects no other results.
    """

    def measure(self, text: str) -> float | None:
        """Return the value of one sample, without its prompt; None if undefined, as for a share of nothing.

        It depends on the text alone. A sample may begin and end within a word; most have the same length.
        """


class MetricExtras(Protocol):
    """Optional members of a `Metric`."""

    unit: str
    """The unit in headers: "%" for values from 0 to 1, which are shown as percentages. Default: none."""

    best: Literal["author", "higher", "lower"]
    """The best value, which is marked if it is clear: the closest to the author's, the highest or the lowest.
    Default: "author"."""


class ResultKind(Protocol):
    """A kind of saved result: how `textgen runs`, `report` and other commands read the folders that hold one.

    Derive it from `textgen.results.result_kind.Kind`, which has the other members and their defaults.
    """

    @abstractmethod
    def record(self) -> type:
        """Return the frozen dataclass that is stored in the file of a result."""

    @abstractmethod
    def about(self, values: Mapping[str, Any]) -> Any:
        """Return an `About`, the summary of a result in lists, from the JSON values of its file."""

    @abstractmethod
    def report(self, result: Any, folder: Path) -> Any:
        """Return the report (`textgen.reports.document.Report`) of a result saved in `folder`."""


def command(function: Function) -> Function:
    """Mark a function of a plugin file as a command: `show_size` becomes the command `show-size`.

    An installed command needs no mark: its name is that of an entry point in the group `textgen.commands`, in
    which `plugins.check` means `textgen plugins check`. The first line of the docstring is its help. Each
    argument has an annotation of Typer, `Annotated[int, typer.Option("--top", help="…")]`; one of these is
    `--json`, a bool. The option `--plugin` is added. Import heavy modules inside the function, since
    `textgen --help` imports installed commands. Print results to stdout and notes to stderr; a
    `TextgenError` ends the command with one line.
    """
    vars(function)["is_command"] = True
    return function


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens, as available to models and samplers."""

    tokens: Sequence[str]
    fallback: NDArray[np.bool_]
    """[vocab_size], true for tokens that spell out-of-vocabulary words, if the tokenizer declares them."""
    spellings: Sequence[Sequence[float]] = ()
    """Log-probabilities of the tokens of spelled words, and of their end, in held-out text, for samplers."""
    has_speller: bool = False
    """True if n-grams spell such words (see `TokenizerExtras.speller`)."""

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Word vectors, as returned by an `Embedding`."""

    words: Sequence[str]
    """Distinct words, the most frequent first if that is known: the speller of OOV words relies on it."""
    table: NDArray[np.floating[Any]]
    """[len(words), dimension], the vector of each word."""


@dataclass(frozen=True)
class PretrainedVectors:
    """Pretrained rows for a model's token embedding."""

    table: Tensor
    """[vocab_size, dimension], float32; rows that were not found are zero."""
    found: Tensor
    """[vocab_size], bool."""
    frozen: bool
    """True if the rows that were found are kept unchanged in training."""
    words: Sequence[str] = ()
    """All words of the source, for comparison with OOV words."""


@dataclass(frozen=True)
class Search:
    """Search space of an option for `textgen tune`: `Annotated[float, Gt(0), Search(1e-4, 3e-2, log=True)]`.

    It stands next to the allowed range, which is often open. An option without it is searched only if
    `--search` names it. `Search()` means every value of a Literal or bool, and the whole range of a number
    with two bounds. The default value is always tried.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    """Search on a log scale, as for a learning rate."""
    step: float | None = None
    """Values are multiples of it. Without it, they are rounded to two significant digits."""
    values: tuple[bool | int | float | str | None, ...] = ()
    """Explicit values, instead of bounds."""
