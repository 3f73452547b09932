"""Generated text depends on its prompt and seed, has the length asked for, and streams as it is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from helpers.tokenizers import FITTED
from textgen.contracts import Tokenizer
from textgen.data.bound_tokenizer import BoundTokenizer
from textgen.generation.bound_sampler import BoundSampler, build_sampler
from textgen.generation.generator import Generator
from textgen.nn.language_model import LanguageModel
from textgen.registry.options import build
from textgen.runtime.device import DeviceConfig, seeded
from textgen_models.recurrent import LSTM
from textgen_tokenizers.char import CharTokenizer
from textgen_tokenizers.word import WordTokenizer

CPU = torch.device("cpu")
FP32 = DeviceConfig(CPU, "fp32")
PROMPTS = ["", "The ", "Mr Howard said", "中文😀\ud800", "\n\n"]


def generator_of(model: nn.Module, tokenizer: Tokenizer) -> Generator:
    return Generator(LanguageModel(model, len(tokenizer.tokens)), BoundTokenizer(tokenizer), FP32)


GREEDY, WARM = build_sampler("greedy"), build_sampler("temperature:temperature=1")


@pytest.fixture(scope="module", params=FITTED)
def generator(request: pytest.FixtureRequest, news: str) -> Generator:
    """An untrained LSTM with each tokenizer, fitted on news."""
    tokenizer: Tokenizer = build("tokenizer", request.param)
    tokenizer.fit(news)
    with seeded(0, CPU):
        model = LSTM(len(tokenizer.tokens), num_layers=2, hidden_size=16).eval()
    return generator_of(model, tokenizer)


@pytest.mark.parametrize("chooses", [GREEDY, WARM])
def test_a_sample_does_not_depend_on_what_it_is_batched_with(
    generator: Generator, chooses: BoundSampler
) -> None:
    seeds = [3, 1, 4, 1, 5]
    together = generator.generate(PROMPTS, 60, chooses, seeds)
    alone = [
        generator.generate([prompt], 60, chooses, [seed])[0]
        for prompt, seed in zip(PROMPTS, seeds, strict=True)
    ]
    assert together == alone
    assert [len(text) for text in together] == [60] * 5


def test_seeds_determine_a_sample_and_greedy_needs_none(generator: Generator) -> None:
    one, other, again = generator.generate(["The "] * 3, 80, WARM, [0, 1, 0])
    assert one == again != other
    assert len(set(generator.generate(["The "] * 3, 80, GREEDY, [0, 1, 2]))) == 1
    assert generator.generate(["The "], 300, WARM, [0])[0][:80] == one  # beyond one batch of random numbers


@given(prompt=..., num_chars=st.integers(0, 40), seed=st.integers(0, 9))
def test_streamed_pieces_join_to_what_generate_returns(
    generator: Generator, prompt: str, num_chars: int, seed: int
) -> None:
    [text] = generator.generate([prompt], num_chars, WARM, [seed])
    assert len(text) == num_chars
    assert "".join(generator.stream(prompt, num_chars, WARM, seed)) == text


def test_streams_that_end_in_any_order_leave_gradients_on(generator: Generator) -> None:
    """What the process does between two pieces and afterwards may be training."""
    first, second = (generator.stream("The ", 10, WARM, seed) for seed in (0, 1))
    assert next(first) + next(second)
    assert not torch.is_inference_mode_enabled()
    first.close()
    second.close()
    assert not torch.is_inference_mode_enabled()


class Rule(nn.Module):
    """Gives all probability to the token that `next_token` names; its state counts the tokens so far."""

    def __init__(self, vocab_size: int, next_token: Callable[[int, int], int]) -> None:
        super().__init__()
        self.vocab_size, self.next_token = vocab_size, next_token

    def initial_state(self, batch_size: int) -> dict[str, Any]:
        return {"count": torch.zeros(batch_size, 1, dtype=torch.long)}

    def forward(self, ids: Tensor, state: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        counts = state["count"] + torch.arange(ids.shape[1])
        following = [
            [self.next_token(int(token), int(count)) for token, count in zip(*row, strict=True)]
            for row in zip(ids, counts, strict=True)
        ]
        logits = nn.functional.one_hot(torch.tensor(following), self.vocab_size).float().log()
        return logits, {"count": state["count"] + ids.shape[1]}


def letters() -> CharTokenizer:
    tokenizer = CharTokenizer()
    tokenizer.fit("\nabcdefghijklmnopqrstuvwxyz")
    return tokenizer


def test_the_prompt_is_read_after_a_newline_and_each_token_follows_the_one_before() -> None:
    tokenizer = letters()
    generator = generator_of(Rule(len(tokenizer.tokens), lambda token, count: token + 1), tokenizer)
    assert generator.generate(["", "xa", "m"], 5, WARM, [0, 0, 0]) == ["abcde", "bcdef", "nopqr"]


@pytest.mark.parametrize("spells", [True, False])
def test_a_space_at_the_end_of_a_prompt_is_that_of_the_next_word(spells: bool) -> None:
    tokenizer = WordTokenizer(min_count=1)
    tokenizer.fit("\nI am sure I am\n\n " * 3)
    said = ["\n", "I", " am", " sure", "\n"]  # a space alone is followed by a line break, as in the text
    ids = [tokenizer.tokens.index(token) for token in said]
    after = dict(pairwise(ids))
    rule = Rule(len(tokenizer.tokens), lambda token, count: after.get(token, ids[0]))
    model = LanguageModel(rule, len(tokenizer.tokens))
    generator = Generator(model, BoundTokenizer(tokenizer), FP32, spells=spells)
    assert generator.generate(["I", "I ", "I am", "I am "], 7, WARM, [0] * 4) == [
        " am sur",
        "am sure",
        " sure\nI",
        "sure\nI ",
    ]
    assert "".join(generator.stream("I ", 7, WARM, 0)) == "am sure"
    assert list(generator.encode_prompt("I ")) == list(tokenizer.encode("I"))


def bytes_rule(endless: bytes) -> Generator:
    """A generator that writes these bytes over and over, the first one after an empty prompt."""
    tokenizer = letters()
    first, length = tokenizer.tokens.index("<0x00>"), len(endless)
    model = Rule(len(tokenizer.tokens), lambda token, count: first + endless[count % length])
    return generator_of(model, tokenizer)


@pytest.mark.parametrize(
    ("endless", "text"),
    [
        ("é€😀".encode(), "é€😀é€"),
        (b"\x80", "\ufffd" * 5),  # tails of characters, without end
        (b"\xf0\x9f\x98", "\ufffd" * 5),
        (b"a\xff", "a\ufffda\ufffda"),
        (b"\xed\xa0\xbda", "\ufffd\ufffd\ufffda\ufffd"),  # a lone surrogate
        (b"\xed\xa0\xbdabcde\xff", "\ufffd\ufffd\ufffdab"),
    ],
)
def test_any_bytes_become_text_of_the_right_length(endless: bytes, text: str) -> None:
    generator = bytes_rule(endless)
    assert generator.generate([""], 5, WARM, [0]) == [text]
    assert "".join(generator.stream("", 5, WARM, 0)) == text
    # Beside one that takes longer, a sample has more tokens than it needs.
    assert generator.generate(["", "a"], 5, WARM, [0, 0])[0] == text
    assert generator.generate([""], 20, WARM, [0])[0][:5] == text
