"""`python -m textgen_benchmarks.tables`: writes the tables of benchmarks/README.md from results/*.json.

What stands between `<!-- NAME -->` and `<!-- end -->` is replaced by the report of results/NAME.json; the
words around it are ours.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from textgen.suite.tables import to_markdown

FOLDER = Path(__file__).parents[1]
PLACE = re.compile(r"(<!-- (?P<name>[\w.-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Replace every table in the README."""
    page = FOLDER / "README.md"
    page.write_text(filled(page.read_text("utf-8"), FOLDER / "results"), "utf-8")


def filled(text: str, results: Path) -> str:
    """Return `text` with the report of each result between its marks."""

    def report(match: re.Match[str]) -> str:
        result = json.loads((results / f"{match['name']}.json").read_text("utf-8"))
        lines = to_markdown(result).replace("\n## ", "\n### ").replace("# ", "## ", 1)
        return f"{match[1]}{lines}{match[3]}"

    return PLACE.sub(report, text)


if __name__ == "__main__":
    main()
