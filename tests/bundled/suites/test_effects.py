"""Effects of changes: from the stretches, samples and seeds of two cases, corrected for their number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from helpers.suites import case, measured_row, question, suite_result
from textgen_suites.against import compare
from textgen_suites.effects import PRIORS, judged
from textgen_suites.result import CaseResult, Effect, SuiteResult

HARD = np.random.default_rng(0).normal(0, 0.1, 24)
"""How hard each stretch is, for all cases."""


def measured(
    label: str, bits: float, *, real: float = 0.8, noise: float = 0.02, **changes: Any
) -> CaseResult:
    """A case with three seeds, whose stretches and samples scatter around these values."""
    generator = np.random.default_rng(sum(label.encode()))
    runs = [
        measured_row(
            seed,
            list(bits + HARD + generator.normal(0, noise, 24)),
            list(real + generator.normal(0, noise, 24)),
        )
        for seed in range(3)
    ]
    return case(label, runs=tuple(runs), **changes)


SMALL = measured("small", 2.0)


def of(*cases: CaseResult, reference: CaseResult = SMALL) -> list[Effect]:
    """The effects of cases against the reference."""
    asked = question("q", [reference, *cases])
    return [*judged(asked, [(each.label, reference.label) for each in cases], PRIORS).effects]


def test_an_effect_is_the_difference_from_the_case_it_is_compared_with() -> None:
    (found,) = of(measured("large", 1.9, real=0.9))
    assert (found.case, found.reference, found.paired) == ("large", "small", True)
    assert found.bits_per_char is not None
    assert found.bits_per_char.value == pytest.approx(-0.1, abs=0.01)
    assert found.bits_per_char.is_clear
    assert found.real_word_rate is not None
    assert found.real_word_rate.value == pytest.approx(0.1, abs=0.01)
    assert found.real_word_rate.is_clear


def test_cases_on_another_text_are_not_paired() -> None:
    (paired,), (unpaired,) = (of(measured("other", 1.97, scored_text=text * 64)) for text in ("0", "1"))
    assert (paired.paired, unpaired.paired) == (True, False)
    assert paired.bits_per_char is not None
    assert paired.bits_per_char.is_clear
    assert unpaired.bits_per_char is not None
    assert not unpaired.bits_per_char.is_clear  # how hard a passage is does not drop out


def test_scores_beside_recorded_ones_agree_unless_something_changed() -> None:
    def made(noise_of: str, planted: float = 0.0) -> SuiteResult:
        cases = [replace(measured(f"{noise_of} {index}", 2.0), label=f"case {index}") for index in range(20)]
        cases[7] = replace(measured(noise_of, 2.0 + planted), label="case 7")
        return suite_result("news", question("q", cases))

    recorded = made("first")
    agree, changed = compare(made("second"), recorded), compare(made("second", planted=0.05), recorded)
    assert [each.agrees for each in agree] == [True] * 20
    (named,) = (each for each in changed if not each.agrees)
    assert (named.question, named.case) == ("q", "case 7")
    assert named.change.value == pytest.approx(0.05, abs=0.01)
    assert compare(made("second"), suite_result("news", question("another", [SMALL]))) == []


def test_effects_of_one_question_are_corrected_for_their_number() -> None:
    small = measured("small", 2.0, noise=0.05)
    others = [measured(f"case {index}", 2.0 - 0.027, noise=0.05) for index in range(8)]
    alone = [of(other, reference=small)[0].bits_per_char for other in others]
    together = [effect.bits_per_char for effect in of(*others, reference=small)]
    p_values = [
        (one.p_value, other.p_value) for one, other in zip(alone, together, strict=True) if one and other
    ]
    assert len(p_values) == 8
    assert all(own <= adjusted for own, adjusted in p_values)
    assert any(own < 0.05 < adjusted for own, adjusted in p_values)
    assert [one.interval for one in alone if one] == [other.interval for other in together if other]


def test_what_a_run_lacks_has_no_effect_and_counts_as_no_comparison() -> None:
    wordless = measured_row(0, [1.9] * 24, [0.8] * 24)
    silent = case("silent", runs=(type(wordless)(**vars(wordless) | {"written": {}}),))
    (only,) = of(measured("large", 1.9))
    found, missing = of(measured("large", 1.9), silent)
    assert missing.real_word_rate is None
    assert missing.bits_per_char is not None
    assert found.real_word_rate == only.real_word_rate


def test_a_case_without_its_reference_has_no_effect() -> None:
    asked = question("q", [SMALL])
    assert judged(asked, [("small", "gone"), ("gone", "small")], PRIORS).effects == ()
