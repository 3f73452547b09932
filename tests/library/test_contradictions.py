"""Results that contradict themselves: refused when they are read, or shown without a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from textgen.library.presentation import document
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.results.comparison import Comparison
from textgen.results.details import Details
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import from_values, read_values
from textgen_suites.result import SuiteResult
from textgen_tune.result import StudyResult

RESULTS = Path(__file__).parent.parent.parent / "benchmarks" / "results"


def others(values: Any, place: str = "") -> Iterator[tuple[str, Any, Any, Any]]:
    """Each text, flag and list: its kind of place, its container and key there, and another value."""
    for key, value in list(values.items() if isinstance(values, dict) else enumerate(values)):
        kind = f"{place}{'*' if isinstance(values, list) else key}"
        if isinstance(value, bool):
            yield kind, values, key, not value
        elif isinstance(value, str):
            yield kind, values, key, "nobody"
        elif isinstance(value, list) and value:
            yield kind, values, key, value[:-1]
        if isinstance(value, (dict, list)):
            yield from others(value, f"{kind}.")


@pytest.mark.parametrize(
    ("name", "kind", "report", "refused"),
    [
        ("bench-novels", Comparison, to_markdown, "scores scores.*.name scores.*.is_best differences "
         "differences.*.a differences.*.b metrics.*.name metrics.*.metric entries.*.test.units.bits "
         "entries.*.made_up_shares"),
        ("ladder-german", Ladder, to_html, "budgets budgets.* rungs.*.entry rungs.*.budget "
         "rungs.*.score.name steps.*.entry steps.*.after rungs.*.runs.*.units.bits"),
        ("original-wiki", SuiteResult, to_html, "questions.*.cases "
         "questions.*.effects.*.case questions.*.effects.*.reference"),
        ("tune-wiki-5s", StudyResult, to_html, "search search.*.option trials.*.state "
         "best.state"),
    ],
)  # fmt: skip
def test_a_change_of_any_kind_is_refused_or_shown(
    name: str, kind: type[Any], report: Callable[[Any], str], refused: str
) -> None:
    values = read_values(RESULTS / f"{name}.json")
    found, shown = set[str](), set[str]()
    for place, container, key, other in others(values):
        if place in found | shown:
            continue
        before, container[key] = container[key], other
        try:
            result = from_values(kind, values)
        except ValueError:
            found.add(place)
        else:
            shown.add(place)
            assert report(document(result))
        container[key] = before
    assert len(shown) > 10
    assert set(refused.split()) <= found


READING = {
    "tokens": ["a", "b"],
    "passages": [{
        "first_char": 0, "num_chars": [1, 2], "bits": [1.5, 2.0], "alternatives": [[0], [1]],
        "per_mille": [[900], [80]],
    }],
}  # fmt: skip
SAMPLE = {"prompt": "a", "sampler": "top-p", "seed": 0, "text": "abc", "made_up": [[0, 3]], "copied": []}
ENTRY = {"name": "one", "settings": {}, "reading": READING, "writing": [], "samples": [SAMPLE]}
DETAILS = {"passages": [{"stretch": 0, "begin": 0, "text": "abc"}], "entries": [ENTRY]}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda entry, _: entry["reading"]["passages"][0]["bits"].pop(), r"passages\.0: tokens: lists of"),
        (lambda entry, _: entry["reading"]["passages"][0]["per_mille"][1].pop(), r"alternatives: lists of"),
        (lambda entry, _: entry["reading"]["tokens"].pop(), r"reading: alternatives: 1 is unknown"),
        (lambda entry, _: entry["samples"][0].update(text="ab"), r"entries\.0\.samples\.0: no characters"),
        (lambda _, details: details["passages"].pop(), "entries: one: lists of different lengths"),
        (lambda entry, details: details["entries"].append(entry), "entries: one is there twice"),
    ],
)  # fmt: skip
def test_details_that_contradict_themselves_are_refused(change: Callable[..., object], place: str) -> None:
    details = deepcopy(DETAILS)
    from_values(Details, details)
    change(details["entries"][0], details)
    with pytest.raises(ValueError, match=place):
        from_values(Details, details)
