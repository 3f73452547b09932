"""The word clock of `hier`: when it ticks, and what it remembers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from textgen.contracts import Tokenizer
from textgen.runtime.device import seeded
from textgen_models.hier import Hier, RowDropout, WordEdges
from textgen_tokenizers.char import ByteTokenizer, CharTokenizer
from textgen_tokenizers.word import WordTokenizer

CPU = torch.device("cpu")
SMALL = {"hidden_size": 16, "lower_size": 8, "word_size": 24, "num_keys": 100}
TEXT = "The cat, “so” it's said, sat.\n\nA dog—no: 2 été\n"


def fitted(tokenizer: Any) -> Any:
    tokenizer.fit(TEXT)
    return tokenizer


def ids_of(tokenizer: Tokenizer, text: str) -> Tensor:
    return torch.from_numpy(tokenizer.encode(text)).long()[None]


def built(tokenizer: Tokenizer) -> Hier:
    """Return a new model, but with projections that are not zero."""
    with seeded(0, CPU):
        model = Hier(len(tokenizer.tokens), tokens=tokenizer.tokens, **SMALL).eval()
        for layer in (model.words_to_upper, model.words_to_output):
            nn.init.normal_(layer.weight)
    return model


def tokens_with_ends(tokenizer: Tokenizer, text: str) -> list[str]:
    """Return the tokens of `text`, with a bar after each in which a word ends."""
    ids = ids_of(tokenizer, text)
    _, ends, _ = WordEdges(tokenizer.tokens)(ids, torch.tensor([0]))
    pairs = zip(ids[0].tolist(), ends[0].tolist(), strict=True)
    return [tokenizer.tokens[token] + "|" * is_end for token, is_end in pairs]


def test_a_word_of_characters_ends_with_the_first_character_after_it() -> None:
    found = "".join(tokens_with_ends(fitted(CharTokenizer()), TEXT))
    assert found == "The |cat,| “so”| it'|s |said,| sat.|\n\nA |dog—|no:| 2 |été\n|"


def test_a_character_of_a_script_without_spaces_is_a_word() -> None:
    text = "使う パッケージの deb人。\n"
    tokenizer = CharTokenizer()
    tokenizer.fit(text)
    assert "".join(tokens_with_ends(tokenizer, text)) == "使う| |パッケージの| |deb人|。|\n"
    begins, _, _ = WordEdges(tokenizer.tokens)(ids_of(tokenizer, text), torch.tensor([0]))
    assert [char for char, is_first in zip(text, begins[0].tolist(), strict=True) if is_first] == list(
        "使うパのd人"
    )


def test_a_word_ends_with_the_next_token_that_begins_with_a_space() -> None:
    found = tokens_with_ends(fitted(WordTokenizer(min_count=1)), "The cat, said it.\n")
    assert found == ["The", " cat|", ",|", " said", " it|", ".|", "\n"]


def test_bytes_of_longer_characters_are_letters() -> None:
    found = tokens_with_ends(ByteTokenizer(), "une été.")
    assert [place for place, token in enumerate(found) if token.endswith("|")] == [3, 9]
    spelled = tokens_with_ends(fitted(CharTokenizer()), "café x, ")  # é is known, x is not
    assert [place for place, token in enumerate(spelled) if token.endswith("|")] == [4, 6]


@torch.inference_mode()
def test_the_word_state_changes_where_a_word_ends_and_nowhere_else() -> None:
    tokenizer = fitted(CharTokenizer())
    model = built(tokenizer)
    state, changes = model.initial_state(1), ""
    for char in TEXT:
        _, following = model(ids_of(tokenizer, char), state)
        changes += char + "|" * (not torch.equal(following.words[0], state.words[0]))
        state = following
    assert changes == "".join(tokens_with_ends(tokenizer, TEXT))


def test_dropout_of_rows_drops_the_same_rows_everywhere_in_training_only() -> None:
    torch.manual_seed(0)
    layer, rows = RowDropout(0.5), torch.arange(100).repeat(2, 3)
    vectors = torch.ones(2, 300, 4)
    assert torch.equal(layer.eval()(vectors, rows, 100), vectors)
    dropped = layer.train()(vectors, rows, 100)
    assert torch.equal(dropped, dropped[0, :100].repeat(2, 3, 1))
    assert 20 < int((dropped[0, :100] == 0).all(-1).sum()) < 80
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
