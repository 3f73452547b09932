"""Models over words that spell what their vocabulary lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textgen.nn.state import tensors
from textgen.nn.weights import set_weights, weights_of
from textgen.runtime.device import seeded
from textgen_models.lstm.layers import ragged_lstm
from textgen_models.lstm.model import LSTM

TOKENS = [" ", "the", " of", "a", "b", " and", "\n", "<0xC3>", ".", "<0xA9>"]
FALLBACK = np.array([token in (" ", "a", "b") or token.startswith("<") for token in TOKENS])
SPACE, THE, OF, A, B, AND, NEWLINE, HIGH, STOP, LOW = range(len(TOKENS))
TEXT = [THE, SPACE, A, B, A, OF, SPACE, B, SPACE, A, HIGH, LOW, STOP, A, B, NEWLINE, SPACE, SPACE, AND, B]
"""Spellings after words and after each other, with and without white space, and of white space alone."""


def speller(tokens: list[str] = TOKENS, fallback: Any = FALLBACK, **options: Any) -> LSTM:
    with seeded(0, torch.device("cpu")):
        options = {"num_layers": 2, "hidden_size": 16, "spelling": "apart"} | options
        model = LSTM(len(tokens), tokens=tokens, fallback=fallback, **options).eval().requires_grad_(False)
        for parameter in model.parameters():  # far enough from the initial ones that all of them matter
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def texts() -> Tensor:
    """The text, and random ids, which few texts would have."""
    others = torch.randint(len(TOKENS), (3, len(TEXT)), generator=torch.Generator().manual_seed(0))
    return torch.cat((torch.tensor([TEXT]), others))


@pytest.mark.parametrize("softmax", ["full", "adaptive"])
def test_probabilities_sum_to_one_everywhere(softmax: str) -> None:
    model = speller(softmax=softmax)
    logits, _ = model(texts(), model.initial_state(4))
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(4, len(TEXT)))
    assert model.is_normalized


def test_a_spelling_costs_its_class_its_characters_and_its_end() -> None:
    """The product of the probabilities of the tokens is that of the string."""
    model = speller()
    assert model.speller is not None
    logits, _ = model(torch.tensor([[THE, A, B, OF]]), model.initial_state(1))
    after_the, after_a, after_ab = logits[0, :3].exp()
    inside = [SPACE, *np.flatnonzero(~FALLBACK)]
    # All that can follow a finished spelling, words and the beginning of another one, share its end's part.
    ends = [float(row[inside].sum()) for row in (after_a, after_ab)]
    state = model.initial_state(1)
    for column in (THE, A, B):
        _, state = model(torch.tensor([[column]]), state)
    words = model.output(model.features_of(state.after)).log_softmax(-1).exp()[0]
    spelled = after_the[A] * after_a[B] * after_ab[OF]
    of = words[model.speller.class_of[OF]]
    torch.testing.assert_close(spelled, after_the[A] * (1 - ends[0]) * _share(after_a, B) * ends[1] * of)
    start = float(after_the[FALLBACK].sum())
    previous = model.output(model.features_of(state.before)).log_softmax(-1).exp()[0]
    torch.testing.assert_close(start, float(previous[model.speller.spelling_class]))


def _share(probabilities: Tensor, token: int) -> Tensor:
    """Return the part of a token in all that continue a spelling."""
    continuing = [A, B, HIGH, LOW]
    return probabilities[token] / probabilities[continuing].sum()


def test_the_word_model_reads_a_spelling_as_one_word() -> None:
    model = speller()
    _, state = model(torch.tensor([[THE]]), model.initial_state(1))
    _, spelled = model(torch.tensor([[SPACE, A, B]]), state)
    for kept, given in zip(tensors(spelled.before), tensors(state.after), strict=True):
        torch.testing.assert_close(kept, given)
    _, following = model(torch.tensor([[OF]]), spelled)
    wanted = model.read(model.embed(torch.tensor([OF])), spelled.after)
    for got, expected in zip(tensors(following.after), wanted, strict=True):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("cut", range(1, len(TEXT) - 1))
def test_chunks_equal_one_pass_and_the_loss_equals_the_logits(cut: int) -> None:
    model, ids = speller(), texts()
    whole, _ = model(ids, model.initial_state(4))
    state = model.initial_state(4)
    for begin, end in ((0, cut), (cut, len(TEXT) - 1)):
        inputs, targets = ids[:, begin:end], ids[:, begin + 1 : end + 1]
        loss, from_loss = model.loss(inputs, targets, state)
        logits, state = model(inputs, state)
        torch.testing.assert_close(logits, whole[:, begin:end])
        torch.testing.assert_close(loss, F.cross_entropy(logits.flatten(0, 1), targets.flatten()))
        for got, wanted in zip(tensors(from_loss), tensors(state), strict=True):
            torch.testing.assert_close(got, wanted)


def test_rows_of_a_batch_do_not_depend_on_each_other() -> None:
    model, ids = speller(), texts()
    together, state = model.loss(ids[:, :-1], ids[:, 1:], model.initial_state(4))
    alone = [model.loss(row[None, :-1], row[None, 1:], model.initial_state(1)) for row in ids]
    torch.testing.assert_close(together, torch.stack([loss for loss, _ in alone]).mean())
    for row, (_, own) in enumerate(alone):
        for joined, single in zip(tensors(state), tensors(own), strict=True):
            torch.testing.assert_close(joined[row], single[0])


@pytest.mark.parametrize("num_read", range(1, len(TEXT) - 1, 3))
def test_steps_of_generation_equal_forward(num_read: int) -> None:
    model, ids = speller(), texts()
    whole, _ = model(ids, model.initial_state(4))
    step = model.prepare_step(torch.float32)
    _, state = model(ids[:, :num_read], model.initial_state(4))
    for place in range(num_read, len(TEXT)):
        logits, state = step(ids[:, place], state)
        torch.testing.assert_close(logits, whole[:, place], rtol=1e-4, atol=1e-4)


def test_saved_weights_predict_the_same() -> None:
    model, other = speller(), speller()
    for parameter in other.parameters():
        parameter.zero_()
    set_weights(other, weights_of(model))
    torch.testing.assert_close(
        other(texts(), other.initial_state(4))[0], model(texts(), model.initial_state(4))[0]
    )


@pytest.mark.parametrize(
    "fallback", [np.zeros(10, bool), np.ones(10, bool), FALLBACK & (np.arange(10) != SPACE)]
)
def test_vocabularies_without_words_and_beginnings_of_spellings_have_no_speller(fallback: Any) -> None:
    model, plain = speller(fallback=fallback), speller(TOKENS, None)
    assert model.speller is None
    assert not model.is_normalized
    torch.testing.assert_close(
        model(texts(), model.initial_state(4)), plain(texts(), plain.initial_state(4)), rtol=0, atol=0
    )


def test_rows_of_different_lengths_are_those_of_each_alone() -> None:
    torch.manual_seed(0)
    layer = nn.LSTM(5, 7, batch_first=True)
    lengths = torch.tensor([3, 0, 8, 1, 5, 8, 0, 2, 4])
    inputs, hidden, cell = torch.randn(9, 8, 5), torch.randn(9, 7), torch.randn(9, 7)
    outputs, (last_hidden, last_cell) = ragged_lstm(layer, inputs, lengths, (hidden, cell))
    for row, length in enumerate(lengths.tolist()):
        state = (hidden[None, row], cell[None, row])
        wanted, state = layer(inputs[row, :length], state) if length else (outputs[row, :0], state)
        torch.testing.assert_close(outputs[row, :length], wanted)
        torch.testing.assert_close((last_hidden[row], last_cell[row]), (state[0][0], state[1][0]))


def test_the_frequencies_of_spellings_and_characters_are_those_of_the_text() -> None:
    model = speller(num_layers=1, hidden_size=8)
    assert model.speller is not None
    counts = torch.tensor([4.0, 10, 10, 8, 8, 10, 10, 0, 10, 0])
    model.set_token_counts(counts)
    of_classes = model.output.bias.detach().softmax(-1)
    assert of_classes[model.speller.spelling_class] == pytest.approx(4.5 / (4 + 50 + 3), rel=1e-3)
    characters = model.speller.output.bias.detach().softmax(-1)
    assert characters.argmax() in (1, 2)
    assert characters[-1] == characters[0]  # each spelling begins with white space and ends once
