"""The report of looking at entries by label."""

from __future__ import annotations

from collections.abc import Iterator

from textgen.evaluation.intervals import Estimate
from textgen.page.charts import entry_style
from textgen.reports.document import (
    DASH,
    Block,
    Cell,
    Report,
    SampleGroup,
    Samples,
    Section,
    lines,
    text_table,
)
from textgen.reports.formats import plain, short
from textgen_tools.conditions.measuring import MIN_PARAGRAPH
from textgen_tools.conditions.result import ByLabel, EntryByLabel, Share


def label_report(result: ByLabel) -> Report:
    """Return the report of looking at entries by label."""
    return Report(
        kind="labels",
        result=result,
        title=f"By {result.condition}: {result.corpus}",
        answer=" ".join(map(_answer, result.entries)),
        context=f"{short(result.num_chars)} characters of the {result.part} part of {result.corpus}: "
        + ", ".join(f"{each.sign} {each.name}" for each in result.labels),
        sections=[
            Section("worth", "What labels are worth", list(_worth(result))),
            Section("alike", "Who writes like whom", list(_alike(result))),
            Section("written", "Texts by label", list(_texts(result))),
        ],
        styles={entry.name: entry_style(index) for index, entry in enumerate(result.entries)},
    )


def _answer(entry: EntryByLabel) -> str:
    said = f"{entry.name} tells whose a paragraph is in {_percent(entry.recognized)} of cases"
    if (change := entry.without) and change.is_clear:
        word = "fewer" if change.value < 0 else "more"
        said += f", and needs {abs(change.value):.3f} bits per character {word} by labels"
    elif change:
        said += "; labels make no clear difference to its score"
    return f"{said}."


def _worth(result: ByLabel) -> Iterator[Block]:
    yield lines(
        [
            "Each paragraph of the text begins with the sign of its label, which is given: signs and their "
            "bits are left out of all numbers here. A paragraph is recognized if it costs least with its own "
            "label."
        ]
    )
    yield text_table(
        "",
        ["entry", "bits per character", "by labels", "recognized, %"],
        [
            [
                entry.name,
                _value(entry.bits_per_char, ".3f"),
                _value(entry.without) if entry.without else DASH,
                _share(entry.recognized),
            ]
            for entry in result.entries
        ],
        caption="By labels: bits per character more than the same entry, trained on the same text without "
        f"them. Recognized: of {sum(result.paragraphs)} paragraphs of {MIN_PARAGRAPH} characters or more, of "
        "the first seed. 95 % intervals: scores over passages and seeds, shares by Wilson's method.",
    )


def _alike(result: ByLabel) -> Iterator[Block]:
    names = [each.name for each in result.labels]
    yield lines(
        [
            "Bits per character more if an entry is told that the text is by another, with intervals over "
            "passages; the least of a row is who writes most like its author."
        ]
    )
    for entry in result.entries:
        rows: list[list[str | Cell]] = []
        for place, (name, own, given) in enumerate(zip(names, entry.own, entry.given, strict=True)):
            others = [each.value for index, each in enumerate(given) if index != place]
            cells = [
                Cell(DASH) if index == place else _value(each, best=each.value == min(others))
                for index, each in enumerate(given)
            ]
            rows.append([name, _value(own, ".3f"), *cells])
        yield text_table(
            "",
            ["text of", "bits per character", *(f"as by {name}" for name in names)],
            rows,
            caption=f"{entry.name}:",
        )


def _texts(result: ByLabel) -> Iterator[Block]:
    told = result.classifier
    yield lines(
        [
            f"A classifier by words, which saw the training text alone, knows whose {told.total} held-out "
            f"texts of {result.sample_chars} characters are in {_percent(told)} of cases; by chance it "
            f"would be {100 / len(result.labels):.0f} %."
        ]
    )
    yield text_table(
        "",
        ["entry", "texts", "taken for their label, %"],
        [
            [entry.name, str(entry.samples_recognized.total), _share(entry.samples_recognized)]
            for entry in result.entries
        ],
        caption="What entries write after the sign of a label, by this classifier.",
    )
    groups = [
        SampleGroup(
            f"{label.sign} {label.name}",
            result.sampler,
            [
                (entry.name, plain(next(each.text for each in entry.samples if each.label == label.name)))
                for entry in result.entries
            ],
        )
        for label in result.labels
    ]
    yield Samples(groups)


def _percent(share: Share) -> str:
    return f"{100 * share.value:.0f} %"


def _share(share: Share) -> Cell:
    low, high = share.interval
    return Cell(f"{100 * share.value:.0f}", f" ({100 * low:.0f}{DASH}{100 * high:.0f})")


def _value(found: Estimate, form: str = "+.3f", *, best: bool = False) -> Cell:
    ends = f" ({found.interval[0]:{form}} to {found.interval[1]:{form}})" if found.interval else ""
    return Cell(f"{found.value:{form}}", ends, best)
