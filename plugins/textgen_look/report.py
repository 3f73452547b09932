"""The report of looking at entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup

from textgen.page.charts import ChartLine, LineChart, entry_style
from textgen.reports.document import (
    DASH,
    PAGE,
    Block,
    Cell,
    Chart,
    Folded,
    Lines,
    Note,
    Report,
    Section,
    TableRow,
    lines,
    text_table,
)
from textgen.reports.formats import plain, short
from textgen.reports.moments import moment_blocks
from textgen_look.cells import NUM_LEVELS
from textgen_look.contexts import LENGTHS
from textgen_look.mistakes import KINDS
from textgen_look.result import Look
from textgen_look.words import CLASSES, WordCost

SPREAD = " The bits of a word are spread evenly over it, since not all entries have characters."
MAX_NAMED = 3
"""Cells that the answer names."""
MIDDLE = (NUM_LEVELS - 1) / 2
KEY = Markup(
    '<p class="key two"><span>low</span><i></i><span>high, for this unit, after each character</span></p>'
)


def look_report(result: Look) -> Report:
    """Return the report of looking at entries."""
    written = {each.name: [*zip(each.moments, each.made_up, strict=True)] for each in result.entries}
    styles = {entry.name: entry_style(index) for index, entry in enumerate(result.entries)}
    return Report(
        kind="look",
        result=result,
        title=f"Looking inside: {result.corpus}",
        answer=" ".join(_answer(result)),
        context=f"{short(result.num_chars)} characters of the {result.part} part of {result.corpus}",
        sections=[
            Section(name, title, [Folded(summary, blocks)])
            for name, title, summary, blocks in (
                ("learnt", "How it was learnt", "What each entry wrote on the way", moment_blocks(written)),
                ("memory", "What it remembers", _said_of_memory(result), list(_memory(result, styles))),
                ("cells", "What units follow", "Units and what they follow", list(_cells(result))),
                ("words", "Which words are known", "Frequent, middling and rare words", list(_words(result))),
                ("mistakes", "Where mistakes come from", _said_of_mistakes(result), list(_mistakes(result))),
            )
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


# --- what it remembers


def _said_of_memory(result: Look) -> str:
    each = ", ".join(f"{entry.name} {entry.contexts.enough}" for entry in result.entries)
    return f"Characters of context that clearly help: {each}; the n-gram {result.ngram.enough}"


def _memory(result: Look, styles: dict[str, str]) -> Iterator[Block]:
    yield lines(
        [
            f"Bits per character of {result.num_words} words when only the last 1, 2, 4 … {LENGTHS[-1]} "
            "characters are known, with 95 % intervals over the words. Words cost more than the rest of a "
            "text. An entry of words predicts a word at once, one of characters sees its earlier letters. So "
            "look at where each line becomes flat, and compare columns within a level."
        ]
    )
    known = result.ngram_order - 1
    name = f"n-gram of {result.ngram_order} characters"
    curves = [
        *((entry.name, entry.contexts, styles[entry.name]) for entry in result.entries),
        (name, result.ngram, "reference"),
    ]
    ticks = {float(length): str(length) for length in LENGTHS}
    yield Chart(
        LineChart(
            "What entries remember",
            "characters known",
            "bits per character",
            [
                ChartLine(
                    label,
                    [*zip(map(float, each.num_chars), each.bits_per_char, strict=True)],
                    intervals=each.intervals,
                    style=style,
                )
                for label, each, style in curves
            ],
            log_ticks=ticks,
        )
    )
    yield text_table(
        "",
        ["entry", *map(str, LENGTHS), "that help"],
        [
            [label, *(f"{bits:.3f}" for bits in each.bits_per_char), str(each.enough)]
            for label, each, _ in curves
        ],
        caption="Bits per character by characters known. That help: no larger of these numbers is clearly "
        f"better, by the differences of the same words. The n-gram cannot use more than {known}.",
    )


# --- what units follow


def _cells(result: Look) -> Iterator[Block]:
    yield lines(
        [
            "What a unit follows was chosen on one half of the validation text. The share of its variance "
            "that this explains is measured on the other half: a tenth at least, and more than by chance, "
            "which the best of as many units stays below in 95 of 100 cases if features are moved.",
            *(
                f"{entry.name} does not say what its units hold."
                for entry in result.entries
                if entry.cells is None
            ),
        ]
    )
    for entry in result.entries:
        if entry.cells is None:
            continue
        cells = entry.cells
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
            lefts=(5,),
        )
        drawn = [
            _coloured(cell.passage, cell.levels, f"unit {cell.unit}: {cell.feature}") for cell in cells.best
        ]
        shown = [Lines([Note(each)], views=PAGE) for each in (KEY, *drawn)]
        yield Folded(f"Passages by the units of {entry.name}", shown if drawn else [], views=PAGE)


def _coloured(text: str, levels: Sequence[int], title: str) -> Markup:
    """Return a passage whose characters are blue where a unit is low and orange where it is high."""
    pieces, begin = [], 0
    for end in range(1, len(text) + 1):
        if end == len(text) or levels[end] != levels[begin]:
            offset = (levels[begin] - MIDDLE) / MIDDLE
            colour = "var(--hot)" if offset > 0 else "var(--cool)"
            pieces.append(
                Markup('<span style="background:color-mix(in srgb,{} {}%,transparent)">{}</span>').format(
                    colour, round(100 * abs(offset)), text[begin:end]
                )
            )
            begin = end
    return Markup('<div class="passage"><h3>{}</h3><p class="text">{}</p></div>').format(
        title, Markup().join(pieces)
    )


# --- words


def _words(result: Look) -> Iterator[Block]:
    rows = [[entry.name, *(f"{bits:.2f}" for bits in entry.words.by_class)] for entry in result.entries]
    yield text_table(
        "",
        ["entry", *CLASSES],
        rows,
        caption="Bits per word with the space before it, of thirds of the held-out words by how often the "
        "training text has them.",
    )
    for entry in result.entries:
        for other, known in entry.known.items():
            yield _listed(f"What {entry.name} knows better than {other}", known, (entry.name, other))
        steps = [
            [
                f"{100 * then.share:.3g} %",
                *(f"{bits:.2f}" for bits in then.words.by_class),
                ", ".join(word.word for word in then.words.learnt) or DASH,
            ]
            for then in entry.learnt
        ]
        if steps:
            table = text_table(
                "",
                ["after", *CLASSES, "words that fell most since the row before"],
                steps,
                caption=f"{entry.name}: bits per word, and the words whose bits fell most, of "
                "those that occur three times or more.",
                lefts=(4,),
            )
            yield Folded(f"When {entry.name} learnt words", [table])


def _listed(summary: str, words: Sequence[WordCost], names: tuple[str, str]) -> Block:
    rows = [
        TableRow(word.word, [Cell(str(word.times)), *(Cell(f"{bits:.1f}") for bits in word.bits)])
        for word in words
    ]
    table = text_table("", ["word", "times", *(f"bits in {name}" for name in names)], rows, caption=summary)
    return Folded(summary, [table])


# --- mistakes


def _said_of_mistakes(result: Look) -> str:
    by_entry = zip(*(each.bits_per_char for each in result.mistakes), strict=True)
    worst = [
        f"{result.mistakes[int(np.argmax(bits))].kind} in {entry.name}"
        for entry, bits in zip(result.entries, by_entry, strict=True)
    ]
    return f"What costs most: {', '.join(worst)}"


def _mistakes(result: Look) -> Iterator[Block]:
    names = [entry.name for entry in result.entries]
    sums = map(sum, zip(*(each.bits_per_char for each in result.mistakes), strict=True))
    total = ["all", "100", *(f"{bits:.3f}" for bits in sums), ""]
    yield text_table(
        "",
        ["kind", "% of characters", *names, "what it is"],
        [
            *(
                [
                    each.kind,
                    f"{100 * each.share_of_chars:.0f}",
                    *(f"{bits:.3f}" for bits in each.bits_per_char),
                    KINDS[each.kind],
                ]
                for each in result.mistakes
            ),
            total,
        ],
        caption="Only the bits of a character beyond the first count: one that gets a probability of a half "
        "or more costs nothing. It is of the first kind that fits, from above; the kinds add up."
        + (SPREAD if result.by_word else ""),
        lefts=(2 + len(names),),
    )
    rows = [
        [
            each.kind,
            plain(f"… {each.before}[{each.worst}]{each.after} …"),
            *(f"{bits:.1f}" for bits in each.worst_bits),
        ]
        for each in result.mistakes
    ]
    table = text_table(
        "",
        ["kind", "where it is worst", *(f"bits in {name}" for name in names)],
        rows,
        caption="In brackets is what is most expensive of its kind, in any entry.",
        lefts=(1,),
    )
    yield Folded("A passage of each kind", [table])
