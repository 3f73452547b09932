"""The tables of the report, in its order, with their captions and notes, and that of the short report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from textgen.evaluation.intervals import INTERVAL_METHOD
from textgen.experiment.entry_result import EntryResult
from textgen.generation.bound_sampler import ENTROPY
from textgen.page.render import listed
from textgen.report.answer import classes, doubts, overlap, resolution, scope
from textgen.report.columns import VIEWS
from textgen.report.formats import bits, count, percent, plain, short
from textgen.report.rows import (
    EntryRow,
    entry_rows,
    held_out_row,
    machine_letters,
    reference_rows,
)
from textgen.report.samples import counted_words, known_words
from textgen.report.table_model import MAX_NOTED_WORDS, Note, ReportTable, make_table
from textgen.results.comparison import Comparison
from textgen.training.budget import is_timed

SPARKLINE_WIDTH = 30
"""The width of a learning curve in characters."""

PERPLEXITIES = "Compare perplexities within one text only."

CurvePoint = tuple[float, float]
"""An amount of training, and the validation score after it."""


def summary_lines(result: Comparison) -> list[str]:
    """Return the lines that say what scores hold for, what was compared, on what and with what."""
    corpus = result.corpus
    return [
        *doubts(result),
        resolution(result),
        overlap(result),
        *scope(result),
        f"{count(corpus.num_chars)} characters, cleaner {corpus.cleaner}, split {corpus.split.method}, "
        f"sha256 {corpus.sha256[:12]}",
        f"budget {result.budget} each, {result.device}, {result.precision}, scored on {_scored_on(result)}",
        f"{listed(result.versions)}; {listed(result.machine)}",
    ]


def brief_summary(result: Comparison) -> str:
    """Return in one line what was compared."""
    text = f"{result.corpus.name}, {short(result.corpus.num_chars)} characters"
    how = f"{result.budget} of training each, {result.device}, {result.precision}"
    return f"{text}; {how}; scored on {_scored_on(result)}"


def _scored_on(result: Comparison) -> str:
    """Return the part that is scored, or the sealed file."""
    if result.sources.sealed is None:
        return result.scored_on
    return f"{result.sources.sealed}, which was opened after all entries were trained"


def brief_table(result: Comparison) -> ReportTable:
    """Return the scores with what else decides: how far from the best, real words, speed and size."""
    entries = entry_rows(result)
    caption = (
        f"Bits per character of the {result.scored_on} text, lower is better; bold: clearly best; italics: "
        f"references. Real words: of what {_writer(result)} writes, {_real_words(result)}."
    )
    ranked = sorted([*entries, *reference_rows(result)], key=EntryRow.ranking)
    rows, notes = [*ranked, held_out_row(result)], list(score_notes(result, entries))
    return make_table("", caption, VIEWS["brief"].columns(), rows, notes)


def _writer(result: Comparison) -> str:
    """Return the sampler whose text is measured, and what is equal for all entries."""
    sampler = plain(result.measured_sampler)
    found = " (for each entry at the temperature of this entropy)"
    return sampler + (found if f"{ENTROPY}=" in sampler else "")


def _real_words(result: Comparison) -> str:
    """Return of which words the share of real ones is."""
    return counted_words(result.held_out.sample_metrics.real_word_letters)


def report_tables(result: Comparison) -> dict[str, ReportTable]:
    """Return the tables that have something to show by their views, in the order of the report."""
    rows = entry_rows(result)
    ran = [row for row in rows if row.runs]
    built = {
        "scores": _scores(result, rows),
        "differences": _differences(result, rows),
        "categories": _categories(ran),
        "generated": _generated(result, ran),
        "speed": _speed(ran),
        "embeddings": _embeddings(ran),
        "curves": _curves(result, ran),
    }
    return {view: table for view, table in built.items() if table.rows}


def _scores(result: Comparison, rows: Sequence[EntryRow]) -> ReportTable:
    """Return the scores of entries and references, best first."""
    ranked = sorted([*rows, *reference_rows(result)], key=EntryRow.ranking)
    interval = (
        "Interval: 95 %, for other passages of this text and other seeds."
        if result.interval_method == INTERVAL_METHOD
        else f"Interval: {result.interval_method}."
    )
    caption = (
        "Bits per character of the whole text, lower is better; bold: clearly best. Italics: references "
        "(compressors, and what only counts). "
        f"{interval} {PERPLEXITIES}"
    )
    if any(score.reads_on for score in result.scores):
        caption += " Last: entries that learn from the text while it is scored."
    notes = [
        *score_notes(result, rows),
        *(Note(f"{each.name}: {each.description}") for each in result.references),
    ]
    table = make_table("Scores", caption, VIEWS["scores"].columns(), ranked, notes)
    scores = [fmean(row.bits_per_char) if row.bits_per_char and row.comparable else 0.0 for row in ranked]
    longest = max(scores, default=0.0) or 1.0
    drawn = [replace(row, bar=score / longest) for row, score in zip(table.rows, scores, strict=True)]
    return replace(table, rows=drawn)


def score_notes(result: Comparison, rows: Sequence[EntryRow]) -> Iterator[Note]:
    """Yield what went wrong, and what makes scores of a budget in time unequal."""
    yield from _problem_notes(rows)
    numbers = {row.name: max((run.num_copies for run in row.runs), default=1) for row in rows}
    if copied := [f"{name} ({number})" for name, number in numbers.items() if number > 1]:
        yield Note("averages of copies, trained one after another (their number)", copied)
    yield from _unused_notes(rows)
    if is_timed(result.budget):
        yield from _disturbed_notes(rows)
        if len(machine_letters(rows)) > 1:
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
    yield from (Note(plain(f"{row.name} has no rank since {row.problem}")) for row in rows if row.problem)
    unproven = [
        row.name
        for row in rows
        if row.comparable and not all(run.score_checks.decoded_equals_text for run in row.runs)
    ]
    if unproven:
        yield Note("do not trust these scores, the decoded tokens differ from the text", unproven)


def _unused_notes(rows: Sequence[EntryRow]) -> Iterator[Note]:
    """Yield which entries were trained for longer than helps, with the seed for which that is worst."""
    unused = []
    for row in rows:
        trained = sorted((run.train for run in row.runs), key=lambda train: train.best_share or 1.0)
        unused += [f"{row.name} ({said})" for said in filter(None, (each.unused for each in trained[:1]))]
    if unused:
        yield Note("trained for longer than helps", unused)


def _disturbed_notes(rows: Sequence[EntryRow]) -> Iterator[Note]:
    """Yield whose training other work on the machine slowed down."""
    for row in rows:
        shares = [run.train.cpu_utilization or 0.0 for run in row.runs if run.train.was_disturbed]
        if shares:
            yield Note(
                f"{row.name} got {percent(min(shares))} % of the CPU time that its training wanted, since "
                "the machine was busy, so its score may be too high; a budget in characters does not depend "
                "on the load"
            )


def _differences(result: Comparison, rows: Sequence[EntryRow]) -> ReportTable:
    """Return how much worse each entry is than the best one, and whether that is clear."""
    sizes = [len(each.scores) for each in classes(result)]
    num_pairs = max((size * (size - 1) // 2 for size in sizes), default=0)
    is_adjusted = num_pairs > 1 and result.interval_method == INTERVAL_METHOD
    of_class = " of its class" if len(sizes) > 1 else ""
    pairs = "pairs of entries of its class" if of_class else f"{num_pairs} pairs of entries"
    caption = f"Bits per character more than the best{of_class}. Clear: more than chance explains at 5 %" + (
        f", corrected for all {pairs} (Holm)." if is_adjusted else "."
    )
    best = "the best of each class" if of_class else result.differences[0].a if result.differences else ""
    compared = [row for row in rows if row.difference]
    return make_table(f"Difference from {best}", caption, VIEWS["differences"].columns(), compared)


def _categories(rows: Sequence[EntryRow]) -> ReportTable:
    scored = [row for row in rows if row.scores]
    by_text = all(score.bits_by_seen_words for row in scored for score in row.scores)
    oov = (
        "Known words are in the training text, OOV (out-of-vocabulary) words are not. Without OOV: if the "
        "words outside the entry's own vocabulary, of which the OOV rate is the share, cost nothing, which "
        "flatters."
        if by_text
        else "OOV: words outside the vocabulary of the entry, so these parts do not compare entries with "
        "different ones; without OOV: if they cost nothing, which flatters."
    )
    caption = f"Bits per character spent on each. {oov}"
    return make_table("Where the bits go", caption, VIEWS["categories"].columns(), scored)


def _generated(result: Comparison, rows: Sequence[EntryRow]) -> ReportTable:
    """Return the metrics of what each entry wrote, next to those of the held-out text."""
    caption = (
        f"Of what {_writer(result)} writes. Best is closest to the held-out text; bold: "
        "clearly closest; in brackets: 95 % interval, where there is room. Distinct-1 and -2 count made-up "
        "words too. Novel 4-grams are not in the training text; verbatim span: the most characters in a row "
        "that are. Real words are in "
        f"{plain(known_words(result))}, {_real_words(result)}."
    )
    columns = VIEWS["generated"].columns()
    return make_table("Generated text", caption, columns, [*rows, held_out_row(result)])


def _speed(rows: Sequence[EntryRow]) -> ReportTable:
    caption = (
        "Speeds are in characters, so that tokenizers compare. Prepare: tokenizing the training text and "
        "making word vectors, which a budget in seconds includes. CPU: share of the CPU time that training "
        "wanted and got."
    )
    letters = machine_letters(rows)
    notes = [Note(f"machine {letter}: {name}") for name, letter in letters.items() if len(letters) > 1]
    return make_table("Speed and size", caption, VIEWS["speed"].columns(), rows, notes)


def _embeddings(rows: Sequence[EntryRow]) -> ReportTable:
    """Return how much of the vocabulary and of the text has a pretrained vector."""
    caption = "Share of the vocabulary, and of the running text, that has a pretrained vector."
    embedded = [(row, audit) for row in rows if (audit := row.runs[0].embedding) is not None]
    notes = [
        Note(f"{row.name} lacks", list(dict.fromkeys(map(_shown_word, missing)))[:MAX_NOTED_WORDS])
        for row, audit in embedded
        if (missing := audit.most_frequent_missing)
    ]
    columns = VIEWS["embeddings"].columns()
    return make_table("Embeddings", caption, columns, [row for row, _ in embedded], notes)


def _shown_word(word: str) -> str:
    """Return a token without the space around it, which would show one word twice."""
    return plain(word).strip() or repr(word)


def _curves(result: Comparison, rows: Sequence[EntryRow]) -> ReportTable:
    """Return the learning curves of the entries that have one, drawn over the same budget."""
    by_time = is_timed(result.budget)
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


def sparkline(
    points: Sequence[CurvePoint], end: float, low: float, high: float, width: int = SPARKLINE_WIDTH
) -> str:
    """Return a curve as bars of `width` equal intervals up to `end`; a dot precedes its first point."""
    drawn = ""
    for step in range(1, width + 1):
        known = [score for moment, score in points if moment <= end * step / width]
        drawn += "▁▂▃▄▅▆▇█"[round(7 * (known[-1] - low) / ((high - low) or 1))] if known else "·"
    return drawn
