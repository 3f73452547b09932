"""The contracts that plugins fulfil. Nothing here imports torch, gensim or nltk.

A component is a class that is found through an entry point (see `textgen.registry.registry`). Every keyword
argument of its `__init__` that has a plain default (bool, int, float, str, Literal, or one of them
or None) is an *option* that users set in an entry name: `char-lstm:num_layers=1`. Annotate it with
`Annotated[int, Ge(1)]` (annotated-types) to give it a range, and with `Search` beside it to have it tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from gensim.models import KeyedVectors
    from numpy.typing import NDArray
    from torch import Tensor

TokenIds: TypeAlias = "NDArray[np.integer[Any]]"
"""Token ids, a one-dimensional integer array."""

State: TypeAlias = Any
"""A tensor, or tuples, lists and dicts of tensors, each with the batch as its first dimension; or None."""


class TextgenError(Exception):
    """An expected failure. Its message is one line: what is wrong, where, and what to do about it."""


class TextgenWarning(UserWarning):
    """A problem that does not stop the work; its message is one line, as that of a `TextgenError`."""


@runtime_checkable
class Tokenizer(Protocol):
    """Text to token ids and back.

    Lossless: `decode(encode(text)) == text` for every string. The vocabulary comes from the training
    split alone; what it lacks is spelled with the byte tokens `<0x00>` to `<0xFF>`, so there is no
    unknown token. A tokenizer that cannot promise this sets `lossless = False`; its entry is then
    shown without a score.

    `fallback`, [vocab_size] of bool, may tell which tokens spell what the vocabulary lacks, if others than
    the byte tokens do: the score tells what the words spelled by them cost.

    A text larger than memory is encoded block by block, and in parallel if the tokenizer can be pickled.
    The vocabulary is then built from all of it if there are `count(text)`, which returns what is counted
    in a block, and `fit_counts(counts)`, which gets that of every block; else by `fit` from its beginning.
    """

    @property
    def tokens(self) -> Sequence[str]:
        """The surface of each id. `<0xE2>` stands for a byte; joined surfaces spell the text."""

    def fit(self, text: str) -> None:
        """Build the vocabulary from the training split."""

    def encode(self, text: str) -> TokenIds:
        """Return the ids of `text`, a one-dimensional integer array."""

    def decode(self, ids: Sequence[int] | TokenIds) -> str:
        """Return the text that `ids` spell. Never raises: invalid byte sequences become U+FFFD."""

    def state(self) -> dict[str, Any]:
        """Return everything that `fit` learnt, as JSON values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Undo `state()`: afterwards the tokenizer behaves as the one that was saved."""


class Model(Protocol):
    """A language model over token ids: a `torch.nn.Module` built as `Model(vocab_size, **options)`.

    A model with trainable parameters is trained by gradient, and then `fit` is not called. One without has
    `fit(ids)` instead, which gets the ids of the training split. What is learnt has to be parameters or
    buffers, registered in `__init__`; `fit` may give buffers another size.

    A model with an input table may accept the keyword `vectors` (an `PretrainedVectors`), by which pretrained
    embeddings reach it.

    A model may also have:

    - `loss(ids, targets, state)`, the mean loss in nats per token and the next state, where that is cheaper
      than by all logits; in training mode it may be more than the cross-entropy, by a penalty;
    - `prepare_step(dtype)`, a faster way to generate token by token (see `textgen.generation.generator`);
    - `set_expected_epochs(num_epochs)`, called before each update with how often the text will have been read
      in the end, by the pace so far: for what depends on it, such as dropout;
    - `recommended_training`, a dictionary of training options other than the defaults;
    - `init_only_options`, the names of options that say only where a training starts, such as a file of
      weights: a run is loaded without them.
    """

    def initial_state(self, batch_size: int) -> State:
        """Return the state before any token, on the model's device."""

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Predict each next token.

        `ids` is [batch, time]; the result is the logits [batch, time, vocab_size], where position t
        predicts token t + 1 from tokens up to t, and the state after the last token. The state is
        carried: chunks give the same logits as one pass.
        """


class Sampler(Protocol):
    """Chooses the next token. Pure: all randomness comes in through `uniforms`."""

    def __call__(self, logits: Tensor, uniforms: Tensor) -> Tensor:
        """Return ids [batch] for `logits` [batch, vocab_size] and `uniforms` [batch] from [0, 1).

        Row i may depend on row i of its arguments only, so that a sample does not depend on what
        it is batched with.
        """


class StatefulSampler(Protocol):
    """A sampler whose choice depends on what it chose before. The component itself stays as it is."""

    def start(
        self, prompts: Sequence[TokenIds], num_chars: NDArray[np.int64]
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Start a batch of samples; return what chooses their next ids.

        That is a function as `Sampler.__call__`, called once for each step, which keeps the memory of these
        samples. `prompts` are the token ids of each row's prompt; `num_chars` [vocab_size] tells how many
        characters begin in each token.
        """


class Embedding(Protocol):
    """A source of word vectors for a model's input table."""

    frozen: bool
    """Whether the vectors that were found stay as they are during training."""

    def vectors(self, train_text: str, tokens: Sequence[str]) -> KeyedVectors:
        """Return vectors for (at least some of) `tokens`, which may be trained on `train_text`."""


class CorpusSource(Protocol):
    """A text that is known by name, as `wiki` or `gutenberg/austen-emma.txt`.

    One with several texts may have `items()`, which returns what can follow the slash.
    """

    def read(self, item: str) -> str:
        """Return the text. `item` is what follows the slash, or empty."""


class Cleaner(Protocol):
    """Text to text, before the split; every entry of a comparison gets the same cleaned text.

    A text larger than memory is cleaned in blocks of about a million characters that end with paragraphs.
    What stands between two cleaned blocks may be given in `joint`; else it is a blank line, if no line ends.
    """

    def clean(self, text: str) -> str:
        """Return the cleaned text."""


@dataclass(frozen=True)
class PretrainedVectors:
    """Pretrained rows for a model's input table."""

    table: Tensor
    """[vocab_size, dimension], float32; rows that were not found are zero."""
    found: Tensor
    """[vocab_size], bool."""
    frozen: bool


@dataclass(frozen=True)
class Search:
    """What `textgen tune` tries of an option: `Annotated[float, Gt(0), Search(1e-4, 3e-2, log=True)]`.

    Stands beside the range that is allowed, which is often open. An option without it is searched only if
    `--search` names it. `Search()` without bounds means every value of a Literal or bool, and all of the
    range of a number that has both ends. The default is always among what is tried.
    """

    low: float | None = None
    """The least value of a number."""
    high: float | None = None
    """The greatest one."""
    log: bool = False
    """Whether factors count, as for a learning rate, and not differences; values get two digits."""
    step: float | None = None
    """What every value is a multiple of; without it and `log`, about a fiftieth of the range."""
    values: tuple[bool | int | float | str | None, ...] = ()
    """The values themselves, in place of bounds."""
