"""A small leaderboard: a text in a file, a bench with a plugin on it, and what was submitted of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import fsum
from pathlib import Path

from helpers.commands import TINY, run_textgen
from textgen.evaluation.intervals import SeedPrior
from textgen.evaluation.scoring import interval
from textgen.evaluation.token_bits import LOG2
from textgen.experiment.entry_result import EntryResult
from textgen.library.corpus import load_corpus
from textgen.registry.options import build
from textgen.results.comparison import Comparison
from textgen.runtime.storage.json_records import read_record, write_record
from textgen_verify.board.make import alone

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


def forge(path: Path, change: Callable[[EntryResult], EntryResult], share: float = 1.0) -> None:
    """Change the rows of a submission, and all that follows from them, as somebody would who knows how.

    `share` of the bits of all stretches is left.
    """
    result = read_record(Comparison, path / "bench.json")
    rows = tuple(_forged(change(run), share, result.seed_priors["bits_per_char"]) for run in result.runs)
    write_record(path / "bench.json", alone(replace(result, entries=rows), rows[0].name))


def _forged(run: EntryResult, share: float, prior: SeedPrior) -> EntryResult:
    assert run.test
    assert run.test.units
    train = run.train
    own = prior.after_runs([train.num_chars], [train.pace_sd]) if train.num_updates else None
    units = replace(run.test.units, bits=tuple(share * each for each in run.test.units.bits))
    bits = fsum(units.bits)
    score, bits_per_char = run.test, bits / sum(units.num_chars)
    spent, seen = (
        each and replace(each, **_scaled(vars(each), share, bits_per_char))
        for each in (score.bits_by_category, score.bits_by_seen_words)
    )
    assert spent
    forged = replace(
        score,
        bits_per_char=bits_per_char,
        bits_by_category=spent,
        bits_by_seen_words=seen,
        bits_per_char_without_oov=bits_per_char - spent.oov_words,
        bits_per_byte=bits / score.num_bytes,
        nats_per_char=bits_per_char * LOG2,
        perplexity_per_word=2 ** (bits / max(1, score.num_between_spaces)),
        units=units,
        seed_prior=own,
        interval=interval(units, own),
    )
    speed = train.num_chars / max(train.seconds, 1e-9)
    checks = replace(run.score_checks, total_bits=bits)
    train = replace(train, chars_per_second=speed)
    return replace(run, train=train, test=forged, score_checks=checks)


def _scaled(spent: dict[str, float], share: float, whole: float) -> dict[str, float]:
    """Return the bits of kinds of text, of which the last has what the others leave."""
    *others, last = spent
    scaled = {name: share * spent[name] for name in others}
    return scaled | {last: whole - fsum(scaled.values())}
