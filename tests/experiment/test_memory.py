"""Memory of an entry: what training would need is refused before it is taken."""

from __future__ import annotations

import re

import pytest

from textgen.contracts import TextgenError
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.memory import build_for_training, build_to_predict
from textgen.nn.language_model import LanguageModel, placeholder_vocabulary
from textgen.runtime.device import choose_device

VOCABULARY = placeholder_vocabulary(100)


def built(entry: str, num_tokens: int = 10**6) -> LanguageModel:
    device = choose_device("cpu", "fp32")
    return build_for_training(parse_entry(entry), VOCABULARY, None, num_tokens, device, seed=0)


@pytest.mark.parametrize(
    ("entry", "what", "advice"),
    [
        ("char-lstm:num_layers=1000,hidden_size=65536", "the model", "num_layers or hidden_size"),
        ("char-gru:hidden_size=65536,num_layers=900", "the model", "hidden_size or num_layers"),
        ("char-lstm+ngram:num_layers=1000,hidden_size=65536", "the model", "num_layers or hidden_size"),
        ("char-lstm:batch_size=65536,sequence_length=65536", "training", "batch_size or sequence_length"),
    ],
)
def test_what_no_machine_has_is_one_line_that_names_the_options(entry: str, what: str, advice: str) -> None:
    with pytest.raises(TextgenError) as caught:
        built(entry, num_tokens=10**12)
    pattern = rf"entry '{re.escape(entry)}': {what} needs about .+ TB .+; make {advice} smaller"
    assert re.fullmatch(pattern, str(caught.value))


def test_a_large_batch_of_a_short_text_is_no_reason() -> None:
    assert built("char-lstm:batch_size=65536,sequence_length=65536,hidden_size=8", num_tokens=1000)


def test_a_model_that_is_loaded_is_refused_too() -> None:
    entry = parse_entry("char-lstm:num_layers=1000,hidden_size=65536")
    with pytest.raises(TextgenError, match="the model needs about"):
        build_to_predict(entry, VOCABULARY, is_loaded=True)
