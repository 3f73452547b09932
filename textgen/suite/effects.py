"""From measurements to effects: what each change does to the score and to the share of real words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from textgen.evaluation.estimates import Figure, difference, estimate
from textgen.generation.bound_sampler import build_sampler
from textgen.suite.schema import Case, Factor, Suite

Measurements = Sequence[dict[str, Any]]
"""Of one case, one for each seed."""


def describe_factors(suite: Suite, found: Callable[[Case], Measurements]) -> list[dict[str, Any]]:
    """Return each factor with its cases and effects, as JSON values, less what was not measured."""
    return [_describe_factor(factor, found) for factor in suite.factors]


def _describe_factor(factor: Factor, found: Callable[[Case], Measurements]) -> dict[str, Any]:
    measured = {case.label: found(case) for case in factor.cases}
    effects = [
        _effect(case.label, measured[case.label], reference.label, measured[reference.label])
        for case, reference in factor.comparisons()
        if measured[case.label] and measured[reference.label]
    ]
    return {
        "name": factor.name,
        "question": factor.question,
        "cumulative": factor.cumulative,
        "cases": [
            _describe_case(case, measured[case.label]) for case in factor.cases if measured[case.label]
        ],
        "effects": effects,
    }


def _describe_case(case: Case, found: Measurements) -> dict[str, Any]:
    scored, real = bits(found), real_words(found)
    results = [each["result"] for each in found]
    return {
        **case.model_dump(mode="json"),
        "budget": found[0]["settings"]["budget"],
        "num_seeds": len(found),
        "bits_per_char": estimate(scored).to_json() if scored else None,
        "real_word_rate": estimate(real).to_json() if real else None,
        "num_parameters": results[0]["num_parameters"],
        "train_seconds": float(np.mean([result["train"]["seconds"] for result in results])),
        "num_epochs": float(np.mean([result["train"]["num_epochs"] for result in results])),
        "chars_per_second": float(np.mean([result["train"]["chars_per_second"] for result in results])),
        "embedding": results[0]["embedding"],
        "writing": {spec: _writing(found, spec) for spec in case.samplers},
        "text": found[0]["samples"][case.samplers[0]]["text"],
    }


def _writing(found: Measurements, spec: str) -> dict[str, Any]:
    """Return the measures of what a sampler wrote, the mean over seeds."""
    samples = [each["samples"][spec] for each in found]
    means = {
        name: float(np.mean([sample["measures"][name] for sample in samples]))
        for name in samples[0]["measures"]
        if all(sample["measures"][name] is not None for sample in samples)
    }
    return means | {
        "temperature": build_sampler(spec).temperature,
        "entropy_per_char": float(np.mean([sample["entropy_per_char"] for sample in samples])),
    }


def _effect(label: str, new: Measurements, reference: str, old: Measurements) -> dict[str, Any]:
    return {
        "case": label,
        "reference": reference,
        "paired": _scored_text(new[0]) == _scored_text(old[0]),
        "bits_per_char": _difference(bits(new), bits(old)),
        "real_word_rate": _difference(real_words(new), real_words(old)),
    }


def _difference(new: Figure | None, old: Figure | None) -> dict[str, Any] | None:
    return difference(new, old).to_json() if new and old else None


def bits(found: Measurements) -> Figure | None:
    """Return the bits of each block of the scored text, per character, or None without a score."""
    if not all(each["bits"] for each in found):
        return None
    return Figure(
        np.array([each["bits"] for each in found]),
        np.array([each["chars"] for each in found], float),
        f"blocks of {_scored_text(found[0])}",
    )


def real_words(found: Measurements) -> Figure | None:
    """Return the real words of each sample, per word, or None if nothing but odd signs was written."""
    samples = [next(iter(each["samples"].values())) for each in found]
    if not all(any(sample["words"]) for sample in samples):
        return None
    return Figure(
        np.array([sample["real_words"] for sample in samples], float),
        np.array([sample["words"] for sample in samples], float),
        f"prompts of {_scored_text(found[0])}",
    )


def _scored_text(measurement: dict[str, Any]) -> str:
    split = measurement["settings"]["corpus"]["split"]
    part: str = split["test"]["sha256"] if split["test"]["num_chars"] else split["validation"]["sha256"]
    return part
