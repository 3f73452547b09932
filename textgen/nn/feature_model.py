"""Base class of models whose features pass through one output layer, with its dropout and shared options."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le, Lt, doc
from torch import Tensor, nn

from textgen.contracts import Search, State
from textgen.nn.dropout import Dropout, automatic_dropout
from textgen.nn.softmax import AdaptiveSoftmax, FullSoftmax
from textgen.nn.weights import num_parameters

NumLayers = Annotated[int, Ge(1), Le(1000), doc("Number of stacked layers."), Search(1, 4)]
HiddenSize = Annotated[
    int, Ge(1), Le(65_536), doc("Size of the hidden layers."), Search(64, 512, log=True, step=32)
]
EmbeddingSize = Annotated[int, Ge(0), Le(65_536), doc("Embedding size; 0 means hidden_size.")]
DropoutProbability = Annotated[
    Annotated[float, Ge(0), Lt(1)] | None,
    doc("Dropout probability, one mask per window; none: automatic."),
    Search(values=(None, 0.0, 0.1, 0.2, 0.3, 0.5)),
]
TieWeights = Annotated[bool, doc("Tie input and output embeddings."), Search()]
Softmax = Annotated[
    Literal["auto", "full", "adaptive"],
    doc("auto: adaptive above 4,000 tokens, where it is several times faster."),
]


class FeatureModel(nn.Module):
    """A base class for models; a subclass defines `initial_state` and `features`, and creates two layers.

    It provides the `forward` of the contract, a `loss` that does not hold all logits at once, an output layer
    that starts from the frequencies of the tokens, and a dropout that follows the expected number of epochs
    unless its probability is given.
    """

    output: FullSoftmax | AdaptiveSoftmax
    parameters_per_token = 0.0
    """Trained parameters for each token of the training text; zero until `set_token_counts`."""

    def features(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the input of the output layer, [batch, time, hidden_size], and the next state."""
        raise NotImplementedError

    def forward(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits [batch, time, vocab_size] and the state after the last token."""
        features, following = self.features(ids, state)
        return self.output(features), following

    def loss(self, ids: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the mean loss in nats per token and the next state."""
        features, following = self.features(ids, state)
        return self.output.loss(features, targets), following

    def set_token_counts(self, counts: Tensor) -> None:
        """Let the output layer start from the frequencies of the tokens, `counts` [vocab_size]."""
        self.parameters_per_token = num_parameters(self) / max(1.0, float(counts.sum()))
        self.output.start_from(counts)

    def set_expected_epochs(self, num_epochs: float) -> None:
        """Choose the dropouts for this number of epochs whose probability is not given."""
        strength = automatic_dropout(num_epochs, self.parameters_per_token)
        for layer in self.modules():
            if isinstance(layer, Dropout):
                layer.follow(strength)
