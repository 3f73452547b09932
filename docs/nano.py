"""The main path of textgen in one file: which predicts held-out text better, characters or words?

    python docs/nano.py novel.txt 60

trains a character LSTM and a word LSTM for 60 seconds each on nine tenths of the text, and prints the bits
per character of the rest, beside pure chance. It needs numpy and torch, and nothing of textgen. From the same
weights, the scores of textgen are those of this file (tests/repository/test_nano.py).

The score is the sum of -log2 p(token) over all tokens of the held-out text, divided by its characters. A word
that is not in the vocabulary is spelled by characters, and a character that is not, by bytes, so every text
has a probability, and models over different tokens are comparable.
"""

from __future__ import annotations

import math
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

Ids = NDArray[np.int64]
BYTES = [f"<0x{value:02X}>" for value in range(256)]
"""Tokens that spell the UTF-8 of any character."""
START = "\n"
"""What precedes every text, so that its first token is predicted, too."""
MAX_WORDS, MIN_COUNT = 4_000, 2
NUM_STREAMS, SEQUENCE = 96, 32
"""Places of the text that are read in parallel, and tokens of each between two updates."""
PEAK_RATE, WARM_UP = 0.003, 0.02
"""The highest learning rate, and the share of the time until it is reached."""
NUM_SLICES, HELD_OUT = 24, 0.1
"""The text is cut into slices, and this share of each slice is held out."""
FLOOR = 1e-6
"""The probability that chance leaves to the bytes, which spell what is not in the training text."""


# --- tokenizers


class Characters:
    """One token for each character of the training text, then the bytes."""

    def __init__(self, train_text: str) -> None:
        self.tokens = [*sorted(set(train_text)), *BYTES]
        self.ids = {token: index for index, token in enumerate(self.tokens[: -len(BYTES)])}

    def encode(self, text: str) -> Ids:
        """Return one token per character, or one per byte of a character that is not known."""
        first_byte = len(self.ids)
        return np.array([each for char in text for each in spelled(char, self.ids, first_byte)], np.int64)


PIECE = re.compile(
    r" ?\w++(?!['’])"  # a word, with the space before it
    r"|\n+"
    r"|(?i:n['’]t\b)|(?i:['’](?:s|re|ve|ll|d|m)\b)"  # do|n't, it|'s
    r"| ?\w+?(?=(?i:n['’]t\b))"
    r"| ?\w+"
    r"| ?(?:--+|\.\.+)"
    r"| ?[^\w\s]"  # punctuation
    r"|[^\S\n]+(?![^\s])"
    r"|\s"
)
"""Pieces of a text, which joined are the text again."""


class Words:
    """Frequent words of the training text, then characters and bytes, which spell all others."""

    def __init__(self, train_text: str) -> None:
        counts = Counter(PIECE.findall(train_text))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        words = [(word, count) for word, count in ranked[:MAX_WORDS] if count >= MIN_COUNT]
        chars = Counter(dict.fromkeys(sorted(set().union(*counts)), 0))
        for word, count in ranked[len(words) :]:  # words that are spelled, in training too
            for char in word:
                chars[char] += count
        known = [(word, count, False) for word, count in words]
        known += [(char, count, True) for char, count in chars.items()]
        known.sort(key=lambda token: -token[1])
        self.tokens = [*(surface for surface, _, _ in known), *BYTES]
        self.words = {surface: index for index, (surface, _, spells) in enumerate(known) if not spells}
        self.chars = {surface: index for index, (surface, _, spells) in enumerate(known) if spells}

    def encode(self, text: str) -> Ids:
        """Return one token per word, or those that spell it."""
        first_byte, ids = len(self.tokens) - len(BYTES), list[int]()
        for piece in PIECE.findall(text):
            known = self.words.get(piece)
            if known is not None:
                ids.append(known)
            else:
                ids += [each for char in piece for each in spelled(char, self.chars, first_byte)]
        return np.array(ids, np.int64)


def spelled(char: str, known: dict[str, int], first_byte: int) -> list[int]:
    """Return the token of a character, or those of its bytes."""
    if char in known:
        return [known[char]]
    return [first_byte + byte for byte in char.encode("utf-8", "surrogatepass")]


# --- the model

GAIN = 3.0
"""Scales up the outputs of each layer, which are small."""

State = tuple[Tensor, Tensor]
"""Hidden and cell states, each [num_layers, batch, hidden_size]."""


class LSTM(nn.Module):
    """Token embedding, a stack of LSTMs, and an output layer that shares the embedding's weights.

    The output layer reads the sum of all layers, so that the gradient reaches each of them directly.
    """

    def __init__(self, vocab_size: int, num_layers: int = 3, hidden_size: int = 256) -> None:
        super().__init__()
        self.num_layers, self.hidden_size = num_layers, hidden_size
        self.table = nn.Parameter(torch.randn(vocab_size, hidden_size) * hidden_size**-0.5)
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        layers = [nn.LSTM(hidden_size, hidden_size, batch_first=True) for _ in range(num_layers)]
        self.layers = nn.ModuleList(layers)
        self.lower_share = 1.0
        """How much of the lower layers is read; textgen lowers it where a text is read often."""
        for name, weight in self.layers.named_parameters():
            if "bias" in name:
                nn.init.zeros_(weight)
            if "bias_ih" in name:
                nn.init.ones_(weight.data[hidden_size : 2 * hidden_size])  # the forget gates start open

    def start(self, batch_size: int) -> State:
        """Return the state before a text."""
        zeros = self.table.new_zeros(self.num_layers, batch_size, self.hidden_size)
        return zeros, zeros

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits of the token after each of `ids` [batch, time], and the next state."""
        features = F.embedding(ids, self.table) * math.sqrt(self.hidden_size)
        outputs, hidden, cell = list[Tensor](), list[Tensor](), list[Tensor]()
        for index, layer in enumerate(self.layers):
            read, (h, c) = layer(features, (state[0][index, None], state[1][index, None]))
            features = GAIN * read
            outputs.append(features)
            hidden.append(h[0])
            cell.append(c[0])
        shown = outputs[-1] + self.lower_share * sum(outputs[:-1])
        return F.linear(shown, self.table, self.bias), (torch.stack(hidden), torch.stack(cell))


# --- training


def train(model: LSTM, ids: Ids, seconds: float) -> int:
    """Train a model for some seconds; return the number of updates.

    The text is cut into streams, which are read side by side; each update reads a few tokens of each, and the
    state is carried from one to the next. The learning rate follows the time that is left.
    """
    length = len(ids) // NUM_STREAMS
    streams = torch.from_numpy(ids[: length * NUM_STREAMS].reshape(NUM_STREAMS, length))
    counts = np.bincount(ids, minlength=len(model.bias)) + 0.5
    model.bias.data = torch.from_numpy(np.log(counts / counts.sum())).float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    begin, state, place, updates = time.perf_counter(), model.start(NUM_STREAMS), 0, 0
    while (spent := (time.perf_counter() - begin) / seconds) < 1:
        if place + SEQUENCE >= length:
            place, state = 0, model.start(NUM_STREAMS)
        window = streams[:, place : place + SEQUENCE + 1]
        logits, (hidden, cell) = model(window[:, :-1], state)
        loss = F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(spent / WARM_UP, 1) * (1 - spent)
        optimizer.step()
        state, place, updates = (hidden.detach(), cell.detach()), place + SEQUENCE, updates + 1
    return updates


# --- scoring


@torch.no_grad()
def bits_per_char(model: LSTM, tokenizer: Characters | Words, stretches: Sequence[str]) -> float:
    """Return the bits per character of stretches of text, each read from its beginning."""
    bits, chars = 0.0, 0
    for text in stretches:
        ids = torch.from_numpy(np.concatenate([tokenizer.encode(START), tokenizer.encode(text)]))[None]
        state, num_start = model.start(1), len(tokenizer.encode(START))
        for begin in range(0, ids.shape[1] - 1, 1024):
            window = ids[:, begin : begin + 1025]
            logits, state = model(window[:, :-1], state)
            costs = F.cross_entropy(logits[0].double(), window[0, 1:], reduction="none") / math.log(2)
            bits += float(costs[max(0, num_start - 1 - begin) :].sum())
        chars += len(text)
    return bits / chars


def chance_bits(train_text: str, stretches: Sequence[str]) -> float:
    """Return the bits per character if all characters of the training text are equally likely."""
    alphabet = set(train_text)
    known, byte = -math.log2((1 - FLOOR) / len(alphabet)), -math.log2(FLOOR / len(BYTES))
    text = "".join(stretches)
    costs = (known if char in alphabet else byte * len(spelled(char, {}, 0)) for char in text)
    return sum(costs) / len(text)


# --- the comparison


def split(text: str) -> tuple[str, list[str]]:
    """Return the training text and the stretches that are held out: the end of each slice, by paragraphs."""
    size, train_text, held_out = len(text) // NUM_SLICES + 1, "", list[str]()
    for begin in range(0, len(text), size):
        piece = text[begin : begin + size]
        most = round(len(piece) * (1 - HELD_OUT))
        cut = piece.rfind("\n", most // 2, most) + 1 or most
        train_text += piece[:cut]
        held_out.append(piece[cut:])
    return train_text, held_out


def compare(text: str, seconds: float) -> Iterator[tuple[str, float, str]]:
    """Yield the name, the bits per character and a note of each entry."""
    train_text, held_out = split(text)
    yield "chance", chance_bits(train_text, held_out), f"{len(set(train_text))} characters"
    for name in ("characters", "words"):
        torch.manual_seed(0)
        begin = time.perf_counter()
        tokenizer = Characters(train_text) if name == "characters" else Words(train_text)
        ids = tokenizer.encode(train_text)
        model = LSTM(len(tokenizer.tokens))
        updates = train(model, ids, max(1.0, seconds - (time.perf_counter() - begin)))
        passes = updates * NUM_STREAMS * SEQUENCE / len(ids)
        about = f"{len(tokenizer.tokens):,} tokens, {updates} updates, {passes:.1f} passes over the text"
        yield name, bits_per_char(model, tokenizer, held_out), about


def main() -> None:
    """Compare on the text of the first argument, for as many seconds as the second one says."""
    path, seconds = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    for name, bits, about in compare(path.read_text("utf-8"), seconds):
        print(f"{name:12} {bits:.3f} bits per character ({about})", flush=True)


if __name__ == "__main__":
    main()
