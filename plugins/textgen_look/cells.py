"""Units that follow something in a text, found on one half of held-out text and confirmed on the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from textgen.contracts import TokenIds
from textgen.data.bound_tokenizer import START
from textgen.evaluation.scoring import token_starts
from textgen.experiment.saved_run import Trained
from textgen.nn.language_model import LanguageModel
from textgen.runtime.threads import Threads
from textgen_look.features import Values, features, varying

Numbers = NDArray[np.float64]

MAX_CHARS = 40_000
"""Characters of held-out text that units are looked at on."""
PIECE_CHARS = 1000
MIN_SHARE = 0.1
"""Share of its variance that a feature must explain."""
NUM_SHIFTS, CHANCE = 40, 0.95
"""Units are compared with features that were moved along the text this many times: of the largest share among
all units each time, this quantile is what chance gives."""
MAX_SHOWN = 10
"""Features whose best unit is shown."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A unit that follows a feature."""

    unit: int
    feature: str
    share: float
    """Share of its variance that the feature explains, on the half that confirms."""
    chance: float
    """The largest share that the best of as many units reaches by chance, in 95 of 100 cases."""
    falls: bool
    """True if it falls where the feature rises."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What the units of one entry follow."""

    num_units: int
    num_confirmed: int
    """Units that follow some feature more than chance gives, on both halves."""
    features: tuple[str, ...]
    """Those that were looked for."""
    best: tuple[Cell, ...]
    """Of each feature that any unit follows the unit that follows it best, the closest first."""


def find_cells(
    trained: Trained, stretches: Sequence[str], device: torch.device, seed: int = 0
) -> Cells | None:
    """Return what the units of an entry follow in stretches of held-out text.

    None if it has no units, or the text has no two halves.
    """
    parts = halves(stretches)
    held = [_held(trained, part, device) for part in parts]
    if None in held or not all(parts):
        return None
    values, ends = zip(*(each for each in held if each is not None), strict=True)
    found = [_features(part) for part in parts]
    names = sorted(set(varying(found[0])) & set(varying(found[1])), key=list(found[0]).index)
    if not names:
        return None
    at_ends = [
        np.stack([each[name] for name in names], 1)[places] for each, places in zip(found, ends, strict=True)
    ]
    cells = follow(names, (values[0], at_ends[0]), (values[1], at_ends[1]), np.random.default_rng(seed))
    best = {cell.feature: cell for cell in cells[::-1]}.values()  # of each feature the closest
    return Cells(
        num_units=values[1].shape[1],
        num_confirmed=len(cells),
        features=tuple(names),
        best=tuple(sorted(best, key=lambda cell: -cell.share)[:MAX_SHOWN]),
    )


def follow(
    names: Sequence[str],
    chosen_on: tuple[Numbers, Numbers],
    confirmed_on: tuple[Numbers, Numbers],
    random: np.random.Generator,
) -> list[Cell]:
    """Return the units whose feature was confirmed, the closest first.

    Both halves have the values of units [tokens, units] and those of the named features [tokens, features].
    Each unit has the feature that explains most of its variance on the first half; it counts if that feature
    explains on the other half, in the same direction, more than `MIN_SHARE` and more than chance gives.
    """
    first, other = correlations(*chosen_on), correlations(*confirmed_on)
    units, features = confirmed_on
    shifts = random.integers(len(features) // 10, len(features) * 9 // 10 + 1, NUM_SHIFTS)
    by_chance = [(correlations(units, np.roll(features, shift, 0)) ** 2).max(0) for shift in shifts]
    chance = np.quantile(by_chance, CHANCE, axis=0)
    found = []
    for unit, feature in enumerate((first**2).argmax(1)):
        share = other[unit, feature] ** 2
        if first[unit, feature] * other[unit, feature] > 0 and share > max(MIN_SHARE, chance[feature]):
            found.append(
                Cell(
                    unit=unit,
                    feature=names[feature],
                    share=round(float(share), 4),
                    chance=round(float(chance[feature]), 4),
                    falls=bool(other[unit, feature] < 0),
                )
            )
    return sorted(found, key=lambda each: -each.share)


def correlations(values: Numbers, others: Numbers) -> Numbers:
    """Return the correlation of each column of `values` with each of `others`; 0 with what never changes."""
    return _standardized(values).T @ _standardized(others) / len(values)


def _standardized(values: Numbers) -> Numbers:
    centred, deviation = values - values.mean(0), values.std(0)
    return np.where(deviation > 1e-9, centred / np.maximum(deviation, 1e-9), 0.0)


def halves(stretches: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return pieces of every other stretch, and of the rest, of at most `MAX_CHARS` in all; one is cut."""
    if len(stretches) == 1:
        text = stretches[0][:MAX_CHARS]
        middle = len(text) // 2
        stretches = text[:middle], text[middle:]
    room = max(1, MAX_CHARS // max(1, len(stretches)))
    pieces = [list(_pieces(text[:room])) for text in stretches]
    return [*chain(*pieces[::2])], [*chain(*pieces[1::2])]


def _pieces(text: str) -> Iterator[str]:
    """Yield pieces, which are read side by side, to the end of a paragraph, or of a line, if one is near."""
    while text:
        ends = (text.rfind(mark, PIECE_CHARS // 2, PIECE_CHARS) + len(mark) for mark in ("\n\n", "\n"))
        end = next((end for end in ends if end > PIECE_CHARS // 2), PIECE_CHARS)
        yield text[:end]
        text = text[end:]


def _features(texts: Sequence[str]) -> Mapping[str, Values]:
    """Return the features of texts one after the other, each from its own beginning."""
    found = [features(text) for text in texts]
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def _held(
    trained: Trained, texts: Sequence[str], device: torch.device
) -> tuple[Numbers, NDArray[np.int64]] | None:
    """Return what units hold after each token of texts, [tokens, units], and the last character of each.

    None without units.
    """
    model = _with_units(trained.model.reader)
    held, ends, before = [], [], 0
    for text in texts if model else ():
        ids = trained.tokenizer.encode(text)
        starts = token_starts(ids, trained.tokenizer.table)
        places = starts + np.maximum(trained.tokenizer.table.num_chars[ids], 1) - 1
        read = _places_of(trained.model.tokens_read(ids), ids)
        held.append(ids[read])
        ends.append(before + places[read])
        before += len(text)
    if model is None or not held:
        return None
    return _activations(model, held, trained.tokenizer.encode(START), device), np.concatenate(ends)


def _with_units(model: LanguageModel) -> LanguageModel | None:
    """Return the first of the models that are trained which says what its units hold."""
    ids = torch.zeros(1, 1, dtype=torch.int64, device=model.device)
    with torch.inference_mode():
        for each in model.members:
            if each.activations(ids, each.initial_state(1)) is not None:
                return each
    return None


def _places_of(read: TokenIds, ids: TokenIds) -> NDArray[np.int64]:
    """Return the places of tokens that a model reads, in order, among all `ids` of a text."""
    places, at = np.zeros(len(read), np.int64), 0
    for number, token in enumerate(read):
        while ids[at] != token:
            at += 1
        places[number] = at
        at += 1
    return places


def _activations(
    model: LanguageModel, texts: Sequence[TokenIds], start: TokenIds, device: torch.device
) -> Numbers:
    """Return what units hold after each token of texts, [tokens, units], side by side."""
    size = len(start) + max(map(len, texts))
    rows = np.zeros((len(texts), size), np.int64)
    rows[:, : len(start)] = start
    for row, ids in zip(rows, texts, strict=True):
        row[len(start) : len(start) + len(ids)] = ids
    with torch.inference_mode(), closing(Threads()):
        answer = model.activations(torch.from_numpy(rows).to(device), model.initial_state(len(texts)))
    assert answer is not None
    held = answer[0].float().cpu().numpy()
    read = [row[len(start) : len(start) + len(ids)] for row, ids in zip(held, texts, strict=True)]
    joined: Numbers = np.concatenate(read).astype(np.float64)
    return joined
