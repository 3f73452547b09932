"""Forty faulty plugins in one comparison: `python -m textgen_benchmarks.hostile`.

Each changes the state of its process, ends it, breaks the contract or cheats. Honest entries before, between
and after them must have the same scores, to the bit, as without them, at a budget that trains them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import textgen
from textgen import SampleOptions
from textgen.cli.console import print_rows
from textgen.runtime.process_setup import keep_freed_memory
from textgen_benchmarks.saving import json_option, save

MODEL = """
import ctypes, gc, locale, os, random, resource, signal, sys, threading, time, warnings
import numpy, torch
from torch import nn

class {name}(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.table = nn.Embedding(vocab_size, vocab_size)
        self.num_calls = 0
    def initial_state(self, batch_size):
        return torch.zeros(batch_size, 0)
    def forward(self, ids, state):
        self.num_calls += 1
        logits = self.table(ids)
        if self.num_calls >= 5:
            {code}
        return logits, state
"""
STATE = {
    "folder": "os.chdir('/')",
    "environment": "os.environ.clear()",
    "locale": "locale.setlocale(locale.LC_ALL, 'C')",
    "signals": "[signal.signal(number, signal.SIG_IGN) for number in (2, 15)]",
    "dtype": "torch.set_default_dtype(torch.float64)",
    "threads": "torch.set_num_threads(1)",
    "gradients": "torch.set_grad_enabled(False)",
    "deterministic": "torch.use_deterministic_algorithms(True)",
    "backward": "torch.Tensor.backward = lambda *_, **__: None",
    "entropy": "torch.nn.functional.cross_entropy = lambda *_, **__: torch.zeros((), requires_grad=True)",
    "softmax": "torch.log_softmax = lambda logits, dim: torch.zeros_like(logits)",
    "randomness": "torch.manual_seed(0); random.seed(0); numpy.random.seed(0)",
    "randomfix": "torch.rand = torch.randn = torch.zeros",
    "umask": "os.umask(0o777)",
    "recursion": "sys.setrecursionlimit(60)",
    "stdout": "sys.stdout = sys.stderr = None",
    "warnings": "warnings.simplefilter('error')",
    "collector": "gc.disable(); gc.freeze()",
    "priority": "os.nice(1)",
}
ENDS = {
    "exits": "sys.exit(3)",
    "osexits": "os._exit(0)",
    "cexits": "ctypes.CDLL(None)._exit(0)",
    "segfaults": "ctypes.string_at(0)",
    "aborts": "os.abort()",
    "kills": "os.kill(os.getpid(), 9)",
    "endsparent": "os.kill(os.getppid(), signal.SIGTERM)",
    "endsgroup": "os.killpg(0, signal.SIGTERM)",
    "interrupts": "raise KeyboardInterrupt",
    "forks": "os.fork()",
    "loops": "[None for _ in iter(int, 1)]",
    "sleeps": "time.sleep(10_000)",
    "memory": "self.kept = [torch.ones(2**28) for _ in range(6)]",
    "opens": "self.files = [open('/dev/null') for _ in range(10**7)]",
    "threaded": "[threading.Thread(target=time.sleep, args=(1e6,)).start() for _ in range(50)]",
}
RESULTS = {
    "nan": "logits = logits * float('nan')",
    "infinite": "logits = logits + float('inf')",
    "shapeless": "logits = logits[:, :1]",
    "nothing": "return None",
    "peeks": "logits = logits + 20 * nn.functional.one_hot(ids.roll(-1, 1), logits.shape[-1])",
    "raises": "raise ValueError('a' * 10_000)",
}
FAULTS = STATE | ENDS | RESULTS
HONEST = ("char-lstm", "char-ngram", "random")
MEMORY = "5GB"
"""The limit of each job; `memory` takes 6 GB."""


@dataclass(frozen=True)
class Hostile:
    """What became of one faulty entry."""

    name: str
    code: str
    outcome: str


def bench(entries: Sequence[str], folder: Path, budget: str, plugins: Sequence[Path]) -> Any:
    """Compare entries, with these plugin files."""
    for plugin in plugins:
        textgen.load_plugin_file(plugin)
    options: dict[str, Any] = {"corpus": "lee", "budget": budget, "samples": SampleOptions(length=50)}
    return textgen.bench(entries, **options, cluster=textgen.ClusterOptions(entry_timeout="60s"), out=folder)


def main() -> None:
    """Compare honest entries alone and among faulty ones, and save what became of all of them."""
    parser = json_option(__doc__, "hostile")
    parser.add_argument("--budget", default="200kchars")
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    os.environ["TEXTGEN_MEMORY"] = MEMORY
    with tempfile.TemporaryDirectory() as made:
        folder, plugins = Path(made), []
        for name, code in FAULTS.items():
            plugins.append(folder / f"{name}.py")
            plugins[-1].write_text(MODEL.format(name=name.title(), code=code))
        alone = bench(HONEST, folder / "alone", options.budget, [])
        faulty = [f"char-{name}" for name in FAULTS]
        half = len(faulty) // 2
        mixed = [HONEST[0], *faulty[:half], HONEST[1], *faulty[half:], HONEST[2]]
        among = bench(mixed, folder / "among", options.budget, plugins)
        rows = {row.name: row for row in among.entries}
        honest = {row.name: row.test.bits_per_char for row in alone.entries}
        same = {name: rows[name].error is None and rows[name].test.bits_per_char for name in honest}
        outcomes = [
            Hostile(name, code, rows[f"char-{name}"].error or rows[f"char-{name}"].outcome)
            for name, code in FAULTS.items()
        ]
    print_rows([vars(each) for each in outcomes])
    print(f"honest entries: {honest}; among {len(FAULTS)} faulty ones: {same}; identical: {honest == same}")
    save(options.json, budget=options.budget, memory=MEMORY, honest=honest, among=same, faults=outcomes)


if __name__ == "__main__":
    main()
