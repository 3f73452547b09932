"""The segments of a text that are resampled."""

from __future__ import annotations

import pytest

from textgen.evaluation.bootstrap import segment_size, segment_sizes


@pytest.mark.parametrize(
    ("num_chars", "size"), [(1, 1), (39, 1), (400, 10), (20_000, 500), (10**6, 500), (10**6 + 1, 501)]
)
def test_segments_have_500_characters_unless_that_makes_too_few_or_too_many(
    num_chars: int, size: int
) -> None:
    assert segment_size(num_chars) == size
    assert segment_sizes(num_chars).sum() == num_chars
    assert set(segment_sizes(num_chars)[:-1]) <= {size}
