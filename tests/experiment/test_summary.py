"""The layers and parameters of an entry."""

from __future__ import annotations

from pathlib import Path

from textgen.data.corpus import load_corpus
from textgen.experiment.entry import parse_entry
from textgen.experiment.summary import summarize_entry


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
    assert found.num_parameters == 1_323_040
