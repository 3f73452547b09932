"""Numbers of reports as CSV."""

from __future__ import annotations

import csv
import io

from textgen.reports.document import CsvFile


def to_csv(file: CsvFile) -> str:
    """Return the header and the rows of a file as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(file.header)
    writer.writerows(file.rows)
    return text.getvalue()
