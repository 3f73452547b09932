"""The report of a leaderboard: its tables, scores against time and size, and who beats whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from textwrap import shorten

from textgen.page.charts import ChartLine, ChartValue, IntervalChart, LineChart, entry_style, round_log_ticks
from textgen.reports.document import (
    DASH,
    PAGE,
    Block,
    Cell,
    Chart,
    Column,
    Folded,
    Lines,
    Note,
    Report,
    Section,
    Table,
    TableRow,
    lines,
    text_table,
)
from textgen.reports.formats import in_brackets, number, plain, short
from textgen.results.comparison import Difference
from textgen.runtime.storage.files import slug
from textgen_verify.board.again import LEVEL
from textgen_verify.board.standings import STATES, Board, Place, Standing

MAX_ABOUT = 300
"""Characters of what an author says that are shown."""
COLUMNS = (
    Column("bits_per_char", "bits/char"),
    Column("state", "state", "left", hint="; ".join(f"{name}: {about}" for name, about in STATES.items())),
    Column("behind", "behind first", hint="Bits per character more than the first row of the table."),
    Column("seeds", "seeds"),
    Column(
        "read", "read", hint="Characters read in training; models that count read the whole training text."
    ),
    Column("seconds", "train s", hint="Seconds of training on its own machine, the mean of its seeds."),
    Column("parameters", "parameters"),
    Column("author", "by", "left", extra=True),
)


def board_report(board: Board) -> Report:
    """Return the report of a leaderboard."""
    return Report(
        kind="leaderboard",
        result=board,
        title="Leaderboard",
        answer=_answer(board),
        context=_context(board),
        definition=(
            "Bits per character of the test part, lower is better. Intervals: 95 %, for other passages and "
            "other seeds. A record (★) is reproduced, and better than every other reviewed entry of its "
            "table at p < 0.01, corrected for all pairs of the table (Holm). "
            + " ".join(f"{name.capitalize()}: {about}." for name, about in STATES.items())
        ),
        sections=[
            _leaders(board),
            *_sections(board),
            Section("left-out", "Left out", [lines(board.unread, is_list=True)]),
        ],
    )


def _answer(board: Board) -> str:
    """Return in how many tables each leader is the first."""
    leaders = [each.places[0] for each in board.standings if each.places[0].state != "claimed"]
    if not leaders:
        return "There are no reviewed submissions."
    (most, number), *others = Counter(each.entry for each in leaders).most_common()
    first = [f"{most} in {number} of {len(leaders)}", *(f"{entry} in {number}" for entry, number in others)]
    return f"First of a table: {', '.join(first)}. Records: {sum(each.is_record for each in leaders)}."


def _leaders(board: Board) -> Section:
    """Return the first of each table, with the second."""
    rows = [
        [title, *_leader(standing)]
        for standing, title in zip(board.standings, _titles(board), strict=True)
        if standing.places[0].state != "claimed"
    ]
    table = text_table(
        "First of each table", ["table", "first", "bits/char", "before", "by"], rows, lefts=(1, 3)
    )
    return Section("first", "First of each table", [table])


def _leader(standing: Standing) -> Iterator[str | Cell]:
    first, *others = standing.places
    behind = next((each for each in standing.differences if each.a == first.name), None)
    yield first.entry + " ★" * first.is_record
    yield Cell(f"{first.bits_per_char:.4f}", best=first.is_record)
    yield next((place.entry for place in others if behind and place.name == behind.b), DASH)
    yield f"{behind.bits_per_char:.4f}" if behind else DASH


def _context(board: Board) -> str:
    places = [place for standing in board.standings for place in standing.places]
    numbers = [f"{sum(place.state == state for place in places)} {state}" for state in STATES]
    tables = "one table" if len(board.standings) == 1 else f"{len(board.standings)} tables"
    return f"{len(places)} submissions in {tables}: {', '.join(numbers)}."


def _sections(board: Board) -> Iterator[Section]:
    names = dict.fromkeys(place.entry for standing in board.standings for place in standing.places)
    styles = {name: entry_style(index) for index, name in enumerate(names)}
    for standing, title in zip(board.standings, _titles(board), strict=True):
        name = slug(f"{title}{standing.timed_on}").lower()
        yield Section(name, title, list(_blocks(standing, styles)))


def _titles(board: Board) -> Iterator[str]:
    """Yield the title of each table, numbered if the same budget in time was timed several times."""
    seen = Counter[str]()
    for standing in board.standings:
        seen[standing.title] += 1
        number = seen[standing.title]
        yield f"{standing.title} ({number})" if number > 1 else standing.title


def _blocks(standing: Standing, styles: dict[str, str]) -> Iterator[Block]:
    if standing.timed_on:
        yield lines([f"Timed together on {standing.timed_on}; other machines allow more or less training."])
    yield _table(standing, styles)
    if standing.compressors:
        each = (f"{name} {bits:.4f}" for name, bits in standing.compressors.items())
        yield lines([f"File compressors, which are no entries: {'; '.join(each)}."])
    yield Folded("What they are", [Lines(list(_notes(standing)), is_list=True)])
    charts = [Chart(_chart(standing, styles, *axis)) for axis in AXES]
    yield Folded("Score against training time and size", charts, views=PAGE)
    yield Folded("Who beats whom", [_pairs(standing)], views=PAGE)


def _table(standing: Standing, styles: dict[str, str]) -> Table:
    """Return the rows of a standing, with a picture of their scores on a page."""
    first = {each.b: each for each in standing.differences if each.a == standing.places[0].name}
    values = [
        ChartValue(
            place.entry,
            place.bits_per_char,
            place.interval,
            sets_scale=place.bits_per_char < 2 * standing.places[0].bits_per_char,
            style=styles[place.entry],
        )
        for place in standing.places
    ]
    return Table(
        "" if standing.timed_on else standing.title,  # text has it above the machine
        "",
        COLUMNS,
        [
            TableRow(place.entry + " ★" * place.is_record, list(_cells(place, first.get(place.name))))
            for place in standing.places
        ],
        picture=IntervalChart("bits per character, with 95 % intervals; left is better", "", values),
        keeps_columns=True,
    )


def _notes(standing: Standing) -> Iterator[Note]:
    """Yield what each entry is, as its author says."""
    for place in standing.places:
        plugin = " (with a plugin file)" if place.has_plugin else ""
        about = plain(f"{place.entry}{plugin}: {shorten(place.about, MAX_ABOUT).rstrip('.')}")
        yield Note(about, [plain(place.command)])


def _cells(place: Place, behind: Difference | None) -> Iterator[Cell]:
    low, high = place.interval or (0.0, 0.0)
    yield Cell(
        f"{place.bits_per_char:.4f}", f" ± {(high - low) / 2:.4f}" if place.interval else "", place.is_record
    )
    yield Cell(place.state)
    yield Cell(f"+{behind.bits_per_char:.4f}" if behind else DASH)
    yield Cell(str(place.num_seeds))
    yield Cell(short(place.num_chars))
    yield Cell(number(place.seconds))
    yield Cell(short(place.num_parameters))
    yield Cell(plain(place.author))


AXES: Sequence[tuple[str, str, Callable[[Place], float]]] = (
    ("time of training", "seconds of training, each on its own machine", lambda place: place.seconds),
    ("number of parameters", "parameters", lambda place: float(place.num_parameters)),
)


def _chart(
    standing: Standing, styles: dict[str, str], what: str, unit: str, amount: Callable[[Place], float]
) -> LineChart:
    """Return scores against an amount, without entries that have none of it, and without far worse ones.

    A single one is no picture.
    """
    limit = 1.5 * standing.places[0].bits_per_char
    shown = [each for each in standing.places if amount(each) > 0 and each.bits_per_char < limit]
    shown = shown if len(shown) > 1 else []
    drawn = [
        ChartLine(
            place.entry,
            [(amount(place), place.bits_per_char)],
            intervals=[place.interval],
            is_connected=False,
            style=styles[place.entry],
        )
        for place in shown
    ]
    ticks = round_log_ticks(map(amount, shown))
    return LineChart(f"Score against the {what}: {standing.title}", unit, "bits/char", drawn, log_ticks=ticks)


def _pairs(standing: Standing) -> Table:
    """Return the difference of each pair."""
    entries = {place.name: place.entry for place in standing.places}
    row = partial(_pair, entries)
    header = ["better", "than", "by bits/char", "95 % interval", "p (Holm)"]
    return text_table(
        "",
        header,
        [row(each) for each in standing.differences],
        lefts=(1,),
        caption="Differences are paired, passage by passage; bold: p < 0.01.",
    )


def _pair(entries: dict[str, str], each: Difference) -> list[str | Cell]:
    interval = in_brackets(each.interval).strip(" ()").removeprefix("95 % interval ")
    p_value = "< 0.0001" if each.p_value < 1e-4 else f"{each.p_value:.4f}"
    value = Cell(f"{each.bits_per_char:.4f}", best=each.p_value < LEVEL)
    return [entries[each.a], entries[each.b], value, interval or DASH, p_value]
