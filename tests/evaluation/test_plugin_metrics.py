"""Metrics of plugins: the mean over samples, and a reason where one fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from textgen.contracts import TextgenError
from textgen.evaluation.plugin_metrics import measure_metrics, try_metrics

Install = Callable[[str, str, str], None]
CODE = '''
class Length:
    """Characters of a sample.

    More.
    """
    unit, best = "characters", "higher"
    def __init__(self, *, at_least: int = 1):
        self.at_least = at_least
    def measure(self, text):
        return len(text) if len(text) >= self.at_least else None

class Wrong:
    """Wrong values."""
    def measure(self, text):
        return {"a": "1", "b": float("nan"), "c": 1 / 0 if text == "c" else 0}.get(text, 1)

class Odd(Length):
    """An odd direction."""
    best = "most"
'''
POINTS = (
    "[textgen.metrics]\nlength = toys:Length\nwrong = toys:Wrong\nodd = toys:Odd\nself_bleu = toys:Length\n"
)


@pytest.fixture(autouse=True)
def metrics(install: Install) -> None:
    install("toys", POINTS, CODE)


def test_a_metric_is_the_mean_of_the_samples_that_have_a_value() -> None:
    texts = [["ab", "abcd", "abcdef"], ["a", "abc"], []]
    (found,) = measure_metrics(["length:at_least=2"], texts)
    assert found.info.problem is None
    assert (found.info.name, found.info.unit, found.info.best) == (
        "length:at_least=2",
        "characters",
        "higher",
    )
    assert found.info.hint == "Characters of a sample"
    assert found.info.source.startswith("toys 1.0")
    whole, partly, none = found.measured()
    assert whole.metrics == {"length:at_least=2": 4.0}
    assert whole.pseudovalues["length:at_least=2"] == pytest.approx((2, 4, 6))
    assert (partly.metrics, partly.pseudovalues) == ({"length:at_least=2": 3.0}, {})
    assert none.metrics == {"length:at_least=2": None}


def test_what_a_metric_breaks_is_told() -> None:
    said = [measure_metrics(["wrong"], [[text]])[0].info.problem or "" for text in "abc"]
    assert "returned '1' instead of a finite number or None" in said[0]
    assert "returned nan instead of a finite number or None" in said[1]
    assert "metric 'wrong'" in said[2]
    assert "ZeroDivisionError" in said[2]
    for spec, message in {
        "odd": "has best = 'most'; it is one of 'author', 'higher', 'lower'",
        "self_bleu": "has the name of a metric of textgen itself",
        "lenght": "unknown metric 'lenght'; did you mean 'length'",
        "length:at=2": "unknown option 'at'",
    }.items():
        with pytest.raises(TextgenError, match=message):
            try_metrics([spec])
