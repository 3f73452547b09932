"""Base class of models whose features pass through one output layer."""

from __future__ import annotations

from torch import Tensor, nn

from textgen.contracts import State
from textgen.nn.dropout import LockedDropout
from textgen.nn.softmax import AdaptiveSoftmax, FullSoftmax


class FeatureModel(nn.Module):
    """A base class for models; a subclass defines `initial_state` and `features`, and creates two layers.

    It provides the `forward` of the contract, a `loss` that does not hold all logits at once, an output layer
    that starts from the frequencies of the tokens, and a dropout that follows the expected number of epochs
    unless its probability is given.
    """

    dropout: LockedDropout
    output: FullSoftmax | AdaptiveSoftmax

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
        self.output.start_from(counts)

    def set_expected_epochs(self, num_epochs: float) -> None:
        """Choose the dropout for this number of epochs, unless its probability is given."""
        self.dropout.set_expected_epochs(num_epochs)
