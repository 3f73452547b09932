"""Options that several models have, each with its range and its help."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Lt, doc

from textgen.api import Search

NumLayers = Annotated[int, Ge(1), doc("Layers on top of each other."), Search(1, 4)]
HiddenSize = Annotated[int, Ge(1), doc("Width of a layer."), Search(64, 512, log=True, step=32)]
EmbeddingSize = Annotated[int, Ge(0), doc("Width of the input table; 0 for the width of a layer.")]
Dropout = Annotated[
    Annotated[float, Ge(0), Lt(1)] | None,
    doc("Share of the columns between layers that are left out in training; none for an automatic one."),
    Search(values=(None, 0.0, 0.1, 0.2, 0.3, 0.5)),
]
TieWeights = Annotated[
    bool, doc("Whether the input table, if it is as wide as a layer, is the output too."), Search()
]
Softmax = Annotated[
    Literal["auto", "full", "adaptive"],
    doc("auto: adaptive above 4,000 tokens, where it is several times faster."),
]
