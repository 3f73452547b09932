"""What the automatic dropout and the number of copies rest on: `python -m textgen_benchmarks.regularization`.

    python -m textgen_benchmarks.regularization TEXT BUDGET ENTRY… [--seeds N] [--split …] [--max-chars N]

Each entry is trained with each seed and scored on validation alone, and its row is added to
results/regularization.json; rows that are there are kept. `--draw` draws them all to
docs/pictures/regularization.svg (needs matplotlib): the scores of single models while they are trained, by
exposure, which is the number of epochs times the trained parameters per token (at least one).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from textgen.data.corpus import Corpus, load_corpus
from textgen.data.split import NO_PART
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.runtime.device import choose_device
from textgen.runtime.environment import Machine
from textgen.runtime.storage.json_records import read_record
from textgen.training.budget import parse_budget
from textgen_benchmarks.figures import COLOURS
from textgen_benchmarks.saving import RESULTS, json_option, save

RESULT = RESULTS / "regularization.json"
HIGHEST = 0.4
"""Limit of the axis in bits per character: training begins far above it."""
PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "regularization.svg"


@dataclass(frozen=True)
class Fitted:
    """One run, scored on validation."""

    text: str
    num_train_chars: int
    budget: str
    entry: str
    seed: int
    num_copies: int
    num_epochs: float
    exposure: float
    """Epochs of each copy times trained parameters per token, at least one."""
    bits_per_char: float
    curve: tuple[tuple[float, float], ...]
    """Epochs and validation score in the course of training; of copies, all in a row."""

    @property
    def key(self) -> tuple[str, int, str, str, int]:
        """What determines the run."""
        return self.text, self.num_train_chars, self.budget, self.entry, self.seed


@dataclass(frozen=True)
class FittedRows:
    """All rows, with what made the last one."""

    schema_version: int
    versions: dict[str, str]
    machine: Machine
    rows: tuple[Fitted, ...]


def main() -> None:
    """Train what the arguments name, and add the rows; or draw all rows."""
    parser = json_option(__doc__, "regularization")
    parser.add_argument("text", nargs="?")
    parser.add_argument("budget", nargs="?")
    parser.add_argument("entries", nargs="*", metavar="ENTRY")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--split", default="90/5/5")
    parser.add_argument("--max-chars", type=int)
    parser.add_argument("--draw", action="store_true", help="draw the picture")
    options = parser.parse_args()
    rows = {row.key: row for row in _read(options.json)}
    if options.text:
        corpus = load_corpus([options.text], split=options.split, max_chars=options.max_chars)
        name = Path(options.text).stem
        for entry in options.entries:
            for seed in range(options.seeds):
                key = (name, len(corpus.split.train), options.budget, entry, seed)
                if key not in rows:
                    rows[key] = fit(name, corpus, options.budget, entry, seed)
                    save(options.json, rows=list(rows.values()))
                print(f"{entry}, seed {seed}: {rows[key].bits_per_char:.4f}", flush=True)
    if options.draw:
        draw(list(rows.values()), PICTURE)


def fit(name: str, corpus: Corpus, budget: str, entry: str, seed: int) -> Fitted:
    """Train an entry without the test part, and return its row."""
    blind = replace(corpus, split=replace(corpus.split, test=NO_PART))
    parsed = parse_entry(entry)
    run = Experiment(parsed, blind, parse_budget(budget), choose_device(), seed).run()
    result = run.result
    assert result.validation is not None
    trained = next(member for member in run.model.members if member.is_trainable)
    parameters = sum(each.numel() for each in trained.module.parameters() if each.requires_grad)
    num_tokens = len(run.model.tokens_read(run.tokenizer.encode(str(corpus.split.train.text))))
    epochs = result.train.num_epochs / result.num_copies
    return Fitted(
        text=name,
        num_train_chars=len(corpus.split.train),
        budget=budget,
        entry=entry,
        seed=seed,
        num_copies=result.num_copies,
        num_epochs=result.train.num_epochs,
        exposure=epochs * max(1.0, parameters / num_tokens),
        bits_per_char=result.validation.bits_per_char,
        curve=tuple(
            (point.num_epochs, point.validation_bits_per_char or 0.0) for point in result.train.curve
        ),
    )


def draw(rows: Sequence[Fitted], path: Path) -> None:
    """Draw the validation scores of single models while they are trained, by exposure."""
    groups = defaultdict(list)
    for row in rows:
        if row.num_copies == 1:
            name = row.entry.partition(":")[0].removeprefix("1*")
            groups[f"{name}, {row.text}, {row.num_train_chars / 1e6:.1f} M characters"].append(row)
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for (label, members), colour in zip(sorted(groups.items()), (*COLOURS, "#e69f00"), strict=False):
        best = min(score for row in members for _, score in row.curve)
        for number, row in enumerate(members):
            points = [(row.exposure * epochs / row.num_epochs, score - best) for epochs, score in row.curve]
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.9, label="_" if number else label)
    axes.set_xscale("log")
    axes.set_ylim(0, HIGHEST)
    axes.set_xlabel("exposure: epochs × parameters per token (at least one)")
    axes.set_ylabel("validation bits/char above the best")
    axes.legend()
    with rc_context({"svg.hashsalt": "textgen", "font.size": 8}):
        figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")


def _read(path: Path) -> tuple[Fitted, ...]:
    return read_record(FittedRows, path).rows if path.is_file() else ()


if __name__ == "__main__":
    main()
