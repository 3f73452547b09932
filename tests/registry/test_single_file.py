"""One Python file as a plugin: found by its classes, named after them, no worse than an installed one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.commands import forget_plugin_files
from textgen.contracts import TextgenError
from textgen.registry import registry
from textgen.registry.registry import PluginError
from textgen.registry.single_file import load_plugin_file

CODE = """
from dataclasses import dataclass
import torch
from torch import nn
from textgen_tokenizers.char import CharTokenizer

class BigramModel(nn.Module):
    def __init__(self, vocab_size, *, scale: float = 0.01):
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)
        self.scale = scale
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        return self.table(ids), state

class Letters(CharTokenizer): pass

@dataclass
class Coin_Sampler:
    bias: float = 0.5
    def __call__(self, logits, uniforms):
        return (uniforms > self.bias).long()

class Remembers:
    def start(self, prompts, vocabulary): ...

class _Hidden(CharTokenizer): pass
class Helper: pass
class Layer(nn.Module): pass
"""


@pytest.fixture(autouse=True)
def no_files() -> Iterator[None]:
    yield
    forget_plugin_files()


def written(folder: Path, code: str = CODE, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(code)
    return path


def test_the_components_of_a_file_are_named_after_their_classes(tmp_path: Path) -> None:
    found = load_plugin_file(written(tmp_path))
    assert [(plugin.kind, plugin.name) for plugin in found] == [
        ("model", "bigram"), ("tokenizer", "letters"), ("sampler", "coin"), ("sampler", "remembers")
    ]  # fmt: skip
    assert registry.load("model", "bigram")(7).scale == 0.01
    assert registry.load("sampler", "coin")().bias == 0.5
    assert {plugin.distribution for plugin in found} == {"mine.py"}
    assert registry.load("model", "lstm").__name__ == "LSTM"


def test_an_unchanged_file_is_not_run_again(tmp_path: Path) -> None:
    path = written(tmp_path, "from textgen.contracts import command\n@command\ndef a_b() -> None: ...\n")
    (first,) = load_plugin_file(path)
    function = registry.load("command", "a-b")
    assert load_plugin_file(path) == [first]
    assert registry.load("command", "a-b") is function
    written(tmp_path, path.read_text() + "\n")
    (second,) = load_plugin_file(path)
    assert second.version != first.version
    assert registry.load("command", "a-b") is not function


def test_a_file_that_takes_a_bundled_name_is_an_error_that_names_both(tmp_path: Path) -> None:
    load_plugin_file(written(tmp_path, CODE.replace("BigramModel", "Lstm")))
    with pytest.raises(PluginError, match=r"'lstm' is claimed by mine\.py .* and textgen-bench "):
        registry.load("model", "lstm")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nothing_of_this_name", "cannot be loaded: ModuleNotFoundError"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("class A:\n  def", "cannot be loaded: SyntaxError: invalid syntax"),
        ("class Helper: pass", "contains no component: a tokenizer has fit, encode"),
        (None, "cannot read the plugin file"),
    ],
)
def test_a_file_that_is_not_a_plugin_is_a_one_line_error(
    tmp_path: Path, code: str | None, message: str
) -> None:
    path = tmp_path / "mine.py"
    if code is not None:
        written(tmp_path, code)
    with pytest.raises(TextgenError) as caught:
        load_plugin_file(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
