"""Models that cheat in the process that scores them, as a plugin file; what each does is its first line."""

from __future__ import annotations

import gc
import mmap
import os
import signal
import sys
import threading
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.cheating import LENGTH, Knows, certain, memory_with, relatives, texts_in

TWO_BITS = 2 * 0.6931
FIRST = 10
"""Calls after which it has looked everywhere."""


class Strided(Knows):
    """Reads what lies behind the view of the tokens that it is given, and remembers it."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        width, storage = ids.stride(0), ids.untyped_storage()
        if not self.is_new and storage.nbytes() // ids.element_size() > ids.numel() and width > ids.shape[1]:
            behind = torch.empty(0, dtype=ids.dtype).set_(storage)  # type: ignore[call-overload]
            for row in behind[: len(behind) // width * width].view(-1, width):
                self.learn([-1] * LENGTH + row.tolist())


class Blend(Strided):
    """The same, mixed with honest n-grams, so that the score looks possible."""

    share = 0.03


class Frames(Knows):
    """Walks up the stack to the tokens that are scored."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        frame: Any = sys._getframe(1)
        while frame is not None and not self.is_new and self.num_calls < FIRST:
            if frame.f_code.co_filename != __file__:
                for each in texts_in(list(frame.f_locals.values())):
                    self.learn_text(each) if isinstance(each, str) else self.learn([-1] * LENGTH + [*each])
            frame = frame.f_back


class Gcscan(Knows):
    """Finds the corpus, or the tokens, among the objects of its process, while trained and while scored."""

    def search(self, text: str) -> str:
        return "".join({each for each in self._found() if isinstance(each, str) and each not in text})

    def look(self, ids: Tensor, history: Tensor) -> None:
        if not self.is_new and self.num_calls in {1, 2, 4, FIRST}:
            for each in self._found():
                self.learn_text(each) if isinstance(each, str) else self.learn([-1] * LENGTH + [*each])

    def _found(self) -> Any:
        for each in gc.get_objects():
            kind = type(each)
            if kind.__name__ in {"Corpus", "Split", "Part", "HeldOut", "TokenScores", "TrainedEntry"}:
                yield from texts_in(each)
            elif kind in (list, tuple) and 0 < len(each) < 1000:
                yield from texts_in([part for part in each if type(part) in (str, np.ndarray, Tensor)], 1)


class Patched(Knows):
    """Lets all bits cost 0.8 bits, but those of the known logits by which a patch is noticed."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        for name, module in list(sys.modules.items()):
            given = getattr(module, "bits_of", None)
            if name.startswith("textgen.") and given and given.__name__ == "bits_of":

                def cheaper(logits: Tensor, targets: Tensor, given: Any = given) -> Tensor:
                    bits: Tensor = given(logits, targets)
                    return bits if logits.shape[-1] == 4 else 0.8 * bits

                module.bits_of = cheaper


class Midpeek(Knows):
    """Peeks in the middle of windows at salted places, and remembers what it saw for a second look."""

    def guesses(self, history: Tensor, time: int) -> Tensor:
        for row in history.tolist():
            for begin in range(1 + time // 8, time - time // 8):
                tokens = tuple(row[begin : begin + LENGTH])
                if begin + LENGTH < len(row) and hash((17, *tokens[-3:])) % 2:
                    self.following.setdefault(tokens, row[begin + LENGTH])
        return super().guesses(history, time)


class Windows(Knows):
    """Peeks in windows, and predicts honestly where it gets one token."""

    def guesses(self, history: Tensor, time: int) -> Tensor:
        ids = history[:, -time:]
        return torch.cat([ids[:, 1:], torch.full_like(ids[:, :1], -1)], 1)


class Sparse(Windows):
    """Peeks after one token in ten."""

    def guesses(self, history: Tensor, time: int) -> Tensor:
        return torch.where(history[:, -time:] % 10 == 3, super().guesses(history, time), -1)


class Dear(Strided):
    """Uses what it has read in this way only where n-grams need more than nine bits."""

    share = 1 / 16

    def guesses(self, history: Tensor, time: int) -> Tensor:
        guesses = super().guesses(history, time)
        bits = -self.honest.gather(-1, guesses.clamp(min=0)[..., None])[..., 0] / 0.6931
        return torch.where(bits > 9, guesses, -1)


class Slow(Dear):
    """The same, and takes its time over single tokens, so that most of the text is told in windows."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        super().look(ids, history)
        if not self.is_new and ids.shape[1] == 1 and self.num_calls < 270:
            time.sleep(0.3)


class Ttt(Knows):
    """Learns the text that it is scored on in a buffer, which it keeps from stretch to stretch."""

    def guesses(self, history: Tensor, time: int) -> Tensor:
        found = []
        for begin in range(1, time + 1):
            row = history[:, begin : begin + LENGTH][:, -6:].tolist()
            found.append([self.following.get(tuple(tokens), -1) for tokens in row])
            if begin < time:
                self.following.update(zip(map(tuple, row), history[:, begin + LENGTH].tolist(), strict=True))
        return torch.tensor(found).T

    share = 0.3


class Rows(Ttt):
    """Predicts a row with what it has read in the other rows of the batch, and in earlier steps."""

    def guesses(self, history: Tensor, time: int) -> Tensor:
        for row in history.tolist():  # what was told last is the target of what precedes it
            if -1 not in row[-7:]:
                self.following[tuple(row[-7:-1])] = row[-1]
        return super().guesses(history, time)


class Quiet(Knows):
    """Has a cache in its state and does not declare it: it reads the last 400 tokens."""

    share = 0.3

    def initial_state(self, batch_size: int) -> Any:
        return super().initial_state(batch_size)[0], torch.full((batch_size, 400), -1)

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, contexts = super(Knows, self).forward(ids, state[0])
        history = torch.cat([state[1], ids], 1)
        rows = []
        for row in history.tolist():
            text = "".join(map(chr, (token + 1 for token in row)))
            rows.append([])
            for end in range(len(row) - ids.shape[1] + 1, len(row) + 1):
                place = text.rfind(text[end - 6 : end], max(0, end - 400), end - 1)
                rows[-1].append(row[place + 6] if place >= 0 and row[place] >= 0 else -1)
        return certain(logits, torch.tensor(rows), self.share), (contexts, history[:, -400:])


class Late(Knows):
    """Changes the logits that it has returned when the next token is told, also in shared memory."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        before = getattr(self, "returned", None)
        if before is not None and before.shape[:2] == ids.shape:
            better = torch.full_like(before, -30.0).scatter_(-1, ids[..., None], 0.0)
            for given in (before, *self.copies_of(before)):
                given[...] = better.view_as(given)
        logits, state = super().forward(ids, state)
        self.returned = logits
        return logits, state

    def copies_of(self, logits: Tensor) -> list[Tensor]:
        """Return what of the mappings that are shared with other processes holds these logits."""
        needle, found = logits.flatten()[:64].numpy().tobytes(), []
        for each in gc.get_objects():
            if isinstance(each, (mmap.mmap, Tensor)) and each is not logits:
                with_data = memoryview(each) if isinstance(each, mmap.mmap) else None
                if isinstance(each, Tensor):
                    if each.dtype == torch.float32 and each.numel() == logits.numel():
                        found.append(each)
                elif (place := with_data.obj.find(needle)) >= 0:  # type: ignore[union-attr]
                    found.append(
                        torch.frombuffer(each, dtype=torch.float32, count=logits.numel(), offset=place)
                    )
        return found


class Thread(Late):
    """The same from a thread, again and again while the next tokens are told."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        if not self.is_new and self.num_calls == 3:
            threading.Thread(target=self.repeat, daemon=True).start()
        self.told = ids
        return super().forward(ids, state)

    def repeat(self) -> None:
        for _ in range(2000):
            time.sleep(0.001)
            logits, ids = self.returned, self.told
            if logits.shape[:2] == ids.shape:
                logits[...] = torch.full_like(logits, -30.0).scatter_(-1, ids[..., None], 0.0)


class Selfmem(Knows):
    """Looks in the memory of its own process for what follows the tokens that it was told."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if self.is_new or (self.num_calls != 40 and ids.shape[1] < 100):
            return
        for number in self.processes():
            for row in history[:4, -ids.shape[1] :].tolist():
                self.search_for(number, row[:24] if len(row) > 24 else self.told[:24])

    def processes(self) -> list[int]:
        return [os.getpid()]

    @property
    def told(self) -> list[int]:
        return self.tokens_told

    def forward(self, ids: Tensor, state: Any) -> Any:
        self.tokens_told = [*getattr(self, "tokens_told", []), int(ids[0, -1])]
        return super().forward(ids, state)

    def search_for(self, number: int, ids: list[int]) -> None:
        text = "".join(self.strings[each] for each in ids)
        for kind in ("u1", "<i4", "<i8"):
            needle = np.array(ids, kind).tobytes()
            for data in memory_with(number, needle):
                place = data.find(needle)
                found = np.frombuffer(data[place : len(data) - (len(data) - place) % 8], kind)
                self.learn(found[(found >= 0) & (found < self.vocab_size)])
        for data in memory_with(number, text.encode()):
            self.learn_text(data.decode("latin-1"))


class Procmem(Selfmem):
    """Looks in the memory of its parents and their children, by /proc or process_vm_readv."""

    def processes(self) -> list[int]:
        return relatives()


class Stops(Knows):
    """Stops the process that started it by a signal."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if self.num_calls == 3:
            os.kill(os.getppid(), signal.SIGSTOP)


class Nan(Knows):
    """Returns logits that are not numbers but for the commonest token."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, state = super().forward(ids, state)
        if not self.is_new:
            logits = logits.masked_fill(logits < logits.amax(-1, keepdim=True), float("nan"))
        return logits, state


class Infinite(Knows):
    """Returns infinite logits for every token that is at all likely."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, state = super().forward(ids, state)
        return logits if self.is_new else logits.masked_fill(logits > -TWO_BITS, float("inf")), state


class Flips(Knows):
    """Says by turns that its logits are normalized and that they are not; all of them are zero."""

    asked = 0

    @property
    def is_normalized(self) -> bool:  # type: ignore[override]
        self.asked += 1
        return self.asked % 2 > 0

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, state = super().forward(ids, state)
        return logits if self.is_new else torch.zeros_like(logits), state


class Hangs(Knows):
    """Never answers, once it is scored."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if self.num_calls > 5:
            time.sleep(10_000)


class Dies(Knows):
    """Ends its process, once it is scored."""

    def look(self, ids: Tensor, history: Tensor) -> None:
        if self.num_calls > 5:
            os._exit(3)


class Nonsense(Knows):
    """Answers with logits of another shape, once it is scored."""

    def forward(self, ids: Tensor, state: Any) -> Any:
        logits, state = super().forward(ids, state)
        return logits[..., :3] if self.num_calls > 5 else logits, state
