"""The tables of a comparison, with their captions and notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from textgen.evaluation.intervals import Contrast
from textgen.evaluation.metrics import LETTERS, MetricInfo
from textgen.experiment.entry_result import EntryResult
from textgen.generation.bound_sampler import ENTROPY
from textgen.page.charts import IntervalChart
from textgen.reports.answer import classes
from textgen.reports.columns import VIEWS, RowColumn, make_table
from textgen.reports.document import BRIEF, Cell, Note, Table, text_table
from textgen.reports.formats import CurvePoint, at, bits, plain, sparkline, thousandths
from textgen.reports.rows import EntryRow, held_out_row, reference_rows
from textgen.reports.samples import counted_words, known_words
from textgen.results.comparison import Comparison
from textgen.results.judge import adjusted_contrasts, samples_of

MAX_NOTED_WORDS = 12
"""Made-up or missing words that are shown of each entry."""
PAIRED = "Differences are paired by passage, so one may be clear even if the intervals of scores overlap."


def ranked_rows(result: Comparison, rows: Sequence[EntryRow]) -> list[EntryRow]:
    """Return entries and references, best first."""
    return sorted([*rows, *reference_rows(result)], key=EntryRow.ranking)


def brief_table(result: Comparison, rows: Sequence[EntryRow]) -> Table:
    """Return the scores with what else decides: how far from the best, real words, speed and size."""
    caption = (
        f"Bits per character of the {result.scored_on} text, lower is better; bold: clearly best; italics: "
        f"references. {PAIRED} Real words: in text by {_writer(result)}, {_real_words(result)}."
    )
    columns = list(named(result, VIEWS["brief"].columns(result.other_metrics)))
    shown = [*ranked_rows(result, rows), held_out_row(result)]
    return make_table("", caption, columns, shown, list(score_notes(result, rows)), views=BRIEF)


def named(result: Comparison, columns: Iterable[RowColumn[Any]]) -> Iterator[RowColumn[Any]]:
    """Yield columns, that of real words with the sampler that wrote them."""
    for each in columns:
        is_of_words = each.name == "real_word_rate"
        yield replace(each, header=f"real words %\n{at(result.measured_sampler)}") if is_of_words else each


def _writer(result: Comparison) -> str:
    """Return the sampler whose text is measured, and what is equal for all entries."""
    sampler = plain(result.measured_sampler)
    found = " (each entry at the temperature that gives this entropy)"
    return sampler + (found if f"{ENTROPY}=" in sampler else "")


def _real_words(result: Comparison) -> str:
    """Return the words that count towards the share of real words."""
    return counted_words(result.held_out.sample_metrics.get(LETTERS))


def score_table(result: Comparison, rows: Sequence[EntryRow], picture: IntervalChart) -> Table:
    """Return the scores of entries and references, best first, with the differences from the best.

    `picture` is what a page draws of them.
    """
    caption = (
        "Bits per character of the whole text, lower is better; bold: clearly best. Italics: references "
        "(compressors and counting models). Interval: 95 %, over passages or documents and over seeds. "
        f"{PAIRED}{_clear_caption(result)}"
    )
    if any(score.reads_on for score in result.scores):
        caption += " Last: entries that learn from the text while it is scored."
    columns, notes = VIEWS["scores"].columns(), list(score_notes(result, rows))
    return make_table("Scores", caption, columns, ranked_rows(result, rows), notes, picture=picture)


def _clear_caption(result: Comparison) -> str:
    """Return what the verdicts mean: clear of chance, if several pairs are compared corrected for them."""
    if not result.differences:
        return ""
    sizes = [len(each.scores) for each in classes(result)]
    num_pairs = max(size * (size - 1) // 2 for size in sizes)
    pairs = "pairs of entries of its class" if len(sizes) > 1 else f"{num_pairs} pairs of entries"
    corrected = f", corrected for all {pairs} (Holm)" if num_pairs > 1 else ""
    return f" Clear: significant at the 5 % level{corrected}."


def pair_tables(result: Comparison) -> Iterator[Table]:
    """Yield the differences of all pairs of each class that has three entries or more."""
    samples = samples_of(result)
    for those in classes(result):
        names = [each.name for each in those.scores if each.name in samples]
        if len(names) > 2:
            contrasts = adjusted_contrasts({name: samples[name] for name in names})
            yield text_table(
                "All differences",
                ["bits/char worse than", *names[:-1]],
                [[row, *(_contrast(contrasts.get((each, row))) for each in names[:-1])] for row in names[1:]],
                caption="How much worse each entry is than each better one, with 95 % intervals of paired "
                "differences; bold: clear.",
            )


def _contrast(contrast: Contrast | None) -> Cell:
    if contrast is None:
        return Cell("")
    half = contrast.interval and (contrast.interval[1] - contrast.interval[0]) / 2
    return Cell(thousandths(contrast.value), f" ± {thousandths(half)}" if half else "", contrast.is_clear)


def other_units(result: Comparison, rows: Sequence[EntryRow]) -> Table:
    """Return the scores in other units."""
    measured = [row for row in ranked_rows(result, rows) if row.num_parameters]
    caption = "Perplexities are comparable only within one text."
    return make_table("Scores in other units", caption, VIEWS["units"].columns(), measured)


def score_notes(result: Comparison, rows: Sequence[EntryRow]) -> Iterator[Note]:
    """Yield what went wrong, and what makes scores under a budget in time unequal."""
    yield from _problem_notes(rows)
    numbers = {row.name: max((run.num_copies for run in row.runs), default=1) for row in rows}
    if copied := [f"{name} ({number})" for name, number in numbers.items() if number > 1]:
        yield Note("averages of copies, trained one after another (number of copies)", copied)
    if result.budget.is_timed:
        yield from _disturbed_notes(rows)
        if len({run.machine.description for row in rows for run in row.runs}) > 1:
            yield Note(
                "runs had different machines or threads, so the same time allowed some of them more "
                "training; a budget in characters does not depend on the machine"
            )


def _problem_notes(rows: Sequence[EntryRow]) -> Iterator[Note]:
    """Yield why entries failed, have no rank or wrote nothing, and what went wrong in training."""
    yield from (Note(plain(failure)) for row in rows for failure in row.failures)
    for row in rows:
        unwritten = (reason for run in row.runs for reason in run.sample_errors)
        remarks = (remark for run in row.runs for remark in run.train.remarks)
        for reasons in (unwritten, remarks):
            yield from (Note(plain(reason), [row.name]) for reason in dict.fromkeys(reasons))
    yield from (Note(plain(f"{row.name} has no rank: {row.problem}")) for row in rows if row.problem)
    unproven = [
        row.name
        for row in rows
        if row.comparable and not all(run.score_checks.decoded_equals_text for run in row.runs)
    ]
    if unproven:
        yield Note("do not trust these scores: the decoded tokens differ from the text", unproven)


def _disturbed_notes(rows: Sequence[EntryRow]) -> Iterator[Note]:
    """Yield whose training other work on the machine slowed down."""
    for row in rows:
        disturbed = [run.train for run in row.runs if run.train.disturbance]
        if disturbed:
            worst = min(disturbed, key=lambda train: train.cpu_utilization or 1.0)
            yield Note(
                f"{row.name} {worst.disturbance} because the machine was busy; its score may be too high, "
                "and a budget in characters would not depend on the load"
            )


def category_table(rows: Sequence[EntryRow]) -> Table:
    """Return how many of the bits of each entry each kind of text costs."""
    scored = [row for row in rows if row.scores]
    by_text = all(score.bits_by_seen_words for row in scored for score in row.scores)
    oov = (
        "Known words are in the training text, new words are not. OOV words are those outside the entry's "
        "own vocabulary; the OOV rate is their share of all words. Without OOV: the score if they cost "
        "nothing, which flatters."
        if by_text
        else "OOV: words outside the entry's vocabulary, so these parts are not comparable between different "
        "vocabularies; without OOV: the score if they cost nothing, which flatters."
    )
    caption = f"Bits per character spent on each part. {oov}"
    return make_table("Where the bits go", caption, VIEWS["categories"].columns(), scored)


def written_table(result: Comparison, rows: Sequence[EntryRow]) -> Table:
    """Return the metrics of what each entry wrote, next to those of the held-out text."""
    caption = (
        f"Metrics of text by {_writer(result)}. Best is closest to the held-out text; bold: "
        "clearly closest; in brackets: 95 % interval, where there is room. Distinct-1 and -2 count made-up "
        "words too. Novel 4-grams are not in the training text; verbatim span: the longest run of characters "
        "that is. Real words are in "
        f"{plain(known_words(result))}, {_real_words(result)}."
    )
    if not result.held_out.pseudovalues:
        caption += " The held-out text is short: its passages overlap, so it looks less diverse than it is."
    notes = [Note(plain(f"{each.name}: {each.problem or told(each)}")) for each in result.other_metrics]
    columns = VIEWS["generated"].columns(result.other_metrics)
    return make_table("Generated text", caption, columns, [*rows, held_out_row(result)], notes)


def told(metric: MetricInfo) -> str:
    """Return what a metric of a plugin is, which value is best, and where it is from."""
    best = {"higher": "; more is better", "lower": "; less is better"}.get(str(metric.best), "")
    return f"{metric.hint}{best} ({metric.source})"


def speed_table(rows: Sequence[EntryRow]) -> Table:
    """Return how fast and large each entry is, and how it was trained."""
    caption = (
        "Speeds are in characters, so they are comparable between tokenizers. Prepare: tokenizing the "
        "training text and making word vectors; a budget in seconds includes it. CPU: share of the needed "
        "CPU time that training got."
    )
    return make_table("Speed and size", caption, VIEWS["speed"].columns(), rows)


def embedding_table(rows: Sequence[EntryRow]) -> Table:
    """Return how much of the vocabulary and of the text has a pretrained vector."""
    caption = "Share of the vocabulary, and of the running text, that has a pretrained vector. With 0"
    caption += " dimensions, no model uses the vectors, but one uses the list of words."
    embedded = [(row, audit) for row in rows if (audit := row.runs[0].embedding) is not None]
    notes = [
        Note(f"no vector in {row.name}", list(dict.fromkeys(map(_shown_word, missing)))[:MAX_NOTED_WORDS])
        for row, audit in embedded
        if (missing := audit.most_frequent_missing)
    ]
    columns = VIEWS["embeddings"].columns()
    return make_table("Embeddings", caption, columns, [row for row, _ in embedded], notes)


def _shown_word(word: str) -> str:
    """Return a token without the space around it, which would show one word twice."""
    return plain(word).strip() or repr(word)


def curve_table(result: Comparison, rows: Sequence[EntryRow]) -> Table:
    """Return the learning curves of the entries that have one, drawn over the same budget."""
    by_time = result.budget.is_timed
    rows = [row for row in rows if row.comparable and row.runs[0].train.curve]
    curves = [_points(row.runs[0], by_time) for row in rows]
    everything = [point for curve in curves for point in curve] or [(0.0, 0.0)]
    end, scores = max(everything)[0], [score for _, score in everything]
    low, high = min(scores), max(scores)
    drawn = [
        replace(row, curve=sparkline(curve, end, low, high)) for row, curve in zip(rows, curves, strict=True)
    ]
    caption = f"Validation bits per character, all drawn from {bits(low)} (▁) to {bits(high)} (█)."
    return make_table("Learning curves", caption, VIEWS["curves"].columns(), drawn)


def _points(run: EntryResult, by_time: bool) -> list[CurvePoint]:
    return [
        (point.seconds if by_time else float(point.num_chars), point.validation_bits_per_char)
        for point in run.train.curve
        if point.validation_bits_per_char is not None
    ]
