"""Entry names: their parts, which part gets an option, and what is answered to a mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.commands import forget_plugin_files
from helpers.plugins import TOY_MODEL
from textgen.contracts import PretrainedVectors, TextgenError
from textgen.experiment.entry import Entry
from textgen.experiment.entry_parser import parse_entries, parse_entry
from textgen.nn.language_model import placeholder_vocabulary
from textgen.nn.mixture import MixtureModel
from textgen.registry.single_file import load_plugin_file
from textgen.training.train_options import TrainOptions
from textgen_embeddings.word2vec import NO_GENSIM
from textgen_models.counting import NGram
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
    assert entry.train_options() == TrainOptions(warmup_fraction=0.2, largest_step=2.0)


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
    assert entry.code.keys() == entry.components.keys()
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
    assert entry.train_options("lstm") == TrainOptions(learning_rate=1, largest_step=2.0)
    assert entry.train_options("net") == TrainOptions(batch_size=4, learning_rate=1)


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


# --- mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown entry ''"),
        ("char-", "unknown model ''"),
        ("char-lstm:tokenizer.num_layers=1", "unknown option 'tokenizer.num_layers'"),
        ("char-lstm:max_words=9", "unknown option 'max_words'"),
        ("char-lstm:batch_size=0", "training option batch_size=0: input should be greater than"),
        *(
            (f"{copies}*char-lstm", "is not a valid number of copies; begin with 1* to 32*")
            for copies in ("0", "33", "x", "2*2")
        ),
        ("char-2*lstm", "is not a valid number of copies; begin with 1* to 32*"),
        ("char-lstm+mix+ngram", "'mix' refines the models to its left; put it after 'ngram'"),
        ("char-mix+ngram", "'mix' refines the models to its left; put it after 'ngram'"),
        ("char-mix", "'mix' refines another model; write char-ngram+mix"),
        ("char-mix+match", "'mix' refines another model; write char-ngram+mix"),
        ("char-ngram+mix:hidden_size=9", "unknown option 'hidden_size'"),
        ("char-ngram+mix+mix", "model 'mix' is given twice"),
    ],
)
def test_a_mistake_is_answered_in_one_line(text: str, message: str) -> None:
    with pytest.raises(TextgenError) as caught:
        parse_entry(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_component_refuses_is_a_one_line_error_that_names_it(toys: None) -> None:  # noqa: ARG001
    entry = parse_entry("char-picky:size=5")
    with pytest.raises(TextgenError) as caught:
        entry.build_model(placeholder_vocabulary(9))
    assert str(caught.value) == (
        "model 'picky' of toys in 'char-picky:size=5': size 5 is no multiple of heads 2"
    )


@pytest.mark.parametrize(
    ("text", "package", "message"),
    [
        ("bpe-lstm", "tokenizers", "'bpe' needs the package tokenizers; run: {}[bpe]"),
        ("hf-lstm", "tokenizers", "'hf' needs the package tokenizers; run: {}[hf]"),
        ("tiktoken-lstm", "tiktoken", "'tiktoken' needs the package tiktoken; run: {}[tiktoken]"),
        ("word-lstm-word2vec", "gensim", NO_GENSIM + "; run: {}[vectors]"),
        ("word-lstm-glove:name=any", "gensim", NO_GENSIM + "; run: {}[vectors]"),
    ],
)
def test_a_missing_package_is_told_when_an_entry_is_read(
    text: str, package: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textgen.runtime.messages.find_spec", lambda name: None if name == package else "")
    expected = message.format('pip install "textgen-bench') + '"'
    assert parse_entries(["random", text])[1][text].removeprefix("the tokenizer ") == expected


def test_an_entry_whose_code_has_changed_since_it_was_read_is_not_trained(tmp_path: Path) -> None:
    for code in (TOY_MODEL, TOY_MODEL + "\n"):
        (tmp_path / "toy.py").write_text(code.format(""))
        load_plugin_file(tmp_path / "toy.py")
        if code is TOY_MODEL:
            entry = parse_entry("char-toy")
            assert entry.code.keys() == {"tokenizer", "model"}
    with pytest.raises(TextgenError, match="code of 'char-toy' has changed during the command"):
        entry.build_tokenizer()
    forget_plugin_files()
