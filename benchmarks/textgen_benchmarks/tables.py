"""Tables of benchmarks/README.md, written from results/*.json: `python -m textgen_benchmarks.tables`.

The text between `<!-- NAME -->` and `<!-- end -->` is replaced by the report of results/NAME.json, the text
between `<!-- NAME OTHER -->` and `<!-- end -->` by the effects in both; the rest is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textgen.suite.report import UNPAIRED, all_curves, compared_with, show_change, show_value, to_markdown

FOLDER = Path(__file__).parents[1]
PLACE = re.compile(r"(<!-- (?P<names>[\w. -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Replace every table in the README."""
    page = FOLDER / "README.md"
    page.write_text(filled(page.read_text("utf-8"), FOLDER / "results"), "utf-8")


def filled(text: str, results: Path) -> str:
    """Return `text` with the report of each result between its markers."""

    def report(match: re.Match[str]) -> str:
        names = match["names"].split()
        found = [json.loads((results / f"{name}.json").read_text("utf-8")) for name in names]
        lines = "\n".join(side_by_side(found)) + "\n" if len(found) > 1 else _nested(to_markdown(found[0]))
        return f"{match[1]}{lines}{match[3]}"

    return PLACE.sub(report, text)


def side_by_side(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of one table per question of a suite, with the effect of each change on each text."""
    texts = [f"{result['corpus']['name']}, {result['budget']}" for result in results]
    for number, factor in enumerate(results[0]["factors"]):
        columns = [f"{text} | change against {compared_with(factor)} | real words" for text in texts]
        yield from ("", f"### {factor['question']}", "", f"| case | {' | '.join(columns)} |")
        yield f"| :-- |{' --: |' * 3 * len(texts)}"
        found = [_by_case(result["factors"][number]) for result in results]
        for case in factor["cases"]:
            cells = [cell for cases in found for cell in _cells(*cases.get(case["label"], ({}, {})))]
            yield f"| {' | '.join([case['label'], *cells])} |"
        if any(not effect["paired"] for effect in factor["effects"]):
            yield from ("", UNPAIRED)
        for result, text in zip(results, texts, strict=True):
            curves = list(all_curves(result["factors"][number], result["held_out"]["sample_metrics"]))
            yield from (["", f"**{text}**", *curves] if curves else [])
    yield ""


def _by_case(factor: Mapping[str, Any]) -> dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return each case of a factor, by its label, with its effect."""
    effects = {effect["case"]: effect for effect in factor["effects"]}
    return {case["label"]: (case, effects.get(case["label"], {})) for case in factor["cases"]}


def _cells(case: Mapping[str, Any], effect: Mapping[str, Any]) -> list[str]:
    return [
        show_value(case.get("bits_per_char"), 3),
        show_change(effect.get("bits_per_char"), 3) + ("" if effect.get("paired", True) else " †"),
        show_value(case.get("real_word_rate"), 1, percent=True),
    ]


def _nested(report: str) -> str:
    """Return a report with its headings one level down, as part of a longer page."""
    return report.replace("\n## ", "\n### ").replace("# ", "## ", 1)


if __name__ == "__main__":
    main()
