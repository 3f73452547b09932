"""The plugin that tests write to a file: a model, with room for what it does in `forward`."""

TOY_MODEL = """
import torch
from torch import nn

class Toy(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)
        self.num_calls = 0
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        self.num_calls += 1
        logits = self.table(ids)
        {}
        return logits, state
"""
