"""Models whose scores mean nothing, as a plugin file: each sees or keeps what it should not."""

CHEATS = '''
import torch
from torch import nn

class Peeks(nn.Module):
    """Predicts the next token from the next token, where it is given."""
    def __init__(self, vocab_size):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(vocab_size))
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        following = nn.functional.one_hot(ids.roll(-1, dims=1), len(self.bias))
        return self.bias + 20.0 * following, state

class Exaggerates(nn.Module):
    """Says that its probabilities sum to 1, which they do not."""
    is_normalized = True
    def __init__(self, vocab_size):
        super().__init__()
        self.register_buffer("counts", torch.ones(vocab_size))
    def fit(self, ids):
        self.counts += torch.bincount(torch.from_numpy(ids).long(), minlength=len(self.counts))
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        probabilities = 2 * self.counts / self.counts.sum()
        return probabilities.log().expand(*ids.shape, -1), state

class Remembers(nn.Module):
    """Learns every text that it is scored on, by heart."""
    def __init__(self, vocab_size):
        super().__init__()
        self.register_buffer("log_counts", torch.zeros(vocab_size))
        self.following = {}
    def fit(self, ids):
        counts = 1 + torch.bincount(torch.from_numpy(ids).long(), minlength=len(self.log_counts))
        self.log_counts.copy_(counts.log())
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 12, dtype=torch.long)
    def forward(self, ids, state):
        history = torch.cat([state, ids], 1)
        logits = self.log_counts.expand(*ids.shape, -1).clone()
        for row, tokens in enumerate(history.tolist()):
            for time in range(ids.shape[1]):
                known = self.following.get(tuple(tokens[time : time + 13]))
                if known is not None:
                    logits[row, time, known] += 20
            for time in range(ids.shape[1] - 1):
                self.following[tuple(tokens[time : time + 13])] = tokens[time + 13]
        return logits, history[:, -12:]

class Opens(Remembers):
    """Reads the whole corpus while it is trained, and looks up what follows."""
    def fit(self, ids):
        import textgen
        self.text = textgen.load_corpus("lee").text
        super().fit(ids)
'''
