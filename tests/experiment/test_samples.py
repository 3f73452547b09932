"""The passages that runs continue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen.experiment.samples import held_out_passages


def test_held_out_passages_are_spread_over_the_text(news: str) -> None:
    passages = held_out_passages(news, 24, 60)
    starts = []
    for prompt, following in passages:
        assert 30 <= len(prompt) <= 60
        assert following[0].isspace()
        assert news.endswith(prompt + following)
        starts.append(len(news) - len(prompt + following))
        assert news[starts[-1] - 1].isspace()
    assert starts == pytest.approx([len(news) * index / 24 for index in range(24)], abs=50)


@given(text=..., number=st.integers(1, 24))
def test_any_text_has_passages(text: str, number: int) -> None:
    passages = held_out_passages(text, number, 60)
    assert len(passages) == number
    assert all(text.endswith(prompt + following) for prompt, following in passages)
