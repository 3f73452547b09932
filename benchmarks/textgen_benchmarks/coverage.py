"""Coverage of 95 % intervals over the text: `python -m textgen_benchmarks.coverage wiki FILE…`.

Entries are trained on the first 30 % of a text, and the rest, the population, is scored as a whole. Then test
parts of the population are drawn in several ways. The result is the share of their intervals that hold the
score of the population: for scores, and for the differences of all pairs of entries.

- `spread at random`: 24 stretches, one at a random place of each of 24 slices of the population.
- `spread evenly`: 24 stretches at the same place of each slice, as the split of a comparison has them.
- `shifted`: the same at 25 places of each slice.
- `earlier half`: as `spread evenly`, in the first half of the population; the interval is to hold the score
  of the second half, as of later chapters.
- `contiguous`: one passage, cut into 24 stretches.
- `documents`: whole documents at random, as many as the test part holds (texts with documents only).

Their intervals are those of `intervals`, from the differences of neighbours (`neighbours`); those of
Student's t over the stretches (`t`); and for the contiguous passage what textgen had before, percentiles of a
bootstrap over blocks of 500 characters (`bootstrap`). Variance between training seeds is not part of this.

A test part is a share of a finite population, which makes the errors of random and even designs smaller than
they would be in an unlimited text; their errors are divided by √(1 - share) before they are compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import combinations, product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from textgen.cli.console import print_rows
from textgen.data.text import cut_position, sha256
from textgen.evaluation.intervals import MeasuredValue, estimate, measured_ratio
from textgen.reports.markdown import table_lines
from textgen.runtime.device import choose_device
from textgen.runtime.process_setup import keep_freed_memory
from textgen_benchmarks.population import TRAIN_PERCENT, Array, Population, Stretches
from textgen_benchmarks.saving import RESULTS, json_option, save

RESULT = RESULTS / "coverage.json"
ENTRIES = (
    "char-lstm:num_layers=1,hidden_size=128",
    "word-lstm:num_layers=1,hidden_size=128,max_words=3000",
    "char-ngram",
    "word-ngram",
)
"""Networks are small, since a whole text is scored several times; passages are as hard for larger ones."""
BUDGET = "300000chars"
SIZES = (40_000, 120_000)
NUM_STRETCHES = 24
NUM_DRAWS = 500
NUM_RESAMPLES = 1000
NUM_SHIFTS = 25

Draws: TypeAlias = NDArray[np.int64]
"""The stretches of each test part, [draws, stretches]."""


@dataclass(frozen=True)
class Design:
    """One way to hold out a test part and to make its interval, with the coverage of these intervals."""

    text: str
    test_chars: int
    design: str
    interval: str
    num_units: int
    num_draws: int
    """Different test parts; those of an even or contiguous design overlap or are few."""
    share: float
    """Share of the population, for which errors are corrected; 0 if they are not."""
    scores: tuple[float, float]
    """Coverage for the scores of entries: the lowest and the mean."""
    differences: tuple[float, float]
    """Coverage for the differences of pairs of entries: the lowest and the mean."""
    score_half_width: float
    difference_half_width: float
    """The median."""
    score_error: float
    difference_error: float
    """The root mean square distance from the population, as corrected; the median over entries or pairs."""


@dataclass(frozen=True)
class Drawn:
    """Test parts of a population."""

    stretches: Stretches
    draws: Draws
    share: float
    """The share of the population that each is, or 0 where no correction applies."""
    first_of_truth: int = 0
    """The first of the stretches whose score the intervals are to hold; the others follow it."""


def spread_at_random(per_slice: int, generator: np.random.Generator) -> Draws:
    """Return one of the tiles of each slice."""
    places = generator.integers(per_slice, size=(NUM_DRAWS, NUM_STRETCHES))
    return places + np.arange(NUM_STRETCHES) * per_slice


def spread_evenly(per_slice: int) -> Draws:
    """Return the tiles at the same place of each slice, for every place."""
    return np.arange(per_slice)[:, None] + np.arange(NUM_STRETCHES) * per_slice


def shifted(population: Population, test_chars: int, tiles: Stretches) -> Drawn:
    """Return stretches at `NUM_SHIFTS` places of each slice; their truth is the score of all tiles."""
    text, width = population.text, test_chars // NUM_STRETCHES
    slice_chars = len(text) // NUM_STRETCHES
    shifts = np.linspace(0, slice_chars - width, NUM_SHIFTS).astype(int)
    begins = [
        cut_position(text, index * slice_chars + shift, 0, width // 10)
        for shift in shifts
        for index in range(NUM_STRETCHES)
    ]
    blocks = tiles.bits.shape[-1]
    drawn = population.stretches([text[begin : begin + width] for begin in begins], blocks)
    both = Stretches(np.concatenate([drawn.bits, tiles.bits], 1), np.concatenate([drawn.chars, tiles.chars]))
    draws = np.arange(NUM_SHIFTS * NUM_STRETCHES).reshape(NUM_SHIFTS, NUM_STRETCHES)
    return Drawn(both, draws, test_chars / len(text), draws.size)


def contiguous(num_tiles: int) -> Draws:
    """Return consecutive tiles, from every tile on."""
    return np.arange(num_tiles - NUM_STRETCHES + 1)[:, None] + np.arange(NUM_STRETCHES)


def random_documents(num_documents: int, number: int, generator: np.random.Generator) -> Draws:
    """Return documents drawn without replacement, in the order of the text."""
    draws = [generator.choice(num_documents, number, replace=False) for _ in range(NUM_DRAWS)]
    return np.sort(np.array(draws), axis=1)


def neighbours(bits: Array, chars: Array) -> Array:
    """Return value and ends of the intervals of `intervals`, [targets, 3]: each entry, then each pair."""
    estimates = map(estimate, _targets(bits, chars))
    return np.array([(each.value, *(each.interval or (math.nan, math.nan))) for each in estimates])


def plain(bits: Array, chars: Array) -> Array:
    """Return those of Student's t over the stretches, [targets, 3]."""
    rows = []
    for sample in _targets(bits, chars):
        units = sample.pseudovalues[0]
        reach = float(student.ppf(0.975, len(units) - 1)) * units.std(ddof=1) / math.sqrt(len(units))
        rows.append((sample.value, sample.value - reach, sample.value + reach))
    return np.array(rows)


def bootstrap(bits: Array, chars: Array) -> Array:
    """Return those of a percentile bootstrap over blocks, [targets, 3]."""
    amounts, sizes = bits.reshape(len(bits), -1), chars.reshape(-1)
    number = len(sizes)
    weights = _resamples(number)
    resampled = _with_pairs((weights @ amounts.T / (weights @ sizes)[:, None]).T)
    values = _with_pairs(amounts.sum(1, keepdims=True) / sizes.sum())
    return np.concatenate([values, np.quantile(resampled, (0.025, 0.975), axis=1).T], axis=1)


@cache
def _resamples(number: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), NUM_RESAMPLES)


METHODS = {"neighbours": neighbours, "t": plain, "bootstrap": bootstrap}


def _with_pairs(rows: Array) -> Array:
    """Return the rows of entries, followed by the differences of all pairs."""
    pairs = [rows[new] - rows[old] for new, old in combinations(range(len(rows)), 2)]
    return np.stack([*rows, *pairs])


def _targets(bits: Array, chars: Array) -> Iterator[MeasuredValue]:
    """Yield the sample of each entry and of the difference of each pair."""
    amounts, sizes = bits.sum(-1), np.broadcast_to(chars.sum(-1), bits.shape[:2])
    entries = measured_ratio(amounts, sizes, "", range(len(amounts)), None)
    values, pseudovalues = _with_pairs(entries.values), _with_pairs(entries.pseudovalues)
    for value, units in zip(values, pseudovalues, strict=True):
        yield MeasuredValue(value[None], units[None], "", (0,))


def measure(text: str, test_chars: int, design: str, drawn: Drawn, method: str) -> Design:
    """Return the coverage of the intervals of one method in one design."""
    draws, share = drawn.draws, drawn.share
    bits, chars, num_entries = drawn.stretches.bits, drawn.stretches.chars, len(drawn.stretches.bits)
    first = drawn.first_of_truth
    truth = _with_pairs(bits[:, first:].sum((1, 2)) / chars[first:].sum())
    intervals = np.array([METHODS[method](bits[:, draw], chars[draw]) for draw in draws])
    value, low, high = np.moveaxis(intervals, -1, 0)
    errors = (value - truth) / math.sqrt(1 - share)
    held = ((low <= value - errors) & (value - errors <= high)).mean(0)
    half = np.median((high - low) / 2, axis=0)
    spread = np.sqrt(np.square(errors).mean(0))
    entries, pairs = slice(num_entries), slice(num_entries, None)
    return Design(
        text=text,
        test_chars=test_chars,
        design=design,
        interval=method,
        num_units=draws.shape[1],
        num_draws=len(draws),
        share=round(share, 4),
        scores=_lowest_and_mean(held[entries]),
        differences=_lowest_and_mean(held[pairs]),
        score_half_width=round(float(np.median(half[entries])), 4),
        difference_half_width=round(float(np.median(half[pairs])), 4),
        score_error=round(float(np.median(spread[entries])), 4),
        difference_error=round(float(np.median(spread[pairs])), 4),
    )


def _lowest_and_mean(coverage: Array) -> tuple[float, float]:
    return round(float(coverage.min()), 3), round(float(coverage.mean()), 3)


def measure_all(population: Population) -> Iterator[Design]:
    """Yield every design and interval for one text."""
    generator = np.random.default_rng(0)
    for test_chars in SIZES:
        num_parts = max(2, round(len(population.text) / test_chars))
        tiles = population.tiles(num_parts * NUM_STRETCHES)
        half = num_parts // 2
        designs = {
            "spread at random": Drawn(tiles, spread_at_random(num_parts, generator), 1 / num_parts),
            "spread evenly": Drawn(tiles, spread_evenly(num_parts), 1 / num_parts),
            "shifted": shifted(population, test_chars, tiles),
            "earlier half": Drawn(tiles, spread_evenly(half), 0, half * NUM_STRETCHES),
            "contiguous": Drawn(tiles, contiguous(num_parts * NUM_STRETCHES), 0),
        }
        if population.documents:
            documents = population.stretches(population.documents, 1)
            number = max(2, round(test_chars / documents.chars.sum() * len(population.documents)))
            draws = random_documents(len(population.documents), number, generator)
            designs["documents"] = Drawn(documents, draws, number / len(population.documents))
        for name, drawn in designs.items():
            for method in METHODS:
                if method != "bootstrap" or name == "contiguous":
                    yield measure(population.name, test_chars, name, drawn, method)


def table(designs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a Markdown table of the designs of a result: the former kind of interval, and today's."""
    by_key = {(each["text"], each["test_chars"], each["design"], each["interval"]): each for each in designs}
    header = ["text", "test characters"]
    header += [f"{when}: {what}" for when in ("before", "now") for what in ("scores", "differences", "±")]
    rows = [header]
    for text, size in product(dict.fromkeys(each["text"] for each in designs), SIZES):
        rows.append([text, f"{size:,}"])
        for kind in (("contiguous", "bootstrap"), ("spread at random", "neighbours")):
            each = by_key[text, size, *kind]
            shares = [f"{mean:.1%} ({low:.0%})" for low, mean in (each["scores"], each["differences"])]
            rows[-1] += [share.replace("%", " %") for share in shares]
            rows[-1].append(f"{each['difference_half_width']:.3f}")
    return list(table_lines(rows))


def main() -> None:
    """Train, score, draw, print a table and save the result."""
    parser = json_option(__doc__, RESULT.stem)
    parser.add_argument("sources", nargs="+", help="corpora or files, each a text of its own")
    parser.add_argument("--entries", nargs="+", default=list(ENTRIES))
    parser.add_argument("--budget", default=BUDGET, help="of each entry")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    device_config = choose_device(options.device, "fp32")
    designs: list[Design] = []
    texts = []
    for source in options.sources:
        population = Population.of(source, options.entries, options.budget, device_config)
        whole = {"num_chars": len(population.text), "sha256": sha256(population.text)}
        about = {"name": population.name, "population": whole, "num_documents": len(population.documents)}
        texts.append({**about, "entries": options.entries})
        designs += measure_all(population)
        print_rows([asdict(design) for design in designs if design.text == population.name])
    save(
        options.json,
        command=" ".join(["python -m textgen_benchmarks.coverage", *options.sources]),
        budget=options.budget,
        train_percent=TRAIN_PERCENT,
        texts=texts,
        designs=designs,
    )


if __name__ == "__main__":
    main()
