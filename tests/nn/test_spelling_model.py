"""A word model whose spellings are continued by n-grams is one model over tokens."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from textgen.contracts import State, Vocabulary
from textgen.data.vocabulary import continues_spelling
from textgen.nn.language_model import LanguageModel
from textgen.nn.spelling_model import Speller, SpellingModel
from textgen.nn.state import join
from textgen_models.counting import NGram
from textgen_models.recurrent import GRU, LSTM
from textgen_models.transformer import Transformer

TOKENS = ["\n", " the", " cat", " sat", " ", "a", "b", "c", "t", "<0xC3>"]
SPACE = TOKENS.index(" ")
VOCABULARY = Vocabulary(TOKENS, np.arange(len(TOKENS)) >= SPACE, has_speller=True)
TEXT = [
    *("\n", " the", " ", "a", "b", "a", " cat", " ", "c", " "),
    *("a", "b", "b", "t", "\n", "c", "a", "b", " sat"),
]
IDS = np.array([TOKENS.index(token) for token in TEXT])
READERS = {
    "lstm": lambda: LSTM(len(TOKENS), num_layers=2, hidden_size=8, dropout=0.0),
    "gru": lambda: GRU(len(TOKENS), num_layers=1, hidden_size=8, dropout=0.0),
    "transformer": lambda: Transformer(len(TOKENS), num_layers=1, hidden_size=8, num_heads=2, context=4),
    "ngram": lambda: NGram(len(TOKENS), order=3),
}


def spelling_model(name: str = "lstm") -> SpellingModel:
    torch.manual_seed(0)
    reader = LanguageModel(READERS[name]().eval(), len(TOKENS))
    speller = Speller(VOCABULARY.fallback, continues_spelling(VOCABULARY), TOKENS)
    model = SpellingModel(reader, speller, TOKENS)
    model.count_text(IDS)
    if reader.can_fit:
        reader.fit(model.tokens_read(IDS))
    return model


@pytest.fixture(autouse=True)
def _inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


def random_ids(number: int, length: int) -> Tensor:
    """Return texts that begin with a line end, as all do."""
    ids = torch.randint(len(TOKENS), (number, length), generator=torch.Generator().manual_seed(1))
    ids[:, 0] = 0
    return ids


def log_probabilities(model: LanguageModel, ids: Tensor) -> Tensor:
    logits, _ = model.forward(ids, model.initial_state(len(ids)))
    return logits.float().log_softmax(-1)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_chunks_give_what_one_pass_gives(name: str, chunk: int) -> None:
    model, ids = spelling_model(name), random_ids(4, 23)
    whole = log_probabilities(model, ids)
    state, parts = model.initial_state(len(ids)), []
    for part in ids.split(chunk, dim=1):
        logits, state = model.forward(part, state)
        parts.append(logits.float().log_softmax(-1))
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-4, atol=1e-5)


def test_the_reader_sees_the_beginnings_of_spellings_only() -> None:
    read = [TOKENS[token] for token in spelling_model().tokens_read(IDS)]
    expected = ["\n", " the", " ", "a", " cat", " ", "c", " ", "a", "\n", "c", "a", " sat"]
    assert read == expected


def test_spellings_are_predicted_from_rare_and_known_words() -> None:
    model = spelling_model()
    known = log_probabilities(model, tokens("\n", " ", "c"))[0, -1].exp()
    assert TOKENS[int(known.argmax())] == "a"  # as in " cat"
    inside = log_probabilities(model, tokens("\n", " ", "a", "b", "b", "t"))[0, -1].exp()
    assert float(inside[: SPACE + 1].sum()) > 0.7  # the text has " abbt", and a space begins another word
    assert float(inside.sum()) == pytest.approx(1, abs=1e-5)


def test_no_spelling_ends_as_a_word_of_the_vocabulary() -> None:
    """A tokenizer would have written the word, so " cat" goes on, as a spelling after others does too."""
    model = spelling_model()
    for before in (["\n"], ["\n", " ", "c", "a", "b"], ["\n", " the"]):
        inside = log_probabilities(model, tokens(*before, " ", "c", "a", "t"))[0, -1].exp()
        assert float(inside[: SPACE + 1].sum()) < 0.01
        assert float(inside.sum()) == pytest.approx(1, abs=1e-5)
    longer = log_probabilities(model, tokens("\n", " ", "c", "a", "t", "t"))[0, -1].exp()
    assert float(longer[: SPACE + 1].sum()) > 0.1


def test_a_word_is_not_glued_to_a_letter_unless_the_training_text_does_that() -> None:
    model = spelling_model()
    letters = [TOKENS.index(letter) for letter in "abct"]
    found, expected = (
        log_probabilities(each, tokens("\n", " cat"))[0, -1].exp() for each in (model, model.reader)
    )
    assert float(found[letters].sum()) < 1e-4 * float(expected[letters].sum())
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    model.count_text(np.append(IDS, [TOKENS.index(" cat"), TOKENS.index("t")]))
    assert float(log_probabilities(model, tokens("\n", " cat"))[0, -1, TOKENS.index("t")].exp()) > 0.01


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("num_read", [1, 4, 5])
def test_steps_give_what_forward_gives(name: str, num_read: int) -> None:
    """Also where the text that is read ends within a spelling."""
    model, ids = spelling_model(name), torch.from_numpy(IDS)[None].repeat(3, 1)
    ids[1, 4:], ids[2, 2:] = SPACE, ids[2, :-2].clone()
    whole = log_probabilities(model, ids)
    ends: list[State] = [model.forward(row[None, :num_read], model.initial_state(1))[1] for row in ids]
    step, state = model.prepare_step(torch.float32), join(ends)
    for position in range(num_read, ids.shape[1]):
        logits, state = step(ids[:, position], state)
        expected = whole[:, position]
        torch.testing.assert_close(logits.float().log_softmax(-1), expected, rtol=1e-3, atol=1e-4)


def test_a_text_is_read_in_blocks_and_a_large_one_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spelling_model()
    monkeypatch.setattr("textgen.nn.spelling_model.BLOCK", 3)
    monkeypatch.setattr("textgen.nn.spelling_model.MAX_RESIDENT", 4)
    in_blocks, ids = spelling_model(), random_ids(2, 12)
    assert in_blocks.tokens_read(IDS.astype(np.uint16)).tolist() == whole.tokens_read(IDS).tolist()
    torch.testing.assert_close(log_probabilities(in_blocks, ids), log_probabilities(whole, ids))
    monkeypatch.setattr("textgen.nn.spelling_model.POSITIONS", 2)
    assert in_blocks.rest_nats(IDS) == pytest.approx(whole.rest_nats(IDS))


def test_what_the_training_text_lacks_can_be_spelled() -> None:
    """Also by a model that has not seen a single spelling."""
    model = spelling_model()
    model.count_text(np.array([TOKENS.index(" cat")]))
    ids = tokens("\n", " ", " ", "a", "<0xC3>", "<0xC3>", " the", "a", "b", "\n", "<0xC3>", "t")
    assert log_probabilities(model, ids)[0, :-1].gather(1, ids[0, 1:, None]).isfinite().all()


def tokens(*words: str) -> Tensor:
    return torch.tensor([[TOKENS.index(word) for word in words]])


def test_new_text_has_more_oov_words_than_the_training_text() -> None:
    """Words that occur twice in training, the rarest of the vocabulary, are OOV if they occur once."""
    model, the, cat, sat, space = spelling_model(), *map(TOKENS.index, (" the", " cat", " sat", " "))
    spelled = [token for letter in "abc" for token in (space, TOKENS.index(letter))]
    model.count_text(np.array([0, the, the, cat, cat, *spelled, sat, sat, sat, 0, 0]))
    odds = 1 + 2 * 2 / 3
    assert float(model.speller.oov_odds) == pytest.approx(odds)
    after = log_probabilities(model, torch.tensor([[0, the]]))[0, -1].exp()
    model.speller.oov_odds.fill_(1)
    before = log_probabilities(model, torch.tensor([[0, the]]))[0, -1].exp()
    assert after[SPACE:].sum() / after[:SPACE].sum() == pytest.approx(
        float(odds * before[SPACE:].sum() / before[:SPACE].sum()), rel=1e-3
    )
    model.count_text(np.array([0, the, cat]))
    assert float(model.speller.oov_odds) == 1
