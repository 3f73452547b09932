"""The layers and parameters of an entry."""

from __future__ import annotations

from pathlib import Path

from textgen.data.corpus import load_corpus
from textgen.experiment.entry_parser import parse_entry
from textgen.library.description import summarize_entry


def test_the_alias_describes_the_original(tmp_path: Path) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz .,;!\n"
    (tmp_path / "text.txt").write_text(f"{letters}\n" * 40, "utf-8")
    found = summarize_entry(parse_entry("original"), load_corpus([str(tmp_path / "text.txt")], "raw"))
    assert found.vocab_size == len(letters) == 32
    layers = [(layer.output_shape, layer.num_parameters) for layer in found.layers]
    assert [layer for layer in layers if layer[1]] == [
        ((None, 60, 256), 264_192),
        ((None, 60, 256), 525_312),
        ((None, 256), 525_312),
        ((None, 32), 8_224),
    ]
    dropped = [layer.output_shape for layer in found.layers if layer.type == "Dropout"]
    assert dropped == [(None, 60, 256), (None, 60, 256), (None, 256)]
    assert (found.num_parameters, found.num_frozen_parameters) == (1_323_040, 0)


def test_frozen_vectors_count_apart(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("red green blue red green\n" * 40, "utf-8")
    (tmp_path / "vectors.txt").write_text("red 1 2 3\nblue 3 2 1\n", "utf-8")
    entry = f"word-lstm-word2vec:hidden_size=8,num_layers=1,frozen=true,path={tmp_path / 'vectors.txt'}"
    found = summarize_entry(parse_entry(entry), load_corpus([str(tmp_path / "text.txt")], "raw"))
    table = next(layer for layer in found.layers if layer.type == "TokenEmbedding")
    assert table.num_frozen_parameters == 3 * len(["red", " red", " blue"])
    assert table.num_parameters == 3 * (found.vocab_size - 3)
    assert found.num_frozen_parameters == table.num_frozen_parameters
    assert found.num_parameters == sum(layer.num_parameters for layer in found.layers)
