"""Options shared by several models, each with its range and its help."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le, Lt, doc

from textgen.contracts import Search

NumLayers = Annotated[int, Ge(1), Le(1000), doc("Number of stacked layers."), Search(1, 4)]
HiddenSize = Annotated[
    int, Ge(1), Le(65_536), doc("Size of the hidden layers."), Search(64, 512, log=True, step=32)
]
EmbeddingSize = Annotated[int, Ge(0), Le(65_536), doc("Embedding size; 0 means hidden_size.")]
Dropout = Annotated[
    Annotated[float, Ge(0), Lt(1)] | None,
    doc("Dropout probability, one mask per window; none: automatic."),
    Search(values=(None, 0.0, 0.1, 0.2, 0.3, 0.5)),
]
TieWeights = Annotated[bool, doc("Tie input and output embeddings if their sizes match."), Search()]
Softmax = Annotated[
    Literal["auto", "full", "adaptive"],
    doc("auto: adaptive above 4,000 tokens, where it is several times faster."),
]
