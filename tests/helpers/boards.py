"""A small leaderboard: a text in a file, a bench with a plugin on it, and what was submitted of that."""

from __future__ import annotations

from pathlib import Path

from helpers.commands import TINY, run_textgen
from textgen.library.corpus import load_corpus
from textgen.registry.options import build

PLUGIN = '''
import torch
from torch import nn

class Counts(nn.Module):
    """Every token as often as in the training text."""
    def __init__(self, vocab_size):
        super().__init__()
        self.register_buffer("log_counts", torch.zeros(vocab_size))
    def fit(self, ids):
        counts = 1.0 + torch.bincount(torch.from_numpy(ids).long(), minlength=len(self.log_counts))
        self.log_counts.copy_(counts.log())
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        return self.log_counts.expand(*ids.shape, -1), state

class Peeks(Counts):
    """The same, but for the next token where it is given."""
    def forward(self, ids, state):
        following = nn.functional.one_hot(ids.roll(-1, dims=1), len(self.log_counts))
        return self.log_counts + 20.0 * following, state
'''
"""The plugin of somebody else."""
BUDGET, SEEDS = "2000chars", "3"
ABOUT = "An entry of the tests, which is small."
BY = ("--author", "A. Tester", "--about", ABOUT)


def make_board(folder: Path) -> None:
    """Make a text, a plugin, a bench on the text, and a leaderboard with its entries as submissions."""
    folder.mkdir()
    text, plugin, board = folder / "text.txt", folder / "mine.py", folder / "board"
    text.write_text(build("corpus", "lee").read("")[:20_000], "utf-8")
    plugin.write_text(PLUGIN)
    board.mkdir()
    rules = [
        f'budgets = ["{BUDGET}"]',
        "[texts.news]",
        f'corpus = "{text}"',
        f'sha256 = "{load_corpus(text).sha256}"',
    ]
    (board / "leaderboard.toml").write_text("\n".join(rules))
    bench, entries = folder / "bench", (TINY, "char-ngram", "char-counts", "char-peeks")
    settings = ("--corpus", text, "--budget", BUDGET, "--seeds", SEEDS, "--length", 40)
    run_textgen("bench", *entries, *settings, "--plugin", plugin, "--out", bench)
    chosen = (word for entry in entries[:3] for word in ("--entry", entry))
    run_textgen("submit", bench, "--board", board, "--plugin", plugin, *chosen, *BY)
