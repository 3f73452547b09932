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
            Section("words", "Which words are known", list(_words(result))),
        ],
        styles=styles,
        command=" ".join(["textgen", "look", *(entry.folder for entry in result.entries)]),
    )


def _answer(result: Look) -> Iterator[str]:
    """Yield how far back each entry looks."""
    for entry in result.entries:
        if (far := entry.contexts.enough) < LENGTHS[-1]:
            yield f"{entry.name}: more than {far} characters of context do not clearly help."


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
                "a text. A word-level entry predicts a word at once, a character-level one sees its earlier "
                "letters. So look at where each line flattens, and compare entries only within a level."
            ]
        ),
        Chart(
            LineChart(
                "What entries remember", "characters known", "bits per character", drawn, log_ticks=ticks
            )
        ),
        text_table(
            "",
            ["entry", *map(str, LENGTHS), "enough"],
            [
                [name, *(f"{bits:.3f}" for bits in each.bits_per_char), str(each.enough)]
                for name, each, _ in curves
            ],
            caption="Bits per character by number of characters known. Enough: no larger number is clearly "
            f"better, by paired differences on the same words. The n-gram cannot use more than {ORDER - 1}.",
        ),
    ]


def _words(result: Look) -> Iterator[Block]:
    yield text_table(
        "",
        ["entry", *CLASSES],
        [[entry.name, *(f"{bits:.2f}" for bits in entry.words.by_class)] for entry in result.entries],
        caption="Bits per word, including the space before it, for thirds of the held-out words by their "
        "frequency in the training text.",
    )
    for entry in result.entries:
        yield text_table(
            "",
            ["after", *CLASSES, "words that improved most since the previous row"],
            [
                [
                    f"{100 * then.share:.3g} %",
                    *(f"{bits:.2f}" for bits in then.words.by_class),
                    ", ".join(word.word for word in then.words.learnt) or DASH,
                ]
                for then in entry.learnt
            ],
            caption=f"{entry.name}: bits per word, and the words whose bits fell most among those that occur "
            "three times or more.",
            lefts=(4,),
        )
