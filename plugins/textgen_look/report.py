"""The report of looking at entries."""

from __future__ import annotations

from collections.abc import Iterator

from textgen.page.charts import ChartLine, LineChart, entry_style
from textgen.reports.document import DASH, Block, Chart, Report, Section, lines, text_table
from textgen.reports.formats import short
from textgen.reports.samples import moment_blocks
from textgen_look.contexts import LENGTHS
from textgen_look.looking import ORDER, Look
from textgen_look.words import CLASSES

MAX_NAMED = 3
"""Cells that the answer names."""


def look_report(result: Look) -> Report:
    """Return the report of looking at entries."""
    written = {each.name: [(moment, None) for moment in each.moments] for each in result.entries}
    styles = {entry.name: entry_style(index) for index, entry in enumerate(result.entries)}
    return Report(
        kind="look",
        result=result,
        title=f"Looking inside: {result.corpus}",
        answer=" ".join(_answer(result)),
        context=f"{short(result.num_chars)} characters of the {result.part} part of {result.corpus}",
        sections=[
            Section("learnt", "As they learnt", moment_blocks(written)),
            Section("memory", "What it remembers", _memory(result, styles)),
            Section("cells", "What units follow", list(_cells(result))),
            Section("words", "Which words are known", list(_words(result))),
        ],
        styles=styles,
        command=" ".join(["textgen", "look", *(entry.folder for entry in result.entries)]),
    )


def _answer(result: Look) -> Iterator[str]:
    """Yield what each entry remembers and what its units follow."""
    for entry in result.entries:
        best = entry.cells.best[:MAX_NAMED] if entry.cells else ()
        units = [f"unit {cell.unit} follows: {cell.feature} ({100 * cell.share:.0f} %)" for cell in best]
        far = entry.contexts.enough
        said = f"more than {far} characters of context do not clearly help" if far < LENGTHS[-1] else ""
        if words := "; ".join(filter(None, [said, *units])):
            yield f"{entry.name}: {words}."


def _memory(result: Look, styles: dict[str, str]) -> list[Block]:
    """Return lines and a table of how much longer contexts help."""
    curves = [
        *((entry.name, entry.contexts, styles[entry.name]) for entry in result.entries),
        (f"n-gram of {ORDER} characters", result.ngram, "reference"),
    ]
    drawn = [
        ChartLine(
            name,
            [*zip(map(float, each.num_chars), each.bits_per_char, strict=True)],
            intervals=each.intervals,
            style=style,
        )
        for name, each, style in curves
    ]
    ticks = {float(length): str(length) for length in LENGTHS}
    return [
        lines(
            [
                f"Bits per character of {result.num_words} words when only the last 1, 2, 4 … {LENGTHS[-1]} "
                "characters are known, with 95 % intervals over the words. Words cost more than the rest of "
                "a text. An entry of words predicts a word at once, one of characters sees its earlier "
                "letters. So look at where each line becomes flat, and compare columns within a level."
            ]
        ),
        Chart(
            LineChart(
                "What entries remember", "characters known", "bits per character", drawn, log_ticks=ticks
            )
        ),
        text_table(
            "",
            ["entry", *map(str, LENGTHS), "that help"],
            [
                [name, *(f"{bits:.3f}" for bits in each.bits_per_char), str(each.enough)]
                for name, each, _ in curves
            ],
            caption="Bits per character by characters known. That help: no larger of these numbers is "
            "clearly better, by the differences of the same words. The n-gram cannot use more than "
            f"{ORDER - 1}.",
        ),
    ]


def _cells(result: Look) -> Iterator[Block]:
    without = [entry.name for entry in result.entries if entry.cells is None]
    yield lines(
        [
            "What a unit follows was chosen on one half of the validation text. The share of its variance "
            "that this explains is measured on the other half: a tenth at least, and more than by chance, "
            "which the best of as many units stays below in 95 of 100 cases if features are moved.",
            *(f"{name} does not say what its units hold." for name in without),
        ]
    )
    for entry in result.entries:
        if (cells := entry.cells) is not None:
            yield text_table(
                "",
                ["follows", "unit", "% of variance", "by chance", "where it is so"],
                [
                    [
                        cell.feature,
                        str(cell.unit),
                        f"{100 * cell.share:.0f}",
                        f"{100 * cell.chance:.0f}",
                        "lower" if cell.falls else "higher",
                    ]
                    for cell in cells.best
                ],
                caption=f"{entry.name}: {cells.num_confirmed} of {cells.num_units} units follow something "
                f"({', '.join(cells.features)} were looked for); the best of each.",
                lefts=(4,),
            )


def _words(result: Look) -> Iterator[Block]:
    yield text_table(
        "",
        ["entry", *CLASSES],
        [[entry.name, *(f"{bits:.2f}" for bits in entry.words.by_class)] for entry in result.entries],
        caption="Bits per word with the space before it, of thirds of the held-out words by how often the "
        "training text has them.",
    )
    for entry in result.entries:
        yield text_table(
            "",
            ["after", *CLASSES, "words that fell most since the row before"],
            [
                [
                    f"{100 * then.share:.3g} %",
                    *(f"{bits:.2f}" for bits in then.words.by_class),
                    ", ".join(word.word for word in then.words.learnt) or DASH,
                ]
                for then in entry.learnt
            ],
            caption=f"{entry.name}: bits per word, and the words whose bits fell most, of those that occur "
            "three times or more.",
            lefts=(4,),
        )
