"""The speed of several processes: medians of pairs, and their table."""

from __future__ import annotations

from textgen_benchmarks.ranks import row, table


def test_speeds_are_compared_in_pairs() -> None:
    found = row("char-lstm", 2, [(100.0, 200.0), (300.0, 200.0), (150.0, 100.0)])
    assert found.chars_per_second == 150.0
    assert found.reference_chars_per_second == 200.0
    assert (found.ratio, found.ratio_range) == (1.5, (0.5, 1.5))
    (*_, line) = table([found])
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["char-lstm", "2: 150 chars/s", "200 chars/s", "1.50 (0.50-1.50)"]
