"""Results in a notebook: tables in HTML, data frames, plots, and a short repr."""

from __future__ import annotations

import re
import sys
from html import unescape
from typing import Any

import pytest

import textgen
from helpers.commands import TINY
from helpers.ladders import laddered
from helpers.reports import compared, entry
from textgen.library.comparison import Comparison
from textgen.reports.bench_report import bench_report
from textgen.reports.markdown import to_markdown

CPU = textgen.ClusterOptions(device="cpu", precision="fp32")


def cells_of(html: str) -> list[str]:
    cells = re.findall(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", html, re.S)
    return [unescape(re.sub("<[^>]*>", "", cell)) for cell in cells]


@pytest.fixture(scope="module")
def corpus() -> textgen.Corpus:
    return textgen.load_corpus("lee", max_chars=20_000)


@pytest.fixture(scope="module")
def run(corpus: textgen.Corpus, tmp_path_factory: pytest.TempPathFactory) -> textgen.Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    return textgen.train(TINY, corpus=corpus, out=out, budget="2000chars", cluster=CPU)


@pytest.fixture
def comparison() -> Comparison:
    """Two seeds of one entry, another entry, and one that failed."""
    failed = {"name": "bpe-gru", "seed": 0, "error": "out of memory"}
    seeds = (entry("char-lstm", score, seed) for seed, score in enumerate((2.0, 2.2)))
    return Comparison(**vars(compared(*seeds, entry("random", 6.2), failed)))


# --- tables


def test_a_comparison_shows_the_answer_and_every_row(comparison: Comparison) -> None:
    html = comparison._repr_html_()
    shown = set(cells_of(html))
    assert "char-lstm predicts the test text best" in html
    assert {"char-lstm", "random", "bpe-gru", "failed", "PPMd given train"} <= shown
    assert re.search(r"<b>2\.1\d+</b>", html)
    assert "<i>PPMd given train</i>" in html
    assert {"Learning curves", "Samples"} <= set(re.findall(r"<summary>(.*?)</summary>", html))
    assert {"bits/char", "parameters", "vocabulary", "repetition %"} <= shown


def test_a_comparison_gives_the_difference_between_any_two_entries() -> None:
    names = ("word-lstm", "char-lstm", "char-gru")
    result = Comparison(**vars(compared(*(entry(name, 1.8 + i / 10) for i, name in enumerate(names)))))
    for reported in result.differences:
        found = result.difference(reported.a, reported.b)
        assert (found.value, found.interval) == (reported.bits_per_char, reported.interval)
        assert found.p_value == reported.p_value
    there, back = result.difference("char-lstm", "char-gru"), result.difference("char-gru", "char-lstm")
    assert there.value == pytest.approx(0.1) == pytest.approx(-back.value)
    assert there.p_value == back.p_value
    assert there.interval
    half = (there.interval[1] - there.interval[0]) / 2
    (shown,) = re.findall(r"\| char-gru +\|.*\| \**0\.100\** ± (\S+) \|", to_markdown(bench_report(result)))
    assert shown == f"{half:.3f}"
    with pytest.raises(textgen.TextgenError, match=r"there is no ranked entry 'word-gru'|word-gru"):
        result.difference("char-lstm", "word-gru")
    with pytest.raises(textgen.TextgenError, match="compared with itself"):
        result.difference("char-lstm", "char-lstm")


def test_a_run_shows_its_score_and_its_folder(run: textgen.Run) -> None:
    first, *_, last = cells_of(run._repr_html_())
    assert run.result.test is not None
    assert first.startswith(
        f"{TINY} on lee: {run.result.test.bits_per_char:.3f} bits per character of the test"
    )
    assert last == f"saved in {run.folder}"


def test_no_repr_prints_a_text(corpus: textgen.Corpus, comparison: Comparison, run: textgen.Run) -> None:
    assert repr(corpus) == (
        f"Corpus('lee', cleaner 'prose', {corpus.num_chars:,} characters, sha256 {corpus.sha256[:12]})"
    )
    assert f"Part({len(corpus.split.train):,} characters in " in repr(corpus.split)
    for shown in (corpus, corpus.split, comparison, run):
        assert len(repr(shown)) < 400
    assert repr(comparison).startswith("Comparison(char-lstm, random, bpe-gru on wiki, 60s each: char-lstm ")


# --- data frames


def test_a_comparison_is_a_row_for_each_entry_and_seed(comparison: Comparison) -> None:
    pytest.importorskip("pandas", reason="needs pandas")
    frame = comparison.to_pandas()
    assert list(frame["entry"]) == ["char-lstm", "char-lstm", "random", "bpe-gru"]
    assert list(frame["bits_per_char"][:3]) == [2.0, 2.2, 6.2]
    assert frame["bits_per_char"].isna()[3]
    assert frame["problem"][3] == "out of memory"
    assert {"train_seconds", "num_parameters", "real_word_rate", "repetition_4"} <= set(frame.columns)


@pytest.mark.parametrize(("module", "call"), [("pandas", "to_pandas"), ("matplotlib", "plot")])
def test_without_the_extra_one_line_says_what_to_install(
    module: str, call: str, comparison: Comparison, run: textgen.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    for each in (comparison, run):
        with pytest.raises(textgen.TextgenError) as caught:
            getattr(each, call)()
        assert str(caught.value) == f'{call} needs {module}; run: pip install "textgen-bench[notebook]"'


# --- plots


@pytest.fixture
def pyplot() -> Any:
    matplotlib = pytest.importorskip("matplotlib", reason="needs matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    pyplot.close("all")  # what examples of documents have drawn in this process
    yield pyplot
    pyplot.close("all")


def test_the_scores_are_drawn_with_their_intervals_best_on_top(comparison: Comparison, pyplot: Any) -> None:
    axes = comparison.plot()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["char-lstm", "PPMd given train", "xz given train", "random", "uniform"]
    assert axes.yaxis_inverted()
    (bars,) = axes.containers[0].lines[2]
    (low, _), (high, _) = bars.get_segments()[0]
    assert (low, high) == pytest.approx(comparison.scores[0].interval)
    axes.figure.canvas.draw()
    assert pyplot.get_fignums() == [axes.figure.number]


def test_the_learning_curves_are_drawn_over_the_budget(comparison: Comparison, pyplot: Any) -> None:
    _, axes = pyplot.subplots()
    assert comparison.plot("curves", axes=axes) is axes
    assert axes.get_xlabel() == "seconds of training"
    labels = [line.get_label() for line in axes.lines]
    assert labels == ["char-lstm, seed 0", "char-lstm, seed 1", "random, seed 0"]
    assert len(axes.lines[0].get_xdata()) == 20
    with pytest.raises(textgen.TextgenError, match="kind must be scores or curves, not 'bars'"):
        comparison.plot("bars")  # type: ignore[arg-type]


# --- ladders


@pytest.fixture
def ladder() -> textgen.Ladder:
    """Two entries under three budgets, and one that is not trained."""
    made = laddered({"a": (2.0, 1.9, 1.85), "b": (2.1, 1.8, 1.7), "random": (6.2, 6.2, 6.2)})
    return textgen.Ladder(**vars(made))


def test_a_run_is_a_row_and_a_point_for_each_validation(run: textgen.Run, pyplot: Any) -> None:
    pytest.importorskip("pandas", reason="needs pandas")
    frame, curve = run.to_pandas(), run.result.train.curve
    assert list(frame["num_updates"]) == [point.num_updates for point in curve]
    _, axes = pyplot.subplots()
    (line,) = run.plot(axes=axes).lines
    assert list(line.get_xdata()) == [point.num_chars for point in curve]


def test_a_ladder_shows_its_answer_and_its_tables(ladder: textgen.Ladder) -> None:
    html = ladder._repr_html_()
    assert "At 4m: b predicts the test text best" in html
    assert (html.count("<table"), html.count("<details")) == (3, 2)
    assert repr(ladder).startswith("Ladder(b, a, random on wiki, 15s, 1m, 4m each: At 4m: b predicts")
    frame = ladder.to_pandas()
    assert len(frame) == 9
    assert list(frame[frame.entry == "b"].bits_per_char.round(6)) == [2.1, 1.8, 1.7]


@pytest.mark.parametrize(("kind", "amounts"), [("budget", [15, 60, 240]), ("characters", [1e6, 4e6, 16e6])])
def test_a_ladder_is_drawn_over_budgets_and_characters(
    ladder: textgen.Ladder, kind: Any, amounts: list[float]
) -> None:
    axes = ladder.plot(kind)
    handles, names = axes.get_legend_handles_labels()
    assert names == ["b", "a"]
    assert list(handles[0].lines[0].get_xdata()) == amounts  # type: ignore[attr-defined]
    assert axes.get_xscale() == "log"
    with pytest.raises(textgen.TextgenError, match="kind must be budget or characters, not 'time'"):
        ladder.plot("time")  # type: ignore[arg-type]
