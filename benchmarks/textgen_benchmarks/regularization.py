"""What the automatic dropout and the number of copies rest on: `python -m textgen_benchmarks.regularization`.

    python -m textgen_benchmarks.regularization TEXT BUDGET ENTRY… [--seeds N] [--split …] [--max-chars N]

Each entry is trained with each seed and scored on validation alone, and its row is added to
results/regularization.json; rows that are there are kept. `--draw` draws them all to
docs/pictures/regularization.svg (needs matplotlib): the score by dropout, and while training, by exposure,
which is the number of epochs times the trained parameters per token (at least one).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from matplotlib import rc_context
from matplotlib.figure import Figure

from textgen.data.corpus import Corpus, load_corpus
from textgen.data.split import NO_PART
from textgen.experiment.entry import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.nn.dropout import automatic_dropout
from textgen.runtime.device import choose_device
from textgen.runtime.storage.json_records import read_record
from textgen.training.budget import parse_budget
from textgen_benchmarks.figures import COLOURS
from textgen_benchmarks.saving import RESULTS, json_option, save

RESULT = RESULTS / "regularization.json"
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
    """All rows."""

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
    """Draw validation scores by dropout, and of copies by exposure, relative to the best of a text."""
    by_setting = defaultdict(list)
    for row in rows:
        options = parse_entry(row.entry).options
        others = {key: value for part in options.values() for key, value in part.items() if key != "dropout"}
        dropout = next((part["dropout"] for part in options.values() if "dropout" in part), None)
        if dropout is not None and not others and row.num_copies == 1:
            name = row.entry.partition(":")[0]
            by_setting[name, row.text, row.num_train_chars, row.budget].append((dropout, row))
    figure = Figure(figsize=(8, 3.2))
    left, right = figure.subplots(1, 2)
    for number, ((name, text, num_chars, budget), pairs) in enumerate(sorted(by_setting.items())):
        colour = COLOURS[number % len(COLOURS)]
        label = f"{name}, {text} ({num_chars / 1e6:.1f} M), {budget}"
        values = defaultdict(list)
        for dropout, row in pairs:
            values[dropout].append(row.bits_per_char)
        means = sorted((dropout, fmean(scores)) for dropout, scores in values.items())
        best = min(score for _, score in means)
        left.plot(
            *zip(*((p, score - best) for p, score in means), strict=True), "o-", color=colour, label=label
        )
        wanted = automatic_dropout(pairs[0][1].exposure, 0)
        left.axvline(wanted, color=colour, linestyle=":", linewidth=0.8)
        for _, row in pairs:
            per_epoch = row.exposure / row.num_epochs
            points = [(epochs * per_epoch, score) for epochs, score in row.curve]
            right.plot(*zip(*points, strict=True), color=colour, linewidth=0.8)
    right.set_xscale("log")
    left.set(xlabel="dropout (dotted: the automatic one)", ylabel="validation bits/char above the best")
    right.set(xlabel="exposure: epochs × parameters per token", ylabel="validation bits/char while trained")
    left.legend(fontsize=6)
    figure.tight_layout()
    with rc_context({"svg.hashsalt": "textgen", "font.size": 8}):
        figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")


def _read(path: Path) -> tuple[Fitted, ...]:
    return read_record(FittedRows, path).rows if path.is_file() else ()


if __name__ == "__main__":
    main()
