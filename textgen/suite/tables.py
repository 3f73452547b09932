"""The results of a suite as Markdown: one table for each question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Factor = Mapping[str, Any]


def to_markdown(result: Mapping[str, Any]) -> str:
    """Return the whole report of a suite."""
    corpus, about = result["corpus"], result["machine"]
    lines = [
        f"# {result['suite']}, on {corpus['name']}\n",
        f"{corpus['num_chars']:,} characters (cleaner {corpus['cleaner']}), {result['budget']} of training "
        f"each, {result['num_seeds']} seeds, {result['device']}, {result['precision']}; "
        f"{about['processor']}, {about['num_threads']} threads; torch {result['versions']['torch']}.\n",
        "A change in brackets is its 95 % interval, which knows of the text and of the seeds. Fewer bits per "
        "character and more real words are better; **bold** changes are surely not zero.",
    ]
    for factor in result["factors"]:
        lines += ["", *factor_lines(factor)]
    if result["failures"]:
        lines += ["", "## What failed", ""]
        lines += [f"- {name}: {reason}" for name, reason in result["failures"].items()]
    return "\n".join(lines) + "\n"


def factor_lines(factor: Factor) -> Iterator[str]:
    """Yield the heading and the table of one factor, and the curves of cases with several samplers."""
    yield f"## {factor['question']}\n"
    effects = {effect["case"]: effect for effect in factor["effects"]}
    against = "the one above" if factor["cumulative"] else (factor["cases"][0]["label"] if effects else "")
    yield f"| case | bits/char | change against {against} | real words | change |"
    yield "| :-- | --: | --: | --: | --: |"
    for case in factor["cases"]:
        effect = effects.get(case["label"], {})
        cells = [
            case["label"],
            _number(case["bits_per_char"], 3),
            _change(effect.get("bits_per_char"), 3) + ("" if effect.get("paired", True) else " †"),
            _number(case["real_word_rate"], 1, percent=True),
            _change(effect.get("real_word_rate"), 1, percent=True),
        ]
        yield f"| {' | '.join(cells)} |"
    if any(not effect["paired"] for effect in factor["effects"]):
        yield "\n† Scored on another text, which the cleaner made: other characters, so no pair."
    for case in factor["cases"]:
        if len(case["writing"]) > 1:
            yield from ("", *curve_lines(case))


def curve_lines(case: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a case writes with each sampler: the curve of quality against diversity."""
    columns = {
        "entropy_per_char": "bits/char of the choices",
        "real_word_rate": "real words",
        "distinct_2": "distinct-2",
        "repetition_4": "repeated 4-grams",
        "self_bleu": "self-BLEU",
        "new_4gram_rate": "new 4-grams",
    }
    yield f"| {case['label']} | {' | '.join(columns.values())} |"
    yield f"| :-- |{' --: |' * len(columns)}"
    for spec, measures in case["writing"].items():
        values = [f"{measures[column]:.3f}" if column in measures else "-" for column in columns]
        yield f"| {spec} | {' | '.join(values)} |"


def _number(value: Mapping[str, Any] | None, places: int, percent: bool = False) -> str:
    if value is None:
        return "-"
    return f"{100 * value['value']:.{places}f} %" if percent else f"{value['value']:.{places}f}"


def _change(value: Mapping[str, Any] | None, places: int, percent: bool = False) -> str:
    if value is None:
        return ""
    factor = 100 if percent else 1
    change, low, high = (factor * part for part in (value["value"], *value["interval"]))
    text = f"{change:+.{places}f}"
    is_sure = low > 0 or high < 0
    return f"{f'**{text}**' if is_sure else text} ({low:+.{places}f} to {high:+.{places}f})"
