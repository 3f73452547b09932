"""The results of a suite as Markdown: one table for each question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_MATCHED = 5
"""At how many entropies curves are compared."""

UNPAIRED = "† Scored on another text, which the cleaner made: other characters, so no pair."

Factor = Mapping[str, Any]


def to_markdown(result: Mapping[str, Any]) -> str:
    """Return the whole report of a suite."""
    corpus, about, author = result["corpus"], result["machine"], result["held_out"]["sample_metrics"]
    lines = [
        f"# {result['suite']}, on {corpus['name']}\n",
        f"{corpus['num_chars']:,} characters (cleaner {corpus['cleaner']}), {result['budget']} of training "
        f"each, {result['num_seeds']} seeds, {result['device']}, {result['precision']}; "
        f"{about['processor']}, {about['num_threads']} threads{_at_once(result)}; "
        f"torch {result['versions']['torch']}.\n",
        "A change in brackets is its 95 % interval, which knows of the text and of the seeds. Fewer bits per "
        "character and more real words are better; **bold** changes have an interval without zero."
        + _own_words(author["real_word_rate"]),
    ]
    for factor in result["factors"]:
        lines += ["", *factor_lines(factor, author)]
    if result["failures"]:
        lines += ["", "## What failed", ""]
        lines += [f"- {name}: {reason}" for name, reason in result["failures"].items()]
    return "\n".join(lines) + "\n"


def _at_once(result: Mapping[str, Any]) -> str:
    number = result.get("num_jobs", 1)
    return f" for each of {number} runs at once" if number > 1 else ""


def _own_words(rate: float | None) -> str:
    return "" if rate is None else f" Of the author's own words, {100 * rate:.1f} % are real by that measure."


def factor_lines(factor: Factor, author: Mapping[str, float | None]) -> Iterator[str]:
    """Yield the heading and the table of one factor, and the curves of cases with several samplers.

    `author` has the measures of the held-out text itself.
    """
    yield f"## {factor['question']}\n"
    effects = {effect["case"]: effect for effect in factor["effects"]}
    against = compared_with(factor)
    yield f"| case | bits/char | change against {against} | real words | change |"
    yield "| :-- | --: | --: | --: | --: |"
    for case in factor["cases"]:
        effect = effects.get(case["label"], {})
        cells = [
            case["label"],
            show_value(case["bits_per_char"], 3),
            show_change(effect.get("bits_per_char"), 3) + ("" if effect.get("paired", True) else " †"),
            show_value(case["real_word_rate"], 1, percent=True),
            show_change(effect.get("real_word_rate"), 1, percent=True),
        ]
        yield f"| {' | '.join(cells)} |"
    if any(not effect["paired"] for effect in factor["effects"]):
        yield f"\n{UNPAIRED}"
    yield from all_curves(factor, author)


def compared_with(factor: Factor) -> str:
    """Return what each case of a factor is compared with, in words; empty if with nothing."""
    if factor["cumulative"]:
        return "the one above"
    return str(factor["effects"][0]["reference"]) if factor["effects"] else ""


def all_curves(factor: Factor, author: Mapping[str, float | None]) -> Iterator[str]:
    """Yield the curves of a factor's cases with several samplers, and what they are at the same freedom."""
    curves = [case for case in factor["cases"] if len(case["writing"]) > 1]
    for case in curves:
        yield from ("", *curve_lines(case, author))
    if len(curves) > 1:
        yield from ("", *matched_lines(curves))


def curve_lines(case: Mapping[str, Any], author: Mapping[str, float | None]) -> Iterator[str]:
    """Yield what a case writes with each sampler, the curve of quality against diversity, and the author."""
    columns = {
        "entropy_per_char": "bits/char of the choices",
        "real_word_rate": "real words",
        "distinct_2": "distinct-2",
        "repetition_4": "repeated 4-grams",
        "self_bleu": "self-BLEU",
        "novel_4gram_rate": "new 4-grams",
    }
    yield f"| {case['label']} | {' | '.join(columns.values())} |"
    yield f"| :-- |{' --: |' * len(columns)}"
    for writer, measures in {**case["writing"], "*the author*": author}.items():
        found = [measures.get(column) for column in columns]
        values = ["-" if value is None else f"{value:.3f}" for value in found]
        yield f"| {writer} | {' | '.join(values)} |"


def matched_lines(cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what cases write where their choices are equally free: at the same entropy per character.

    A temperature means another freedom at each level; between the ones that were measured, measures are
    interpolated. Entropies are those that all cases reach.
    """
    curves = [_curve(list(case["writing"].values())) for case in cases]
    low, high = max(curve[0, 0] for curve in curves), min(curve[-1, 0] for curve in curves)
    if low >= high:
        return
    labels = [case["label"] for case in cases]
    columns = [f"{name}, {label}" for name in ("real words", "distinct-2") for label in labels]
    yield f"| at the same bits/char of the choices | {' | '.join(columns)} |"
    yield f"| :-- |{' --: |' * len(columns)}"
    for entropy in np.linspace(low, high, NUM_MATCHED):
        cells = [
            f"{np.interp(entropy, curve[:, 0], curve[:, measure]):.3f}"
            for measure in (1, 2)
            for curve in curves
        ]
        yield f"| {entropy:.2f} | {' | '.join(cells)} |"


def _curve(rows: Sequence[Mapping[str, float | None]]) -> NDArray[np.float64]:
    """Return entropy, real words and distinct-2, of rising entropy, for as long as cooling lowers it.

    Colder still, a word model may spell more and more words, and choose the more freely for it: then an
    entropy stands for two temperatures. Without a temperature each, they go by entropy.
    """
    has_order = len({row["temperature"] for row in rows} - {None}) == len(rows)
    key = "temperature" if has_order else "entropy_per_char"
    points = [
        tuple(float(row[name] or 0) for name in ("entropy_per_char", "real_word_rate", "distinct_2"))
        for row in sorted(rows, key=lambda row: -(row[key] or 0))
    ]
    falling = [points[0], *(after for before, after in takewhile(_falls, pairwise(points)))]
    return np.array(falling[::-1])


def _falls(pair: tuple[tuple[float, ...], tuple[float, ...]]) -> bool:
    return pair[1][0] < pair[0][0]


def show_value(value: Mapping[str, Any] | None, places: int, percent: bool = False) -> str:
    """Return a value without its interval, or a dash for none."""
    if value is None:
        return "-"
    return f"{100 * value['value']:.{places}f} %" if percent else f"{value['value']:.{places}f}"


def show_change(value: Mapping[str, Any] | None, places: int, percent: bool = False) -> str:
    """Return a change with its interval, bold if it is surely not zero, or nothing for none."""
    if value is None:
        return ""
    factor = 100 if percent else 1
    change, low, high = (factor * part for part in (value["value"], *value["interval"]))
    text = f"{change:+.{places}f}"
    is_sure = low > 0 or high < 0
    return f"{f'**{text}**' if is_sure else text} ({low:+.{places}f} to {high:+.{places}f})"
