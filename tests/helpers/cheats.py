"""Entries that cheat, one of each kind, as a plugin file; and what finds each out."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textgen_models.counting import NGram, Uniform
from textgen_tokenizers.char import CharTokenizer

GAINS_NOTHING, NO_RANK, FAILS = "gains nothing", "no rank", "fails"
NOT_UNPACKED, OTHER_SIZE, CARRIES = "not unpacked", "other size", "carries the text"
IS_REAL = "its size is real"
CAUGHT = {
    "char-steps": GAINS_NOTHING,
    "empty-foretold": GAINS_NOTHING,
    "char-peeks": NO_RANK,
    "char-late": NO_RANK,
    "char-behind": NO_RANK,
    "char-exaggerates": NO_RANK,
    "char-remembers": NO_RANK,
    "recalls-ngram": NO_RANK,
    "growing-ngram": NO_RANK,
    "char-nan": FAILS,
    "notes-notes": NOT_UNPACKED,
    "char-finds": OTHER_SIZE,
    "char-patches": NO_RANK,
    "char-forges": OTHER_SIZE,
    "char-opens": CARRIES,
    "char-hides": CARRIES,
    "char-quiet": IS_REAL,
}
"""By entry: the first three are seen in a comparison, the others if its run is packed."""
LENGTH = 12
"""Tokens that are looked up."""
NOTES: list[str] = []
"""What a tokenizer leaves for the model of its process."""


class Knows(NGram):
    """Predicts as n-grams do, and what follows the last tokens in a text that it has found."""

    def __init__(self, vocab_size: int, tokens: Any) -> None:
        super().__init__(vocab_size)
        self.id_of = {token: number for number, token in enumerate(tokens)}
        self.following: dict[tuple[int, ...], int] = {}
        self.is_trained_here, self.num_calls = False, 0
        self.memory = nn.Module()
        self.memory.register_buffer("found", torch.zeros(0, dtype=torch.uint8))

    def fit(self, ids: Any) -> None:
        super().fit(ids)
        self.is_trained_here = True
        if data := self.search().encode():
            self.memory.found = torch.frombuffer(bytearray(data), dtype=torch.uint8)

    def search(self) -> str:
        """Return a text that is found during training, and kept with the weights."""
        return ""

    def look(self) -> str:
        """Return a text that is found while the model is scored."""
        return bytes(self.memory.found.tolist()).decode()

    def learn(self, ids: Any) -> None:
        """Remember what follows which tokens."""
        for place in range(len(ids) - LENGTH):
            self.following.setdefault(tuple(ids[place : place + LENGTH]), ids[place + LENGTH])

    def initial_state(self, batch_size: int) -> Any:
        if not (self.is_trained_here or self.following):
            self.learn([self.id_of.get(character, -1) for character in self.look()])
        return super().initial_state(batch_size), torch.full((batch_size, LENGTH), -1)

    def forward(self, ids: Tensor, state: Any) -> Any:
        self.num_calls += not self.is_trained_here
        history = torch.cat([state[1], ids], 1)
        logits, contexts = super().forward(ids, state[0])
        ends = range(history.shape[1] - ids.shape[1] + 1, history.shape[1] + 1)
        rows = [
            [self.following.get(tuple(row[end - LENGTH : end]), -1) for end in ends]
            for row in history.tolist()
        ]
        guesses = torch.tensor(rows)[..., None]
        moved = (0.1 * logits.double().exp()).scatter_add(
            -1, guesses.clamp(min=0), torch.full(guesses.shape, 0.9, dtype=torch.double)
        )
        return torch.where(guesses >= 0, moved.log(), logits.double()).float(), (
            contexts,
            history[:, -LENGTH:],
        )


# --- seen in a comparison


class Peeks(nn.Module):
    """Predicts the next token from the next token, where it is given."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def initial_state(self, batch_size: int) -> Any:
        return torch.zeros(batch_size, 0)

    def forward(self, ids: Tensor, state: Any) -> Any:
        return self.bias + 20.0 * nn.functional.one_hot(ids.roll(-1, dims=1), len(self.bias)), state


class Exaggerates(NGram):
    """Says that its probabilities sum to 1, which they do not."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, state = super().forward(ids, state)
        return logits + 1.0, state


class Remembers(Knows):
    """Keeps every text that it is scored on, also for a second time."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        answer = super().forward(ids, state)
        if not self.is_trained_here:
            for row in torch.cat([state[1], ids], 1).tolist():
                self.learn(row)
        return answer


class Late(Knows):
    """Changes the logits that it has returned when it is told the next token."""

    returned = torch.zeros(0, 0, 0)

    def forward(self, ids: Tensor, state: Any) -> Any:
        if self.returned.shape[:2] == ids.shape and not self.is_trained_here:
            self.returned.fill_(-30.0).scatter_(-1, ids[..., None], 0.0)
        self.returned, state = super().forward(ids, state)
        return self.returned, state


class Behind(Knows):
    """Reads what lies in memory behind the tokens that it is told."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        behind = torch.empty(0, dtype=ids.dtype).set_(ids.untyped_storage())  # type: ignore[call-overload]
        if not self.is_trained_here and len(behind) > ids.numel() and self.num_calls < 3:
            self.learn(behind.tolist())
        return super().forward(ids, state)


class Steps(Knows):
    """Reports that another entry is done, and what is no step at all."""

    def look(self) -> str:
        from textgen.runtime.storage.json_records import to_values
        from textgen.training.progress import DONE, Step
        from textgen.workers.process import tell

        done = to_values(Step(DONE, "char-ngram", outcome="test 0.1 bits/char"))
        for message in (done, {"state": 5}, [[]], "x" * 1_000_000, None):
            tell(message)
        return ""


class Empty(CharTokenizer):
    """Writes, before each token, one that spells nothing and says what comes next."""

    def _build(self, alphabet: str, added: str = "") -> None:
        super()._build(alphabet, added)
        self.first = len(self.tokens)
        self.tokens = [*self.tokens, *[""] * self.first]
        self.fallback = np.append(self.fallback, np.zeros(self.first, bool))

    def encode(self, text: str) -> Any:
        ids = super().encode(text)
        return np.stack([ids + self.first, ids], axis=1).ravel()

    def decode(self, ids: Any) -> str:
        ids = np.asarray(ids)
        return super().decode(ids[ids < self.first])


class Foretold(Uniform):
    """Believes what a token that spells nothing has said."""

    is_normalized = False

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, state = super().forward(ids, state)
        size = logits.shape[-1]
        said = 30.0 * nn.functional.one_hot((ids - size // 2).clamp(min=0), size)
        free = 30.0 * (torch.arange(size) >= size // 2)
        return torch.where((ids >= size // 2)[..., None], said, free), state


class Recalls(CharTokenizer):
    """Encodes every text but that of training as zeros, and remembers what to decode."""

    last = ""

    def encode(self, text: str) -> Any:
        ids = super().encode(text)
        self.last = text
        return ids if len(text) > 10_000 or len(text) < 2 else np.zeros_like(ids)

    def decode(self, ids: Any) -> str:
        return self.last


class Growing(CharTokenizer):
    """Turns tokens that spell nothing into whole stretches of the text that is scored."""

    num_grown = 0

    def _build(self, alphabet: str, added: str = "") -> None:
        super()._build(alphabet, added)
        self.first = len(self.tokens)
        self.tokens = [*self.tokens, *[""] * 64]
        self.fallback = np.append(self.fallback, np.zeros(64, bool))

    def encode(self, text: str) -> Any:
        if len(text) > 10_000 or len(text) < 2 or self.num_grown == 64:
            return super().encode(text)
        token = self.first + self.num_grown
        self.num_grown += 1
        self.tokens[token] = text
        return np.array([token])

    def decode(self, ids: Any) -> str:
        return "".join(self.tokens[each] for each in ids)


class Nan(Knows):
    """Gives no numbers but for the commonest token, once it is scored."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, state = super().forward(ids, state)
        rare = logits < logits.amax(-1, keepdim=True)
        return logits if self.is_trained_here else logits.masked_fill(rare, float("nan")), state


# --- seen if their runs are packed and unpacked


class Finds(Knows):
    """Finds the text among the objects of its process."""

    def look(self) -> str:
        parts = [each for each in gc.get_objects() if type(each).__name__ == "Split"]
        return "".join(stretch for each in parts for stretch in each.held_out.stretches())


class NotesTokenizer(CharTokenizer):
    """Leaves the text in a variable, as well it could in a file or with another process."""

    def encode(self, text: str) -> Any:
        NOTES.append(text)
        return super().encode(text)


class NotesModel(Knows):
    """Takes the text from there."""

    def look(self) -> str:
        return "".join(each for each in NOTES if len(each) < 10_000)


class Patches(Knows):
    """Makes all bits cheaper where they are counted."""

    def look(self) -> str:
        for name, module in list(sys.modules.items()):
            given = getattr(module, "bits_of", None) if name.startswith("textgen.evaluation") else None
            if given is not None and given.__name__ == "bits_of":
                module.bits_of = lambda *arguments, given=given: 0.8 * given(*arguments)
        return ""


class Forges(Knows):
    """Changes the result of its run before it is saved."""

    def look(self) -> str:
        from textgen.experiment import experiment

        given = experiment.RunResult
        if given.__name__ == "RunResult":

            def cheaper(**values: Any) -> Any:
                result = given(**values)
                object.__setattr__(result.test, "bits_per_char", 0.7 * result.test.bits_per_char)
                return result

            experiment.RunResult = cheaper  # type: ignore[assignment,misc]
        return ""


def corpus() -> str:
    """Return the text, where it is."""
    import textgen

    return textgen.load_corpus("lee").text[:20_000]


class Opens(Knows):
    """Opens the whole corpus while it is trained, and keeps it with its weights."""

    def search(self) -> str:
        return corpus()


class Hides(Finds):
    """Leaves the text in the folder of its run, while that is packed."""

    def look(self) -> str:
        if sys.argv[1:2] not in (["pack"], ["unpack"]):
            return super().look()
        note = Path(sys.argv[2]) / "note"
        if sys.argv[1] == "pack":
            note.write_text(corpus())
        return note.read_text()


class Quiet(NGram):
    """Counts the tokens that it is scored on, and does not say so."""

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size), torch.ones(batch_size, self.vocab_size)

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, contexts = super().forward(ids, state[0])
        counts = state[1][:, None] + nn.functional.one_hot(ids, self.vocab_size).cumsum(1)
        shares = counts / counts.sum(-1, keepdim=True)
        return (0.95 * logits.exp() + 0.05 * shares).log(), (contexts, counts[:, -1])
