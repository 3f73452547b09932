"""Temperature and truncation act on words, spelled ones too, in a language whose words can be enumerated."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.spelling import BEGIN, TOKENS, Language, Speller, spelled_words, vocabulary, word_probabilities
from textgen.contracts import Vocabulary
from textgen.data.bound_tokenizer import START, BoundTokenizer
from textgen.evaluation.token_bits import measure_spellings
from textgen.generation.bound_sampler import BoundSampler, EntropyRecorder, build_sampler
from textgen.generation.generator import Generator
from textgen.nn.language_model import LanguageModel
from textgen.registry.registry import names
from textgen.runtime.device import DeviceConfig

CPU = torch.device("cpu")
NUM_ROWS, NUM_STEPS = 5000, 12
UNLIKELY = 30.0
"""A chi-square statistic that 9 categories reach with a probability of 0.0002."""


def write(
    sampler: BoundSampler, known: Vocabulary, prompt: str = "", recorder: EntropyRecorder | None = None
) -> Tensor:
    """Return the ids [rows, steps] of samples that continue a prompt."""
    ids = Speller().encode("\n" + prompt)
    model, uniforms = Language(), torch.rand(NUM_STEPS, NUM_ROWS, generator=torch.Generator().manual_seed(0))
    logits, state = model(torch.from_numpy(ids).expand(NUM_ROWS, -1), model.initial_state(NUM_ROWS))
    choose, columns, logits = sampler.start([ids[1:]] * NUM_ROWS, known), [], logits[:, -1]
    for row in uniforms:
        columns.append(choose(logits, row))
        if recorder is not None:
            recorder.record(logits, columns[-1])
        logits, state = model(columns[-1][:, None], state)
        logits = logits[:, 0]
    return torch.stack(columns, 1)


def first_words(samples: Tensor, number: int = 2) -> Counter[str]:
    """Return how often each word is among the first ones of the samples."""
    counts: Counter[str] = Counter()
    for row in samples.tolist():
        begins = [place for place, token in enumerate(row) if token <= BEGIN] + [len(row)]
        counts.update(
            "".join(TOKENS[token] for token in row[begins[index] : begins[index + 1]])
            for index in range(number)
        )
    return counts


def tempered(probabilities: dict[str, float], temperature: float) -> dict[str, float]:
    weights = {word: probability ** (1 / temperature) for word, probability in probabilities.items()}
    return {word: weight / sum(weights.values()) for word, weight in weights.items()}


def chi_square(counts: Counter[str], expected: dict[str, float]) -> float:
    assert counts.keys() <= expected.keys()
    total = sum(counts.values())
    return sum((counts[word] - total * share) ** 2 / (total * share) for word, share in expected.items())


@pytest.mark.parametrize(
    ("sampler", "temperature"),
    [("temperature", 0.5), ("top-p:p=1", 1.5), ("typical:p=1", 0.8), ("top-k:k=9", 0.5)],
)
def test_words_are_sampled_in_proportion_to_a_power_of_their_probability(
    sampler: str, temperature: float
) -> None:
    chosen = build_sampler(f"{sampler}{',' if ':' in sampler else ':'}temperature={temperature}")
    expected = tempered(word_probabilities(), temperature)
    assert chi_square(first_words(write(chosen, vocabulary())), expected) < UNLIKELY
    by_tokens = first_words(write(chosen, vocabulary(has_spellings=False)))
    assert chi_square(by_tokens, expected) > 5 * UNLIKELY


def test_at_temperature_1_the_choices_are_those_of_the_model_to_the_last_bit() -> None:
    sampler = build_sampler("temperature:temperature=1")
    assert torch.equal(write(sampler, vocabulary()), write(sampler, vocabulary(has_spellings=False)))


@pytest.mark.parametrize("temperature", [0.5, 1.5])
def test_a_prompt_may_end_within_a_spelled_word(temperature: float) -> None:
    samples = write(build_sampler(f"temperature:temperature={temperature}"), vocabulary(), " y a")
    drawn = Counter("ab"[token - BEGIN - 1] if token > BEGIN else "end" for token in samples[:, 0].tolist())
    expected = tempered({"a": 0.25, "b": 0.25, "end": 0.5}, temperature)
    assert chi_square(drawn, expected) < UNLIKELY
    assert torch.bincount(samples[samples[:, 0] <= BEGIN][:, 0], minlength=4)[:4].min() > 0


def test_the_entropy_is_that_of_the_words_that_were_sampled() -> None:
    sampler, known = build_sampler("temperature:temperature=0.5"), vocabulary()
    recorder = EntropyRecorder(sampler, [np.zeros(0, int)] * NUM_ROWS, known)
    write(sampler, known, recorder=recorder)
    shares = tempered(word_probabilities(), 0.5)
    bits = -sum(share * math.log2(share) for share in shares.values())
    num_chars = sum(share * len(word) for word, share in shares.items())
    assert recorder.bits_per_char == pytest.approx(bits / num_chars, rel=0.02)


@pytest.mark.parametrize(
    ("sampler", "kept"),
    [
        ("greedy", [" x"]),
        ("top-k:k=1", [" x"]),
        ("top-k:k=3", ["\n", " x", " y"]),
        ("min-p:p=0.4", [" x", " y"]),
        ("top-p:p=0.45", [" x", " y"]),
        ("top-p:p=0.55", ["\n", " x", " y"]),
    ],
)
def test_a_token_that_begins_spellings_ranks_like_one_of_its_words(sampler: str, kept: list[str]) -> None:
    # As a token it has a probability of 0.4, more than any other.
    assert sorted(first_words(write(build_sampler(sampler), vocabulary()))) == kept
    as_tokens = first_words(write(build_sampler(sampler), vocabulary(has_spellings=False)))
    assert as_tokens.keys() & spelled_words().keys()


@pytest.mark.parametrize(
    ("sampler", "words", "share"),
    [
        ("top-p:p=0.75", ["\n", " x", " y"], 0.15 / 0.75),
        ("typical:p=0.5", ["\n", " y"], 0.2 / 0.5),  # the entropy is 2.1 nats, the surprisal of " x" 1.2
    ],
)
def test_as_much_is_spelled_as_is_needed_to_reach_p(sampler: str, words: list[str], share: float) -> None:
    counts = first_words(write(build_sampler(sampler), vocabulary()), 1)
    assert sorted(counts.keys() - spelled_words().keys()) == words
    spelled = sum(counts[word] for word in spelled_words())
    assert spelled / NUM_ROWS == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("name", names("sampler"))
def test_without_spellings_a_sampler_takes_tokens_for_words(name: str) -> None:
    whole = vocabulary(has_spellings=False)
    plain = Vocabulary(whole.tokens, np.zeros(len(TOKENS), bool))
    assert torch.equal(write(build_sampler(name), whole), write(build_sampler(name), plain))


def generator_of(*, spells: bool) -> Generator:
    model, known = LanguageModel(Language(), len(TOKENS)), vocabulary()
    config = DeviceConfig(CPU, "fp32")
    return Generator(model, BoundTokenizer(Speller()), config, known.spellings, spells=spells)


@pytest.mark.parametrize("name", names("sampler"))
def test_without_spelling_no_sampler_writes_a_word_that_is_spelled(name: str) -> None:
    prompts, seeds = ["", " x a"] * 4, range(8)
    texts = generator_of(spells=False).generate(prompts, 60, build_sampler(name), seeds)
    assert set("".join(texts)) <= set(" xy\n")
    assert "  " not in "|".join(texts)


def test_the_spellings_of_a_text_are_measured() -> None:
    words = ["x", "", "a", "y", "bb", "ab", "x", "b", "y", "aa", "ba", "y"]
    stretches = [Speller().encode("".join(f" {word}" for word in words * times)) for times in (3, 5)]
    tokenizer = BoundTokenizer(Speller())
    measured = measure_spellings(
        LanguageModel(Language(), len(TOKENS)), tokenizer.vocabulary, stretches, tokenizer.encode(START), CPU
    )
    expected = spelled_words()
    spelled = [" " + word for word in words if word not in ("x", "y")]
    assert len(measured) == 8 * len(spelled)
    for word, nats in zip(spelled * 8, measured, strict=True):
        assert nats[1:] == pytest.approx(expected[word][1:], abs=0.001)
    assert measured[0][0] == pytest.approx(math.log(0.4), abs=0.001)
    assert measured[1][0] == pytest.approx(math.log(0.25 * 0.4), abs=0.001)  # it ends another spelling


def test_a_sample_with_spelled_words_does_not_depend_on_its_batch() -> None:
    prompts, seeds, sampler = ["", " x a", " ab", " "], [5, 6, 7, 8], build_sampler("temperature")
    together = generator_of(spells=True).generate(prompts, 60, sampler, seeds)
    alone = [
        generator_of(spells=True).generate([prompt], 60, sampler, [seed])[0]
        for prompt, seed in zip(prompts, seeds, strict=True)
    ]
    assert together == alone
    assert "a" in "".join(together)
