"""What functions refuse: one line that says what to do, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import textgen
import textgen_suites
from textgen import ClusterOptions, SampleOptions, TextOptions, describe
from textgen_tune import SearchOptions, tune


def test_options_of_the_text_are_refused_for_a_loaded_corpus(news: str, tmp_path: Path) -> None:
    corpus: Any = textgen.Corpus.from_texts([news[:20_000]])
    message = "^text options have no effect on a loaded corpus; leave them out$"
    for call in (textgen.train, textgen.bench):
        with pytest.raises(textgen.TextgenError, match=message):
            call("random", TextOptions(corpus, clean="letters"), out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: textgen.bench([]), "no entries"),
        (lambda: textgen.train("char-lstm", budget=5), 'budget 5: give a text with a unit, such as "60s"'),  # type: ignore[arg-type]
        (lambda: textgen.bench("random", seeds=range(3, 3)), "seeds must be at least 1, not range(3, 3)"),
        (lambda: textgen.bench("random", seeds=range(0, 6, 2)), "seeds must be at least 1 and successive"),
        (lambda: textgen.bench("random", samples=SampleOptions(length=-3)), "length must be at least 1"),
        (lambda: textgen.bench("random", samples=SampleOptions(sampler=[])), "no sampler; give one, such as"),
        (lambda: textgen.train("random", cluster=ClusterOptions(jobs=2)), "jobs has no effect on "),
        (lambda: textgen_suites.suite("original", TextOptions(clean="raw")), "clean has no effect on 'orig"),
        (lambda: tune("char-lstm", search=SearchOptions(trials=0)), "trials must be at least 1"),
        (lambda: textgen.train("a", seed=1, budget="+1s"), "seed has no effect on 'a', a run whose training"),
        (lambda: describe("char-lstm", TextOptions(split="90/10")), "split has no effect on the layers of"),
        (lambda: textgen.train("random", seed=-1), "seed must be from 0 to 4294967295, not -1"),
    ],
)
def test_what_cannot_be_meant_is_a_one_line_error(
    call: Callable[[], object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(textgen.TextgenError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
