"""The report of a comparison: what `textgen bench` found, as tables, curves and samples.

`render` draws it on a terminal, `to_markdown` writes all of it as Markdown. Both take the dictionary
that `textgen bench --json` prints; what they show is defined once, in `textgen.comparison.report.tables`.
"""

from textgen.comparison.report.markdown import to_markdown
from textgen.comparison.report.terminal import render

__all__ = ["render", "to_markdown"]
