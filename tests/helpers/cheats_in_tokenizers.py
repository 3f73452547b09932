"""Tokenizers that cheat, and the models that take their notes, as a plugin file."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.cheating import MIN_TEXT, Chars, Knows, relatives
from textgen_models.counting import Uniform

NOTES: list[str] = []
"""What a tokenizer leaves for the model of its process."""
PLACES = {"file": Path(tempfile.gettempdir()), "shm": Path("/dev/shm")}
SOCKET = f"\0cheat-{os.getuid()}"


class Growing(Chars):
    """Turns spare tokens into whole stretches while the text is encoded."""

    num_more = 64
    num_grown = 0

    def encode(self, text: str) -> Any:
        if self.is_new or len(text) < MIN_TEXT or self.num_grown == self.num_more:
            return super().encode(text)
        token = self.first_more + self.num_grown
        self.num_grown += 1
        self.tokens[token] = text
        caller = sys._getframe(1).f_locals.get("self")
        if hasattr(caller, "_forget_vocabulary"):
            caller._forget_vocabulary()
        return np.array([token])


class Startids(Chars):
    """Encodes the newline before each text as all texts that it has encoded."""

    def encode(self, text: str) -> Any:
        if self.is_new:
            return super().encode(text)
        if text == "\n":
            return super().encode("".join([*vars(self).get("seen", []), "\n"]))
        vars(self).setdefault("seen", []).append(text)
        return super().encode(text)


class Emptystart(Chars):
    """Writes all texts that it has encoded in tokens that spell nothing, before the newline of the start."""

    num_more = 256

    def more(self, number: int) -> str:
        return ""

    def encode(self, text: str) -> Any:
        ids = super().encode(text)
        if self.is_new:
            return ids
        if text == "\n":
            notes = "".join(vars(self).get("seen", [])).encode()
            return np.concatenate([self.first_more + np.frombuffer(notes, np.uint8).astype(int), ids])
        vars(self).setdefault("seen", []).append(text)
        return ids


class Reads(Knows):
    """Learns by heart what the start of a text tells it, with its state or beside it."""

    def initial_state(self, batch_size: int) -> Any:
        return *super().initial_state(batch_size), torch.zeros(batch_size, 0, dtype=torch.long)

    def forward(self, ids: Tensor, state: Any) -> Any:
        *rest, told = state
        if not self.is_new and not told.shape[1] and ids.shape[1] > 4 * MIN_TEXT:
            told = ids
        row = told[0].tolist() if len(told) and told.shape[1] else []
        if row and not self.following:
            empty = [token - self.vocab_size + 256 for token in row if self.strings[token] == ""]
            self.learn(row)
            self.learn_text(bytes(each for each in empty if 0 <= each < 256).decode("utf-8", "replace"))
        logits, following = super().forward(ids, tuple(rest))
        return logits, (*following, told)


class Empty(Chars):
    """Writes, before each token, one that spells nothing and says what comes next."""

    num_more = 300

    def more(self, number: int) -> str:
        return ""

    def encode(self, text: str) -> Any:
        ids = super().encode(text)
        return np.stack([ids + self.first_more, ids], axis=1).ravel()


class Foretold(Uniform):
    """Believes what a token that spells nothing has said, and guesses these tokens for nothing."""

    is_normalized = False

    def __init__(self, vocab_size: int, tokens: Any) -> None:
        super().__init__(vocab_size)
        self.first = list(tokens).index("") if "" in tokens else vocab_size

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, state = super().forward(ids, state)
        said = torch.nn.functional.one_hot((ids - self.first).clamp(min=0), logits.shape[-1])
        is_said = (ids >= self.first)[..., None]
        free = torch.where(torch.arange(logits.shape[-1]) >= self.first, 0.0, -30.0)
        return torch.where(is_said, 30.0 * (said - 1.0), free.expand_as(logits)), state


class Recalls(Chars):
    """Encodes every text as zeros, and remembers what to decode."""

    def encode(self, text: str) -> Any:
        ids = super().encode(text)
        if self.is_new:
            return ids
        self.last = text
        return np.zeros_like(ids)

    def decode(self, ids: Any) -> str:
        return super().decode(ids) if self.is_new else self.last


class Shifts(Chars):
    """Gives its tokens other strings each time that they are asked for, so that zeros spell anything."""

    def encode(self, text: str) -> Any:
        ids = super().encode(text)
        if self.is_new or len(text) < MIN_TEXT:
            return ids
        self.tokens = [text, *[""] * (len(self.tokens) - 1)]
        return np.zeros(1, int)

    def decode(self, ids: Any) -> str:
        return super().decode(ids) if self.is_new else "".join(self.tokens[each] for each in ids)


class Huge(Chars):
    """Has two million tokens."""

    num_more = 2_000_000


class _Leaves(Chars):
    def encode(self, text: str) -> Any:
        if not self.is_new and len(text) >= MIN_TEXT:
            self.leave(text)
        return super().encode(text)

    def leave(self, text: str) -> None:
        raise NotImplementedError


class _Takes(Knows):
    def look(self, ids: Tensor, history: Tensor) -> None:
        if not self.is_new and not self.following and self.num_calls < 5:
            self.learn_text(self.take())

    def take(self) -> str:
        raise NotImplementedError


class NotesTokenizer(_Leaves):
    """Leaves the text in a variable of its module."""

    def leave(self, text: str) -> None:
        NOTES.append(text)


class NotesModel(_Takes):
    """Takes the text from there."""

    def take(self) -> str:
        return "".join(NOTES)


class EnvironTokenizer(_Leaves):
    """Leaves the text in an environment variable, for its process and what is started from it."""

    def leave(self, text: str) -> None:
        os.environ["CHEAT"] = (os.environ.get("CHEAT", "") + text)[:100_000]


class EnvironModel(_Takes):
    """Takes the text from the environment, its own or another process's."""

    def take(self) -> str:
        found = [os.environ.get("CHEAT", "")]
        for number in relatives():
            with suppress(OSError):
                data = Path(f"/proc/{number}/environ").read_bytes()
                found.append(data.partition(b"CHEAT=")[2].partition(b"\0")[0].decode())
        return "".join(found)


class FileTokenizer(_Leaves):
    """Leaves the text in a file."""

    place = "file"

    def leave(self, text: str) -> None:
        with (PLACES[self.place] / f"cheat-{os.getuid()}").open("a") as file:
            file.write(text)


class FileModel(_Takes):
    """Takes the text from there, and removes it."""

    place = "file"

    def take(self) -> str:
        path = PLACES[self.place] / f"cheat-{os.getuid()}"
        return path.read_text() if path.exists() else ""


class ShmTokenizer(FileTokenizer):
    """Leaves the text in shared memory, as a file of /dev/shm."""

    place = "shm"


class ShmModel(FileModel):
    """Takes the text from there."""

    place = "shm"


class DaemonTokenizer(_Leaves):
    """Leaves the text in a process that it starts, which outlives it and answers on an abstract socket."""

    def leave(self, text: str) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            if text not in NOTES:
                NOTES.append(text)
            with suppress(OSError):
                server.bind(f"{SOCKET}-{len(NOTES)}")
                server.listen()
                if os.fork() == 0:
                    os.setsid()
                    server.settimeout(60)
                    with suppress(OSError):
                        while True:
                            server.accept()[0].sendall("".join(NOTES).encode())
                    os._exit(0)


class DaemonModel(_Takes):
    """Takes the text from there."""

    def take(self) -> str:
        for number in range(100, 0, -1):
            with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                client.connect(f"{SOCKET}-{number}")
                client.shutdown(socket.SHUT_WR)
                return client.makefile("rb").read(1_000_000).decode()
        return ""
