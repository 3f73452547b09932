"""Entry names: their parts, which part gets an option, and what is answered to a mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from textgen.contracts import PretrainedVectors, TextgenError
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entry
from textgen.nn.language_model import ModelClass, placeholder_vocabulary
from textgen.nn.mixture import MixtureModel
from textgen.registry.registry import PluginError, names
from textgen.runtime.storage.json_records import from_values, to_json
from textgen.training.train_options import TrainOptions
from textgen_models.counting import NGram, Uniform
from textgen_models.recurrent import LSTM
from textgen_tokenizers.word import WordTokenizer

Install = Callable[[str, str, str], None]
TOYS = """
[textgen.tokenizers]
bits = toys:Bits
[textgen.models]
net = toys:Net
picky = toys:Picky
[textgen.aliases]
small = toys:SMALL
"""
TOYS_CODE = """
from torch import nn
from textgen_tokenizers.char import CharTokenizer

class Bits(CharTokenizer):
    def __init__(self, *, depth: int = 1): self.depth = depth

class Module(nn.Module):
    def initial_state(self, batch_size): ...
    def forward(self, ids, state): ...

class Net(Module):
    recommended_training = {"batch_size": 4, "learning_rate": 0.5}
    def __init__(self, vocab_size, *, depth: int = 1, max_grad_norm: float = 2.0):
        super().__init__()
        self.vocab_size, self.depth, self.max_grad_norm = vocab_size, depth, max_grad_norm

class Picky(Module):
    def __init__(self, vocab_size, *, size: int = 4, heads: int = 2):
        if size % heads: raise ValueError(f"size {size} is no multiple of heads {heads}")

SMALL = "char-lstm:num_layers=1,hidden_size=8,learning_rate=0.1"
"""


@pytest.fixture
def toys(install: Install) -> None:
    """A tokenizer, two models and an alias of another distribution."""
    install("toys", TOYS, TOYS_CODE)


def vectors(dimension: int) -> PretrainedVectors:
    return PretrainedVectors(torch.ones(9, dimension), torch.ones(9, dtype=torch.bool), frozen=False)


# --- parts and options


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("char-lstm", {"tokenizer": "char", "model": "lstm"}),
        ("word-lstm-glove", {"tokenizer": "word", "model": "lstm", "embedding": "glove"}),
        ("random", {"tokenizer": "char", "model": "uniform"}),
        (" char-lstm: ", {"tokenizer": "char", "model": "lstm"}),
        ("word-lstm+ngram-glove", {"tokenizer": "word", "model": "lstm+ngram", "embedding": "glove"}),
    ],
)
def test_parts(text: str, parts: dict[str, str]) -> None:
    assert parse_entry(text) == Entry(text.strip(), parts, {})


def test_an_option_goes_to_the_part_that_declares_it() -> None:
    options = "max_words=9,num_layers=1,frozen=true,model.dropout=0,train.warmup_fraction=0.2"
    entry = parse_entry(f"word-lstm-glove:{options}")
    assert entry.options == {
        "tokenizer": {"max_words": 9},
        "model": {"num_layers": 1, "dropout": 0.0},
        "embedding": {"frozen": True},
        "train": {"warmup_fraction": 0.2},
    }
    tokenizer, embedding = entry.build_tokenizer().component, entry.build_embedding()
    assert isinstance(tokenizer, WordTokenizer)
    assert tokenizer.max_words == 9
    assert embedding is not None
    assert embedding.frozen
    model = entry.build_model(placeholder_vocabulary(9), vectors(5)).module
    assert isinstance(model, LSTM)
    assert (model.num_layers, model.input.size) == (1, 5)
    assert entry.train_options() == TrainOptions(warmup_fraction=0.2)


def test_each_member_of_a_mixture_is_a_part() -> None:
    entry = parse_entry("word-ngram+lstm-glove:order=3,lstm.num_layers=1,hidden_size=8,batch_size=4")
    assert entry.options == {
        "ngram": {"order": 3},
        "lstm": {"num_layers": 1, "hidden_size": 8},
        "train": {"batch_size": 4},
    }
    assert entry.components == {
        "tokenizer": ("tokenizer", "word"),
        "ngram": ("model", "ngram"),
        "lstm": ("model", "lstm"),
        "embedding": ("embedding", "glove"),
    }
    assert entry.identities().keys() == entry.components.keys()
    assert (entry.trained, entry.is_trainable) == (("lstm",), True)
    assert entry.train_options().batch_size == 4
    model = entry.build_model(placeholder_vocabulary(9), vectors(5))
    assert isinstance(model, MixtureModel)
    ngram, lstm = (member.module for member in model.members)
    assert isinstance(ngram, NGram)
    assert isinstance(lstm, LSTM)
    assert (ngram.order, lstm.num_layers, lstm.input.size) == (3, 1, 5)


def test_each_member_of_a_mixture_has_its_own_recommended_training(toys: None) -> None:  # noqa: ARG001
    entry = parse_entry("char-lstm+net+uniform:learning_rate=1")
    assert entry.trained == ("lstm", "net")
    assert entry.train_options("lstm") == TrainOptions(learning_rate=1)
    assert entry.train_options("net") == TrainOptions(batch_size=4, learning_rate=1)


@pytest.mark.parametrize("text", ["word-lstm-glove:num_layers=1,batch_size=8,dropout=0.25", "random"])
def test_an_entry_can_be_written_down(text: str) -> None:
    entry = parse_entry(text)
    assert from_values(Entry, json.loads(to_json(entry))) == entry


def test_an_alias_is_an_entry_whose_options_can_be_changed(toys: None) -> None:  # noqa: ARG001
    model = {"num_layers": 1, "hidden_size": 8}
    small = parse_entry("small")
    assert (small.name, small.parts) == ("small", {"tokenizer": "char", "model": "lstm"})
    assert small.options == {"model": model, "train": {"learning_rate": 0.1}}
    changed = parse_entry("small:hidden_size=16,batch_size=4")
    assert changed.options == {
        "model": model | {"hidden_size": 16},
        "train": {"learning_rate": 0.1, "batch_size": 4},
    }
    assert changed.name == "small:hidden_size=16,batch_size=4"


def test_an_option_of_two_parts_must_be_qualified(toys: None) -> None:  # noqa: ARG001
    with pytest.raises(TextgenError) as caught:
        parse_entry("bits-net:depth=3")
    assert str(caught.value) == (
        "entry 'bits-net:depth=3': option 'depth' belongs to two parts; "
        "write tokenizer.depth=3 or model.depth=3"
    )
    with pytest.raises(TextgenError, match=r"write model\.max_grad_norm=1 or train\.max_grad_norm=1"):
        parse_entry("bits-net:max_grad_norm=1")
    entry = parse_entry("bits-net:tokenizer.depth=3,model.depth=4,train.max_grad_norm=1")
    assert entry.options == {
        "tokenizer": {"depth": 3},
        "model": {"depth": 4},
        "train": {"max_grad_norm": 1.0},
    }
    tokenizer: Any = entry.build_tokenizer().component
    model: Any = entry.build_model(placeholder_vocabulary(7)).module
    assert (tokenizer.depth, model.depth, model.vocab_size, model.max_grad_norm) == (3, 4, 7, 2.0)
    assert parse_entry("char-net:depth=3").options == {"model": {"depth": 3}}


def test_a_model_recommends_training_options_and_the_entry_overrides_them(toys: None) -> None:  # noqa: ARG001
    assert parse_entry("char-net").train_options() == TrainOptions(batch_size=4, learning_rate=0.5)
    assert parse_entry("char-net:learning_rate=1").train_options() == (
        TrainOptions(batch_size=4, learning_rate=1.0)
    )


def test_unknown_training_options_are_blamed_on_the_model(install: Install) -> None:
    code = TOYS_CODE.replace('"batch_size"', '"batches"')
    install("toys", "[textgen.models]\nnet = toys:Net", code)
    with pytest.raises(
        PluginError, match=r"^model 'net' \(toys:Net, from toys 1\.0\) recommends .*'batches'"
    ):
        parse_entry("char-net").train_options()


# --- mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr-lstm", "entry 'chr-lstm': unknown tokenizer 'chr'; did you mean 'char'? known: "),
        ("char-lstn", "unknown model 'lstn'; did you mean 'lstm'? known: "),
        ("word-lstm-glov:num_layers=1", "unknown embedding 'glov'; did you mean 'glove'? known: "),
        ("randm", "unknown entry 'randm'; did you mean 'random'?"),
        (
            "lstm",
            "'lstm' is only a model; did you mean bpe-lstm or byte-lstm or char-lstm or hf-lstm or",
        ),
        ("", "unknown entry ''"),
        ("char-", "unknown model ''"),
        ("char-lstm-glove-glove", "entry 'char-lstm-glove-glove' has too many parts"),
        ("char-lstm:num_layer=1", "unknown option 'num_layer'; did you mean 'num_layers'? known: "),
        ("char-lstm:tokenizer.num_layers=1", "unknown option 'tokenizer.num_layers'"),
        ("char-lstm:max_words=9", "unknown option 'max_words'"),
        ("char-lstm:num_layers", "cannot read option 'num_layers'; write option=value"),
        ("char-lstm:num_layers=0", "lstm option num_layers=0: input should be greater than or equal to 1"),
        ("char-lstm:hidden_size=big", "lstm option hidden_size=big: input should be a valid integer"),
        ("char-lstm:batch_size=0", "training option batch_size=0: input should be greater than"),
        ("char-lstm:dropout=1", "lstm option dropout=1: input should be less than 1"),
        (
            "char-uniform-glove",
            "model 'uniform' takes no embedding; leave it out",
        ),
    ],
)
def test_a_mistake_is_answered_in_one_line(text: str, message: str) -> None:
    with pytest.raises(TextgenError) as caught:
        parse_entry(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_entry_lists_the_known_ones() -> None:
    with pytest.raises(TextgenError) as caught:
        parse_entry("nothing")
    for kind in ("tokenizer", "model", "embedding", "alias"):
        assert all(name in str(caught.value) for name in names(kind))


def test_what_a_component_refuses_is_a_one_line_error_that_names_it(toys: None) -> None:  # noqa: ARG001
    entry = parse_entry("char-picky:size=5")
    with pytest.raises(TextgenError) as caught:
        entry.build_model(placeholder_vocabulary(9))
    assert str(caught.value) == (
        "model 'picky' of toys in 'char-picky:size=5': size 5 is no multiple of heads 2"
    )


def test_vectors_go_to_a_model_with_an_input_table_only() -> None:
    assert ModelClass(LSTM).accepts_vectors
    assert not ModelClass(Uniform).accepts_vectors
    with pytest.raises(TextgenError, match=r"^model 'uniform' in 'random' takes no embedding$"):
        parse_entry("random").build_model(placeholder_vocabulary(9), vectors(5))
    assert parse_entry("random").build_embedding() is None


def test_a_broken_plugin_fails_its_own_entries_only(install: Install) -> None:
    install("toys", "[textgen.models]\nnet = toys:Net", "raise SystemExit")
    with pytest.raises(PluginError, match=r"from toys 1\.0"):
        parse_entry("char-net")
    assert parse_entry("char-lstm").parts["model"] == "lstm"
