"""Coverage of 95 % intervals over the text: `python -m textgen_benchmarks.coverage wiki FILE…`.

Entries are trained on the first 30 % of a text, and the rest, the population, is scored as a whole. Then test
parts of 24 stretches are drawn from the population. The result is the share of their intervals that hold the
score of the population: for scores, and for the differences of all pairs of entries.

- `spread at random`: a stretch at a random place of each of 24 slices of the population.
- `spread evenly`: a stretch at the same place of each slice, as the split of a comparison has them.
- `earlier half`: as `spread evenly`, in the first half of the population; the interval is to hold the score
  of the second half, as of later chapters.
- `documents`: whole documents of the middle half by length, where a text has many; the interval is to hold
  the score of all documents of that half.

Variance between training seeds is not part of this. A test part is a share of a finite population, which
makes errors smaller than they would be in an unlimited text; they are divided by √(1 - share) before they are
compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from textgen.cli.console import print_rows
from textgen.data.bound_tokenizer import START
from textgen.data.cleaning import load_text
from textgen.data.corpus import load_corpus
from textgen.data.split import MIN_DOCUMENTS
from textgen.data.text import cut_position, sha256
from textgen.defaults import CLEANER
from textgen.evaluation.intervals import MeasuredValue, estimate, measured_ratio
from textgen.evaluation.token_bits import score_stretches
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import SavedRun
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.process_setup import keep_freed_memory
from textgen.training.budget import parse_budget
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
TRAIN_PERCENT, VALIDATION_PERCENT = 30, 2
SIZES = (40_000, 120_000)
"""Characters of a test part."""
NUM_STRETCHES = 24
NUM_DOCUMENTS = (7, 15)
"""Of a test part of documents: those of `wiki` and of `lee` by default."""
NUM_DRAWS = 500
BATCH_SIZE = 24

Array: TypeAlias = NDArray[np.float64]
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
    """Different test parts; those of an even design are few."""
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


@dataclass(frozen=True, eq=False)
class Population:
    """The part of a text that is neither trained nor validated on, and runs trained on its beginning."""

    name: str
    text: str
    borders: Sequence[int]
    """Where documents but the first begin; the first may have been trained on in part."""
    runs: Sequence[SavedRun]
    device_config: DeviceConfig

    @classmethod
    def of(cls, source: str, entries: Sequence[str], budget: str, device_config: DeviceConfig) -> Population:
        """Return the rest of a text after the first 30 % for training and 2 % for validation."""
        loaded = load_text([source], CLEANER)
        text = loaded.text
        known = TRAIN_PERCENT + VALIDATION_PERCENT
        held_out = 100 * VALIDATION_PERCENT // known
        split = f"contiguous:{100 - held_out}/{held_out}"
        corpus = load_corpus([source], split=split, max_chars=len(text) * known // 100)
        runs = [
            Experiment(parse_entry(entry), corpus, parse_budget(budget), device_config, seed=0).run()
            for entry in entries
        ]
        begin = len(corpus.text)
        borders = [border - begin for border in loaded.borders if border > begin]
        return cls(corpus.name, text[begin:], borders, runs, device_config)

    def documents(self) -> tuple[Array, Array]:
        """Return the bits and characters, as `tiles` does, of the whole documents of the middle half."""
        texts = [self.text[begin:end] for begin, end in pairwise([*self.borders, len(self.text)])]
        by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        quarter = len(texts) // 4
        texts = [texts[index] for index in sorted(by_length[quarter:-quarter])]
        return np.stack([self._bits(run, texts) for run in self.runs]), np.array(list(map(len, texts)), float)

    def tiles(self, num_tiles: int) -> tuple[Array, Array]:
        """Cut the text between paragraphs, lines or words into stretches of about the same size.

        Returns the bits that each entry needs for each, [entries, stretches], and the characters of each.
        """
        size = len(self.text) // num_tiles
        room = size // 10
        cuts = [cut_position(self.text, index * size, room, room) for index in range(1, num_tiles)]
        ends = [*cuts, len(self.text)]
        texts = [self.text[begin:end] for begin, end in zip([0, *cuts], ends, strict=True)]
        return np.stack([self._bits(run, texts) for run in self.runs]), np.array(list(map(len, texts)), float)

    def _bits(self, run: SavedRun, texts: Sequence[str]) -> Array:
        """Return the bits of stretches, each scored from an initial state."""
        bits = np.zeros(len(texts))
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        start_ids = run.tokenizer.encode(START)
        for begin in range(0, len(order), BATCH_SIZE):
            rows = order[begin : begin + BATCH_SIZE]
            batch = [texts[row] for row in rows]
            ids = list(map(run.tokenizer.encode, batch))
            scored = score_stretches(run.model, batch, ids, start_ids, device=self.device_config.device)
            bits[rows] = [each.bits.sum() for each in scored]
        return bits


def spread_at_random(per_slice: int, generator: np.random.Generator) -> Draws:
    """Return one of the tiles of each slice."""
    places = generator.integers(per_slice, size=(NUM_DRAWS, NUM_STRETCHES))
    return places + np.arange(NUM_STRETCHES) * per_slice


def spread_evenly(per_slice: int) -> Draws:
    """Return the tiles at the same place of each slice, for every place."""
    return np.arange(per_slice)[:, None] + np.arange(NUM_STRETCHES) * per_slice


def with_pairs(rows: Array) -> Array:
    """Return the rows of entries, followed by the differences of all pairs."""
    pairs = [rows[new] - rows[old] for new, old in combinations(range(len(rows)), 2)]
    return np.stack([*rows, *pairs])


def intervals(bits: Array, chars: Array) -> Array:
    """Return value and ends of the interval of each entry, then of each pair, [targets, 3]."""
    entries = measured_ratio(bits, np.broadcast_to(chars, bits.shape), "", range(len(bits)), None)
    values, pseudovalues = with_pairs(entries.values), with_pairs(entries.pseudovalues)
    estimates = [
        estimate(MeasuredValue(value[None], units[None], "", (0,)))
        for value, units in zip(values, pseudovalues, strict=True)
    ]
    return np.array([(each.value, *(each.interval or (math.nan, math.nan))) for each in estimates])


def measure_all(population: Population) -> Iterator[Design]:
    """Yield every design for one text."""
    generator = np.random.default_rng(0)
    for test_chars in SIZES:
        num_parts = max(2, round(len(population.text) / test_chars))
        bits, chars = population.tiles(num_parts * NUM_STRETCHES)
        whole = with_pairs(bits.sum(1) / chars.sum())
        half = num_parts // 2
        later = slice(half * NUM_STRETCHES, None)
        second_half = with_pairs(bits[:, later].sum(1) / chars[later].sum())
        for design, draws, share, truth in (
            ("spread at random", spread_at_random(num_parts, generator), 1 / num_parts, whole),
            ("spread evenly", spread_evenly(num_parts), 1 / num_parts, whole),
            ("earlier half", spread_evenly(half), 0.0, second_half),
        ):
            found = np.array([intervals(bits[:, draw], chars[draw]) for draw in draws])
            about = (population.name, test_chars, design, "neighbours", *draws.shape[::-1], round(share, 4))
            yield Design(*about, **judged(found, truth, share, len(bits)))
    if len(population.borders) > MIN_DOCUMENTS:
        yield from measure_documents(population, generator)


def measure_documents(population: Population, generator: np.random.Generator) -> Iterator[Design]:
    """Yield the designs of test parts of whole documents."""
    bits, chars = population.documents()
    truth = with_pairs(bits.sum(1) / chars.sum())
    for number in NUM_DOCUMENTS:
        draws = [np.sort(generator.choice(len(chars), number, replace=False)) for _ in range(NUM_DRAWS)]
        found = np.array([intervals(bits[:, draw], chars[draw]) for draw in draws])
        size, share = round(chars.mean() * number), number / len(chars)
        about = (population.name, size, "documents", "neighbours", number, NUM_DRAWS, round(share, 4))
        yield Design(*about, **judged(found, truth, share, len(bits)))


def judged(intervals: Array, truth: Array, share: float, num_entries: int) -> dict[str, Any]:
    """Return the coverage, the median half width and the median error of intervals [draws, targets, 3]."""
    value, low, high = np.moveaxis(intervals, -1, 0)
    errors = (value - truth) / math.sqrt(1 - share)
    held = ((low <= value - errors) & (value - errors <= high)).mean(0)
    half = np.median((high - low) / 2, axis=0)
    spread = np.sqrt(np.square(errors).mean(0))
    found: dict[str, Any] = {}
    for name, part in (("score", slice(num_entries)), ("difference", slice(num_entries, None))):
        found[f"{name}s"] = (round(float(held[part].min()), 3), round(float(held[part].mean()), 3))
        found[f"{name}_half_width"] = round(float(np.median(half[part])), 4)
        found[f"{name}_error"] = round(float(np.median(spread[part])), 4)
    return found


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
        texts.append({"name": population.name, "population": whole, "entries": options.entries})
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
