"""What parts of trained models are worth: `python -m textgen_benchmarks.parts CORPUS RUN… [--split …]`.

Scores the test text by each run as it was saved, and with one part switched off that can be: the product at
the end of a mixture, the geometric mean of copies (the arithmetic one instead), the rule that no spelling
ends as a word of the vocabulary; and with all of them. Rows are added to results/parts.json. `--table` prints
what all rows say: positive is what a part saves, in bits per character.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from statistics import fmean

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from textgen.data.bound_tokenizer import START
from textgen.data.corpus import load_corpus
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.saved_run import SavedRun, load_run
from textgen.nn.mixture import Average, Mixture
from textgen.nn.oov_words import OovWords
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.saving import json_option, save


@dataclass(frozen=True)
class PartRow:
    """The score of a test text by one run."""

    text: str
    entry: str
    seed: int
    budget: str
    num_copies: int
    without: str
    """The part that was switched off; empty: none."""
    bits_per_char: float


@dataclass(frozen=True)
class PartRows:
    """All rows, with what made the last ones."""

    schema_version: int
    versions: dict[str, str]
    machine: Machine
    rows: tuple[PartRow, ...]


class ArithmeticMean(Average):
    """The mean of the probabilities instead of the logarithms."""

    def combined(self, predictions: Sequence[Tensor], ids: Tensor) -> Tensor:  # noqa: ARG002 - all contexts
        """Return the logarithm of the mean probabilities."""
        return reduce(torch.logaddexp, predictions) - math.log(len(predictions))


def without_product(module: nn.Module) -> bool:
    """Let a mixture end with the interpolation; return whether it did not."""
    if isinstance(module, Mixture):
        module.set_powers(torch.eye(len(module.powers))[0])
    return isinstance(module, Mixture)


def without_geometric_mean(module: nn.Module) -> bool:
    """Let an average be arithmetic; return whether the module is one."""
    if isinstance(module, Average):
        module.__class__ = ArithmeticMean
    return isinstance(module, Average)


def without_known(module: nn.Module) -> bool:
    """Let a spelling end as a word of the vocabulary; return whether the module has words."""
    if isinstance(module, OovWords):
        module.table.is_known[:] = False
    return isinstance(module, OovWords)


def without_vectors(module: nn.Module) -> bool:
    """Let a speller not know the words of vectors; return whether it did."""
    knows = isinstance(module, OovWords) and len(module.words) > 0
    if isinstance(module, OovWords):
        module.use(module.words[:0], module.spelled, module.counts, module.discount)
    return knows


def without_spelled(module: nn.Module) -> bool:
    """Let n-grams alone spell; return whether the module has words."""
    if isinstance(module, OovWords):
        module.use(module.words[:0], module.spelled[:0], module.counts[:0], module.discount)
    return isinstance(module, OovWords)


PARTS: dict[str, Callable[[nn.Module], bool]] = {
    "product": without_product,
    "geometric mean": without_geometric_mean,
    "words of vectors": without_vectors,
    "OOV words": without_spelled,
    "no known word is spelled": without_known,
}


def main() -> None:
    """Score the runs that the arguments name, and add the rows; or print all rows."""
    parser = json_option(__doc__, "parts")
    parser.add_argument("corpus", nargs="?")
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--split", default="90/5/5")
    parser.add_argument("--max-chars", type=int)
    parser.add_argument("--table", action="store_true", help="print the table of all rows")
    options = parser.parse_args()
    rows = list(read_record(PartRows, options.json).rows) if options.json.is_file() else []
    if options.corpus:
        corpus = load_corpus([options.corpus], split=options.split, max_chars=options.max_chars)
        name = Path(options.corpus).stem + (f", first {options.max_chars:,}" if options.max_chars else "")
        for folder in options.runs:
            rows += measured(name, folder, corpus.split.test.stretches())
            save(options.json, rows=rows)
    if options.table:
        Console().print(table(rows))


def measured(text: str, folder: str, texts: Sequence[str]) -> list[PartRow]:
    """Score a run as it was saved, then without each of its parts, then without any of them."""
    rows = []
    for without in ([], *([part] for part in PARTS), list(PARTS)):
        run = load_run(folder, "cpu")
        found = [PARTS[part](module) for part in without for module in run.model.module.modules()]
        if without and not any(found):
            continue
        label = "all" if len(without) > 1 else "".join(without)
        row = PartRow(
            text=text,
            entry=run.entry.name,
            seed=run.result.seed,
            budget=run.settings.budget,
            num_copies=run.result.num_copies,
            without=label,
            bits_per_char=bits_per_char(run, texts),
        )
        rows.append(row)
        print(row, flush=True)
    return rows


def bits_per_char(run: SavedRun, texts: Sequence[str]) -> float:
    """Return the score of texts, each from the beginning."""
    ids = [run.encode(text) for text in texts]
    start = run.tokenizer.encode(START)
    scores = score_stretches(run.model, texts, ids, start, device=torch.device("cpu"))
    return float(sum(score.bits.sum() for score in scores)) / sum(map(len, texts))


def table(rows: Sequence[PartRow]) -> Table:
    """Return what each part saves, by text and entry: the mean of the seeds, the least and the most."""
    savings = defaultdict[tuple[str, ...], list[float]](list)
    whole = {
        (row.text, row.entry, row.budget, row.seed): row.bits_per_char for row in rows if not row.without
    }
    for row in rows:
        if row.without:
            saved = row.bits_per_char - whole[row.text, row.entry, row.budget, row.seed]
            savings[row.text, row.entry, row.budget, str(row.num_copies), row.without].append(saved)
    shown = Table("text", "entry", "budget", "copies", "part", "saves", "least to most", "seeds")
    for key, values in savings.items():
        spread = f"{min(values):+.4f} to {max(values):+.4f}"
        shown.add_row(*key, f"{fmean(values):+.4f}", spread, str(len(values)))
    return shown


if __name__ == "__main__":
    main()
