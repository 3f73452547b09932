"""The report of a comparison of entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from textgen.evaluation.text_metrics import MIN_VERBATIM
from textgen.page.charts import ChartLine, ChartValue, IntervalChart, LineChart, entry_style
from textgen.reports import bench_tables as tables
from textgen.reports.advice import advice, next_steps
from textgen.reports.answer import DEFINITION, answer, doubts, known_before, resolution, scope, uneven
from textgen.reports.columns import curves_csv, scores_csv
from textgen.reports.document import (
    BRIEF,
    FULL,
    Block,
    Chart,
    Lines,
    Note,
    Report,
    Samples,
    Section,
    Template,
    lines,
    text_table,
)
from textgen.reports.formats import count, named_values, plain, short
from textgen.reports.rows import EntryRow, entry_rows
from textgen.reports.samples import (
    brief_samples,
    chance_entries,
    diversity_chart,
    known_words,
    made_up_words,
    moment_blocks,
    sample_groups,
    sampler_line,
)
from textgen.results.comparison import Comparison
from textgen.results.details import Details, EntryDetails, differing_settings
from textgen.runtime.environment import machines_used

SCRIPTS = ("passage_colours.js", "samples.js")

NO_DETAILS = Details(passages=(), entries=())


def bench_report(
    result: Comparison,
    details: Details = NO_DETAILS,
    models: Sequence[dict[str, Any]] = (),
    left_out: Sequence[str] = (),
) -> Report:
    """Return the report of a comparison.

    Without `details`, its page lacks what entries expected and wrote; it can write with `models` (see
    `PortableNetwork`), and says why others are `left_out`.
    """
    rows = entry_rows(result)
    ran = [row for row in rows if row.runs]
    ordered = [entry for row in rows for entry in details.entries if entry.name == row.name]
    styles = {row.name: entry_style(index) for index, row in enumerate(rows)}
    return Report(
        kind="comparison",
        result=result,
        title=f"Comparison on {result.corpus.name}",
        answer=answer(result),
        advice=advice(result),
        cautions=list(filter(None, [*doubts(result), *uneven(result), resolution(result)])),
        context=plain(" · ".join(_context(result))),
        definition=DEFINITION,
        sections=[
            Section("write", "Write with the models", _writing(models, left_out), FULL),
            Section("brief", "", [tables.brief_table(result, rows)], BRIEF),
            Section("scores", "Scores", _scores(result, rows, styles), FULL),
            Section("entries", "The entries", _descriptions(result, ordered), FULL),
            Section("samples", "Samples", _samples(result, ordered)),
            Section("made-up", "Made-up words", _made_up(result), FULL),
            *_passages(details, ordered),
            Section("learnt", "As they learnt", _learnt(ran), FULL),
            Section("curves", "Learning curves", _curves(result, ran, styles), FULL),
            Section("next", "What to try next", [next_lines(result)], FULL),
            Section("bits", "Where the bits go", [tables.category_table(ran)], FULL),
            Section("diversity", "Quality and diversity", _diversity(result, ran, ordered, styles), FULL),
            Section("embeddings", "Embeddings", [tables.embedding_table(ran), *_neighbors(ran)], FULL),
            Section("speed", "Speed and size", [tables.speed_table(ran)], FULL),
            Section("settings", "Differences in settings", _settings(ordered), FULL),
            Section("more", "", [lines([_more(result)], is_aside=True)], BRIEF),
        ],
        command=result.command,
        made=_made(result),
        files=[scores_csv(result), curves_csv(result)],
        styles=styles,
        scripts=(*SCRIPTS, "writer.js") if models else SCRIPTS,
        data=_data(result, details, ordered) | ({"models": models} if models else {}),
    )


def _learnt(ran: Sequence[EntryRow]) -> list[Block]:
    """Return what the entries wrote while they were trained, with their first seeds."""
    first = [row.runs[0] for row in ran]
    return moment_blocks({run.name: [*zip_longest(run.train.moments, run.made_up_shares)] for run in first})


def _data(result: Comparison, details: Details, entries: Sequence[EntryDetails]) -> dict[str, Any]:
    """Return what the scripts of a page read."""
    return {
        "passages": details.passages,
        "readings": [{"name": each.name, **vars(each.reading)} for each in entries if each.reading],
        "samples": [{"name": entry.name, "samples": entry.samples} for entry in entries],
        "sampler": result.measured_sampler,
        "colors": {row.name: index for index, row in enumerate(entry_rows(result))},
        "chance": sorted(chance_entries(result)),
    }


def _context(result: Comparison) -> Iterator[str]:
    """Yield what a reader must know before the answer."""
    corpus = result.corpus
    held_out = corpus.split.scored(result.scored_on)
    yield (
        f"{corpus.name}: {short(corpus.num_chars)} characters, of which {short(held_out.num_chars)} are held "
        f"out and scored ({_scored_on(result)})"
    )
    yield f"{result.budget} of training each, {result.device}, {result.precision}"
    yield machines_used(run.machine for run in result.runs) or result.machine.description
    trained = [run.train for run in result.runs if run.train.num_updates]
    if trained:
        paces = sorted(train.chars_per_second for train in trained)
        ends = list(dict.fromkeys(map(short, (paces[0], paces[-1]))))
        yield f"trained at {' to '.join(ends)} characters/s".replace(" k", "\u00a0k")
    shares = [train.cpu_utilization for train in trained if train.cpu_utilization is not None]
    if shares:
        yield f"CPU utilization at least {100 * min(shares):.0f} %"
    seeds = len({run.seed for run in result.entries})
    yield f"{seeds} seed{'s' * (seeds > 1)}"
    if result.made:
        yield result.made


def _made(result: Comparison) -> list[str]:
    corpus = result.corpus
    return [
        *scope(result),
        f"{count(corpus.num_chars)} characters, cleaner {corpus.cleaner}, split {corpus.split.method}, "
        f"sha256 {corpus.sha256}",
        f"{named_values(result.versions)}; {named_values(result.machine)}",
    ]


def _scored_on(result: Comparison) -> str:
    """Return the part that is scored, or the sealed file."""
    sealed = result.sources.sealed
    return f"{sealed}, which was opened after all entries were trained" if sealed else result.scored_on


def _scores(result: Comparison, rows: Sequence[EntryRow], styles: Mapping[str, str]) -> list[Block]:
    """Return the scores, with their picture on a page, and in other units."""
    return [
        tables.score_table(result, rows, _score_picture(result, rows, styles)),
        lines(known_before(result), is_list=True),
        *tables.pair_tables(result),
        tables.other_units(result, rows),
    ]


def _descriptions(result: Comparison, entries: Sequence[EntryDetails]) -> list[Block]:
    """Return what the entries and the references are, each in a sentence."""
    notes = [f"{each.name}: {each.description}." for each in entries if each.description]
    notes += [f"{each.label} (a reference): {each.description}." for each in result.references]
    return [lines(notes, is_list=True)]


def _writing(models: Sequence[dict[str, Any]], left_out: Sequence[str]) -> list[Block]:
    """Return what a page can write with, and why not with the others."""
    if not models:
        return []
    why = f"Not on this page: {'; '.join(left_out)}. textgen play works with every entry." if left_out else ""
    return [Template("bench_write.html"), lines([why])]


def _score_picture(result: Comparison, rows: Sequence[EntryRow], styles: Mapping[str, str]) -> IntervalChart:
    """Return the scores with their intervals."""
    values = [
        None
        if row.estimate is None
        else ChartValue(
            row.name,
            row.estimate.bits_per_char,
            row.estimate.interval,
            is_reference=row.is_reference,
            style=styles.get(row.name, ""),
        )
        for row in tables.ranked_rows(result, rows)
    ]
    return IntervalChart("bits per character, with 95 % intervals; left is better", "", values)


def _samples(result: Comparison, entries: Sequence[EntryDetails]) -> list[Block]:
    """Return the samples, briefly those of what has learnt something."""
    made_up, known = made_up_words(result), known_words(result)
    return [
        Samples(brief_samples(result)[0], made_up, known, views=BRIEF),
        Samples(
            sample_groups(result),
            made_up,
            known,
            chance=frozenset(chance_entries(result)),
            min_verbatim=MIN_VERBATIM,
            errors=[f"{entry.name}: {error}" for entry in entries for error in entry.errors],
            views=FULL,
        ),
    ]


def _made_up(result: Comparison) -> list[Block]:
    words = [Note(name, words[: tables.MAX_NOTED_WORDS]) for name, words in made_up_words(result).items()]
    said = [f"Words that are not in {known_words(result)}."] if words else []
    return [lines(said), Lines(words, is_list=True)]


def _more(result: Comparison) -> str:
    """Return what else the full report has."""
    number = brief_samples(result)[1]
    more = f"{number} more prompts or samplers, where" if number else "Where"
    return f"{more} the bits go, repetition, learning curves, references and settings: --full"


def _passages(details: Details, entries: Sequence[EntryDetails]) -> Iterator[Section]:
    """Yield the sections on what entries expected in the same passages."""
    readings = [entry for entry in entries if entry.reading is not None]
    if not readings or not details.passages:
        return
    table = text_table(
        "Bits per character of each passage",
        ["passage", *(each.name for each in readings)],
        [
            [
                passage.text.replace("\n", " "),
                *(f"{_bits(entry, index, len(passage.text)):.3f}" for entry in readings),
            ]
            for index, passage in enumerate(details.passages)
        ],
    )
    shown = Template("bench_passages.html", {"table": table})
    yield Section("passages", "The same passage, read by each", [shown])
    if len(readings) > 1:
        yield Section("pair", "Two entries against each other", [Template("bench_pair.html")])


def _bits(entry: EntryDetails, index: int, num_chars: int) -> float:
    assert entry.reading is not None  # it is among the readings
    return float(entry.reading.passages[index].bits_of_chars(num_chars).mean())


def _curves(result: Comparison, rows: Sequence[EntryRow], styles: Mapping[str, str]) -> list[Block]:
    """Return the learning curves over the seconds of training and over the characters read."""
    known = [
        (
            run.name if len(row.runs) == 1 else f"{run.name} (seed {run.seed})",
            styles[row.name],
            run.train.curve,
        )
        for row in rows
        if row.comparable
        for run in row.runs
        if run.train.curve
    ]
    charts: list[Block] = []
    for axis, unit in (("seconds", "seconds of training"), ("num_chars", "characters read")):
        drawn = [
            ChartLine(
                name,
                [
                    (getattr(point, axis), bits)
                    for point in curve
                    if (bits := point.validation_bits_per_char) is not None
                ],
                style=style,
            )
            for name, style, curve in known
        ]
        title = f"Validation bits per character over the {unit}"
        charts.append(Chart(LineChart(title, unit, "validation bits/char", drawn)))
    return [*charts, tables.curve_table(result, rows)]


def _diversity(
    result: Comparison, rows: Sequence[EntryRow], entries: Sequence[EntryDetails], styles: Mapping[str, str]
) -> list[Block]:
    """Return real words against different bigrams, as each entry writes at several temperatures."""
    drawn = [
        sampler_line(
            entry.name,
            [(each.sampler.rpartition("=")[2], each.metrics) for each in entry.writing],
            styles[entry.name],
        )
        for entry in entries
    ]
    title = "Real words against different bigrams at temperatures from 0.4 to 1.2"
    chart = diversity_chart(title, drawn, result.held_out.sample_metrics)
    return [Chart(chart), tables.written_table(result, rows)]


def next_lines(result: Comparison) -> Lines:
    """Return what to try next."""
    return lines(next_steps(result), is_list=True)


def _neighbors(rows: Sequence[EntryRow]) -> Iterator[Block]:
    for row in rows:
        audit = row.runs[0].embedding
        if audit is not None and audit.neighbors:
            yield text_table(
                f"Nearest words of {row.name}",
                ["word", "nearest before training", "after"],
                [[each.word, ", ".join(each.before), ", ".join(each.after)] for each in audit.neighbors],
                caption=f"Nearest words of {row.name} by cosine similarity, among its 3,000 most frequent.",
                lefts=(1, 2),
            )


def _settings(entries: Sequence[EntryDetails]) -> list[Block]:
    """Return the settings in which entries differ; a setting that an entry lacks is left empty."""
    differing = differing_settings([entry.settings for entry in entries])
    table = text_table(
        "Settings",
        ["setting", *(entry.name for entry in entries)],
        [[name, *values] for name, values in differing.items()],
        caption="Settings that differ between entries; an entry without a setting has an empty cell.",
        lefts=range(len(entries) + 1),
    )
    return [table]
