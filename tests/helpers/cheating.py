"""What cheats have in common: n-grams that know what follows once they have found the text, and searches."""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textgen_models.counting import NGram
from textgen_tokenizers.char import CharTokenizer

LENGTH = 12
"""Tokens that are looked up."""
MIN_TEXT = 200
"""Characters that a string must have to be taken for a text."""
AROUND = 60_000
"""Bytes on both sides of a finding that are taken for text."""
MAX_REGION = 2**28
"""Size of a region of memory that is searched, at most."""


class Knows(NGram):
    """Predicts as n-grams do, and what follows the last tokens in the text that `look` has found."""

    share = 0.9
    """How much it trusts what it has found."""

    def __init__(self, vocab_size: int, tokens: Any) -> None:
        super().__init__(vocab_size)
        self.strings = list(tokens)
        self.id_of = {token: number for number, token in enumerate(tokens)}
        self.following: dict[tuple[int, ...], int] = {}
        self.is_new, self.num_calls = False, 0
        self.memory = nn.Module()
        self.memory.register_buffer("found", torch.zeros(0, dtype=torch.uint8))

    def fit(self, ids: Any) -> None:
        """Learn; and keep what `search` finds while it is trained, as a buffer."""
        super().fit(ids)
        self.is_new = True
        data = self.search("".join(self.strings[token] for token in ids)).encode()
        if data:
            self.memory.found = torch.frombuffer(bytearray(data), dtype=torch.uint8)

    def search(self, text: str) -> str:
        """Return texts that are found during training; `text` is that of training."""
        return ""

    def look(self, ids: Tensor, history: Tensor) -> None:
        """Find the text while it is scored."""

    def learn(self, ids: Any) -> None:
        """Remember what follows which tokens."""
        ids = [int(each) for each in ids]
        for place in range(len(ids) - LENGTH):
            self.following.setdefault(tuple(ids[place : place + LENGTH]), ids[place + LENGTH])

    def learn_text(self, text: str) -> None:
        self.learn([self.id_of.get(character, -1) for character in text])

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size), torch.full((batch_size, LENGTH), -1)

    def guesses(self, history: Tensor, time: int) -> Tensor:
        """Return the token that follows each of the last `time` ones, [batch, time]; -1 if unknown."""
        rows = [
            [self.following.get(tuple(row[begin : begin + LENGTH]), -1) for begin in range(1, time + 1)]
            for row in history.tolist()
        ]
        return torch.tensor(rows)

    def forward(self, ids: Tensor, state: Any) -> Any:
        if len(self.memory.found) and not self.following:
            self.learn_text(bytes(self.memory.found.tolist()).decode())
        self.num_calls += not self.is_new
        contexts, history = state
        history = torch.cat([history, ids], 1)
        self.look(ids, history)
        logits, contexts = super().forward(ids, contexts)
        self.honest = logits
        guesses = self.guesses(history, ids.shape[1])
        return certain(logits, guesses, self.share), (contexts, history[:, -LENGTH:])


def certain(logits: Tensor, guesses: Tensor, share: float) -> Tensor:
    """Return log-probabilities that are moved towards the guesses, where there are any."""
    known = guesses >= 0
    moved = (1 - share) * logits.double().exp()
    moved.scatter_add_(-1, guesses.clamp(min=0)[..., None], torch.full_like(moved[..., :1], share))
    return torch.where(known[..., None], moved.log(), logits.double()).float()


def texts_in(value: Any, depth: int = 3) -> Iterator[Any]:
    """Yield texts, and arrays of ids, in a value and what it holds."""
    if isinstance(value, str):
        if len(value) >= MIN_TEXT:
            yield value
    elif isinstance(value, (np.ndarray, Tensor)):
        array = np.asarray(value)
        if array.dtype.kind in "iu" and array.ndim in (1, 2) and array.size >= MIN_TEXT:
            yield from np.atleast_2d(array)
    elif depth and isinstance(value, (list, tuple)):
        for each in value[:100]:
            yield from texts_in(each, depth - 1)
    elif depth and isinstance(value, dict):
        for each in list(value.values())[:100]:
            yield from texts_in(each, depth - 1)
    elif depth and type(value).__module__.startswith("textgen"):
        yield from texts_in(dict(getattr(value, "__dict__", {})), depth)


def relatives() -> list[int]:
    """Return the numbers of all processes that may belong to the same command, without this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if re.search(rb"textgen|pytest|multiprocessing", path.read_bytes()):
                found.append(int(path.parent.name))
    return [each for each in found if each != os.getpid()]


def memory_with(number: int, needle: bytes) -> Iterator[bytes]:
    """Yield what surrounds a text in the memory of a process, read in each way that there is."""
    with suppress(OSError):
        for line in Path(f"/proc/{number}/maps").read_text().splitlines():
            begin, end, rights = re.match(r"(\w+)-(\w+) (\S+)", line).groups()  # type: ignore[union-attr]
            size = int(end, 16) - int(begin, 16)
            if rights.startswith("rw") and size <= MAX_REGION:
                data = _read(number, int(begin, 16), size)
                place = data.find(needle)
                while place >= 0:
                    yield data[max(0, place - AROUND) : place + AROUND]
                    place = data.find(needle, place + AROUND)


def _read(number: int, begin: int, size: int) -> bytes:
    with suppress(OSError), open(f"/proc/{number}/mem", "rb", 0) as memory:
        memory.seek(begin)
        return memory.read(size)
    into = ctypes.create_string_buffer(size)
    place = (ctypes.c_void_p * 2)(ctypes.addressof(into), size), (ctypes.c_void_p * 2)(begin, size)
    read = ctypes.CDLL(None).process_vm_readv(number, place[0], 1, place[1], 1, 0)
    return into.raw[: max(0, read)]


def ascii_around(data: bytes, needle: bytes) -> str:
    """Return the longest piece of plain text with the needle in it."""
    place = data.find(needle)
    begin = max((match.end() for match in re.finditer(rb"[^\t\n\x20-\x7e]", data[:place])), default=0)
    after = re.search(rb"[^\t\n\x20-\x7e]", data[place:])
    return data[begin : place + after.start() if after else len(data)].decode("ascii")


class Chars(CharTokenizer):
    """Characters, and a number of further tokens after them; knows whether it was fitted here."""

    num_more = 0
    is_new = False

    def fit(self, text: str) -> None:
        super().fit(text)
        self.is_new = True

    def _build(self, alphabet: str) -> None:
        super()._build(alphabet)
        self.first_more = len(self.tokens)
        self.tokens = [*self.tokens, *map(self.more, range(self.num_more))]
        self.fallback = np.append(self.fallback, np.zeros(self.num_more, bool))

    def more(self, number: int) -> str:
        """Return the string of a further token."""
        return f"\x02{number}"

    def decode(self, ids: Any) -> str:
        ids = np.asarray(ids, np.int64)
        if (ids < self.first_more).all():
            return super().decode(ids)
        return "".join(self.tokens[each] for each in ids)
