"""The report of a comparison, as tables, curves and samples; drawn on a terminal or written as Markdown."""
