"""Generation step of the LSTM: what does not change from token to token is computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

MAX_TABLE = 2**24
"""The first layer's share of the gates is tabulated for every token if it has at most so many numbers."""

LayerStates = list[tuple[Tensor, Tensor]]
"""Hidden state (in the type of the weights) and cell state (fp32) of each layer, [batch, hidden_size]."""


class LSTMStep:
    """Ids [batch] and a state to logits [batch, vocab_size] and the next state.

    Per layer there is one product: the weights for input and hidden state stand side by side, the two
    biases are summed, and the gain that a layer's output gets is part of the next one's weights. The first
    layer looks its input's share up in a table of all tokens. Products are computed in `dtype`, the rest
    in fp32.
    """

    def __init__(
        self,
        table: Tensor,
        layers: Sequence[nn.LSTM],
        output: Callable[[Tensor], Tensor],
        gain: float,
        dtype: torch.dtype,
    ) -> None:
        self._output, self._gain, self._dtype = output, gain, dtype
        sources = [tuple(parameter.detach() for parameter in layer.parameters()) for layer in layers]
        self._biases = [bias_ih + bias_hh for _, _, bias_ih, bias_hh in sources]
        self._is_tabulated = len(table) * len(self._biases[0]) <= MAX_TABLE
        self._table = (table.detach() @ sources[0][0].t() if self._is_tabulated else table.detach()).to(dtype)
        self._weights = []
        for index, (weight_ih, weight_hh, _, _) in enumerate(sources):
            parts = [weight_ih * gain if index else weight_ih, weight_hh]
            kept = parts[1:] if index == 0 and self._is_tabulated else parts
            self._weights.append(torch.cat(kept, dim=1).t().to(dtype).contiguous())

    def __call__(self, ids: Tensor, state: LayerStates | tuple[Tensor, Tensor]) -> tuple[Tensor, LayerStates]:
        """Advance by one token. The first state may be the model's, the following are the step's own."""
        states = state if isinstance(state, list) else self._by_layer(*state)
        features, result = self._table[ids], []
        for index, (last_hidden, last_cell) in enumerate(states):
            if index == 0 and self._is_tabulated:
                product = (last_hidden @ self._weights[0]).float().add_(features)
            else:
                product = (torch.cat((features, last_hidden), dim=1) @ self._weights[index]).float()
            hidden, cell = advance(product.add_(self._biases[index]), last_cell)
            features = hidden.to(self._dtype)
            result.append((features, cell))
        return self._output(hidden * self._gain), result

    def _by_layer(self, hidden: Tensor, cell: Tensor) -> LayerStates:
        return [(hidden[:, index].to(self._dtype), cell[:, index]) for index in range(hidden.shape[1])]


def advance(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Return hidden and cell state after gates [batch, 4 · hidden_size] (input, forget, cell, output)."""
    size = cell.shape[1]
    opened = gates.sigmoid()  # of all four: one call is quicker than leaving the third out
    cell = opened[:, size : 2 * size] * cell
    cell.addcmul_(opened[:, :size], gates[:, 2 * size : 3 * size].tanh())
    return opened[:, 3 * size :] * cell.tanh(), cell
