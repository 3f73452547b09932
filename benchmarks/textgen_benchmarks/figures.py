"""Pictures of benchmarks/RESULTS.md, drawn into results/: `python -m textgen_benchmarks.figures`.

The leads of words (leads.svg), the scores of ladders by budget (ladder.svg), the effects of changes in
suites on several texts, next to each other (effects.svg), and the share of real words by temperature
(words.svg), with 95 % intervals where there are some. Equal results give equal files. It needs matplotlib.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import TABLEAU_COLORS
from matplotlib.figure import Figure

from textgen.evaluation.intervals import Contrast
from textgen.library.comparison import Ladder as DrawnLadder
from textgen.results.details import Details
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.leads import AIDS, COUNTED, IMPROVEMENTS, PAIRS, lead_of
from textgen_benchmarks.results_page import LADDERS, WORDS
from textgen_benchmarks.saving import RESULTS
from textgen_suites.result import QuestionResult, SuiteResult

WIDEST = 0.6
"""Limit of the axis in bits per character: larger effects are arrows at the edge, intervals are cut."""
CHANCE = 10
"""Percent of real words, more than there are in uniform random characters."""
TIMES = {
    0.25: ("ladder-wiki", "15s"),
    1: ("ladder-wiki", "1m"),
    4: ("ladder-wiki", "4m"),
    16: ("bench-wiki-16m", ""),
}
"""Results on Wikipedia by the minutes of training."""
PLACES = ("Wikipedia,\n1 min", "Moby Dick,\n1 min", "Edgeworth,\n1 min", "Wikipedia,\n5 passes")
"""What the places in `COUNTED` are called."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito's, safe for colour-blind readers


def main() -> None:
    """Draw all pictures."""
    suites = [read_record(SuiteResult, RESULTS / f"{name}.json") for name in IMPROVEMENTS]
    write_picture(draw_effects(suites), RESULTS / "effects.svg")
    write_picture(draw_leads(RESULTS), RESULTS / "leads.svg")
    ladders = [read_record(Ladder, RESULTS / f"{name}.json") for name in LADDERS]
    write_picture(draw_ladders(ladders), RESULTS / "ladder.svg")
    details = read_record(Details, RESULTS / f"{WORDS}.json")
    write_picture(draw_words(details), RESULTS / "words.svg")


def write_picture(figure: Figure, path: Path) -> None:
    """Write a plot; equal ones give equal files."""
    with rc_context({"svg.hashsalt": "textgen", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")


def draw_leads(results: Path) -> Figure:
    """Return a plot of the lead of words by the training time, and by which models are helped by counting."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    by_time, by_aid = figure.subplots(1, 2, sharey=True)
    for label, pair in (("words with GloVe", PAIRS["LSTM, words with GloVe"]), ("words", PAIRS["LSTM"])):
        _draw_leads(by_time, label, [lead_of(results, *place, pair) for place in TIMES.values()], [*TIMES])
    by_time.set_xscale("log")
    by_time.set_xticks([*TIMES], ["15 s", "1 min", "4 min", "16 min"])
    by_time.set_title("Wikipedia, only words count, by training time")
    by_time.set_ylabel("bits per character less than characters")
    for shift, label in enumerate(("only words count", "both count, words to spell", "neither counts")):
        places = [place + 0.1 * (shift - 1) for place in range(len(PLACES))]
        found = [lead_of(results, *place, AIDS[label]) for place in COUNTED]
        _draw_leads(by_aid, label, found, places, linestyle="none")
    by_aid.set_xticks(range(len(PLACES)), PLACES)
    by_aid.set_title("by which model is helped by counting")
    for axes in (by_time, by_aid):
        axes.axhline(0, color="0.6", linewidth=0.8)
        axes.legend()
    return figure


def _draw_leads(
    axes: Axes,
    label: str,
    leads: Sequence[Contrast | None],
    places: Sequence[float],
    linestyle: str = "solid",
) -> None:
    """Draw leads with their intervals, from left to right."""
    found = [
        (place, lead.value, lead.value - lead.interval[0], lead.interval[1] - lead.value)
        for place, lead in zip(places, leads, strict=True)
        if lead and lead.interval
    ]
    where, values, below, above = zip(*found, strict=True)
    axes.errorbar(where, values, (below, above), marker="o", linestyle=linestyle, capsize=3, label=label)


def draw_ladders(ladders: Sequence[Ladder]) -> Figure:
    """Return a plot with a panel for each ladder, with the scores over the budget, on a logarithmic axis."""
    figure = Figure(figsize=(4.5 * len(ladders), 3.2), layout="constrained")
    names = dict.fromkeys(name for ladder in ladders for name in ladder.entries)
    colours = dict(zip(names, TABLEAU_COLORS, strict=False))
    for axes, ladder in zip(figure.subplots(1, len(ladders), squeeze=False).flat, ladders, strict=True):
        axes.set_prop_cycle(color=[colours[name] for name in ladder.entries])
        DrawnLadder(**vars(ladder)).plot("budget", axes=axes)
        axes.set_title(
            ladder.corpus.name.replace("handbook:parallel=de+fr+ru+ja+zh-CN/de", "German handbook")
        )
    return figure


def draw_words(details: Details) -> Figure:
    """Return a plot of the share of real words that each entry writes at each temperature, without chance."""
    figure = Figure(figsize=(4.5, 3.2), layout="constrained")
    axes = figure.add_subplot()
    for entry in details.entries:
        shares = [(each.sampler, each.metrics.get("real_word_rate")) for each in entry.writing]
        known = [(float(spec.rpartition("=")[2]), 100 * share) for spec, share in shares if share is not None]
        if known[0][1] > CHANCE:
            axes.plot(*zip(*known, strict=True), marker="o", markersize=3, label=entry.name)
    axes.set_xlabel("temperature")
    axes.set_ylabel("real words, %")
    axes.legend()
    return figure


def draw_effects(results: Sequence[SuiteResult]) -> Figure:
    """Return a plot of all effects in several results of one suite, one row per change."""
    questions = [question for question in results[0].questions if question.effects]
    num_rows = sum(len(question.effects) for question in questions) + len(questions)
    figure = Figure(figsize=(8, 0.21 * num_rows + 1))
    axes = figure.add_subplot()
    axes.axvline(0, color="0.6", linewidth=0.8)
    places = _label(axes, questions)
    for number, result in enumerate(results):
        shift = 0.25 * (number - (len(results) - 1) / 2)
        shifted = {key: place + shift for key, place in places.items()}
        _draw(axes, result, shifted, COLOURS[number % len(COLOURS)])
    axes.set_xlim(-WIDEST, WIDEST)
    axes.set_xlabel("change in bits per character; left is better")
    axes.legend(loc="lower right")
    return figure


def _label(axes: Axes, questions: Sequence[QuestionResult]) -> dict[tuple[str, str], float]:
    """Label the rows and their groups; return the position of each row, by question and case."""
    places: dict[tuple[str, str], float] = {}
    labels: dict[float, str] = {}
    place = 1.0
    for question in questions:
        title = f" {question.name}, against {question.reference}"
        axes.text(-WIDEST, place, title, va="center", weight="bold")
        for effect in question.effects:
            place += 1
            places[question.name, effect.case] = place
            labels[place] = effect.case
        place += 1
    axes.set_yticks(list(labels), list(labels.values()))
    axes.set_ylim(place, 0)
    return places


def _draw(axes: Axes, result: SuiteResult, places: Mapping[tuple[str, str], float], colour: str) -> None:
    label = f"{result.corpus.name}, {result.budget}"
    for question in result.questions:
        for effect in question.effects:
            change, place = effect.bits_per_char, places.get((question.name, effect.case))
            if change is None or change.interval is None or place is None:
                continue
            value, (low, high) = change.value, change.interval
            if abs(value) > WIDEST:
                edge = WIDEST * (1 if value > 0 else -1)
                axes.plot(edge, place, ">" if value > 0 else "<", color=colour, markersize=5, clip_on=False)
                continue
            axes.plot([low, high], [place, place], color=colour, linewidth=1.2)
            axes.plot(value, place, "o", color=colour, markersize=3.5, label=label)
            label = "_"  # once in the legend


if __name__ == "__main__":
    main()
