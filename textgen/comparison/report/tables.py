"""What the report of a comparison shows. Each table is defined once; two renderers draw it."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from textgen.comparison.report import columns as measures
from textgen.comparison.report.columns import (
    DASH,
    SCORE,
    Cell,
    Entry,
    Measure,
    bits,
    count,
    decimal,
    percent,
    short,
)

Result = Mapping[str, Any]
NUM_WORDS = 12
"""How many invented or missing words are shown of each entry."""
NUM_MOMENTS = 30
"""The width of a learning curve."""


class Note(NamedTuple):
    """A line under a table: a label, and words that stand apart from each other."""

    label: str
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    name: str
    cells: Sequence[Cell]
    is_reference: bool = False
    bar: float = 0.0
    """The length of the bar that a terminal draws, from 0 to 1."""


@dataclass(frozen=True)
class Table:
    """A table; its first column holds the names of the rows, the others are `columns`."""

    title: str
    caption: str
    columns: Sequence[Measure]
    rows: Sequence[Row]
    notes: Sequence[Note] = ()


class Samples(NamedTuple):
    """What the entries wrote after one prompt: pairs of an entry's name and its text."""

    prompt: str
    sampler: str
    texts: list[tuple[str, str]]


def summary(result: Result) -> list[str]:
    """Return the lines that say what was compared, on what and with what."""
    corpus = result.get("corpus") or {}
    sizes = [(split or {}).get("num_chars") or 0 for split in (corpus.get("split") or {}).values()]
    shares = "/".join(f"{100 * size / sum(sizes):.0f}" for size in sizes if size)
    versions, machine = (
        ", ".join(f"{key} {value}" for key, value in (result.get(part) or {}).items())
        for part in ("versions", "machine")
    )
    return [
        f"{count(corpus.get('num_chars') or 0)} characters, cleaner {corpus.get('cleaner')}, "
        f"split {shares}, sha256 {str(corpus.get('sha256'))[:12]}",
        f"budget {result.get('budget')} each, {result.get('device')}, {result.get('precision')}, "
        f"scored on {result.get('scored_on') or 'test'}",
        "; ".join(filter(None, (versions, machine))),
    ]


def tables(result: Result) -> list[Table]:
    """Return the tables that have something to show, in the order of the report."""
    entries = measures.read_entries(result)
    ran = [entry for entry in entries if entry.runs]
    built = (
        _scores(result, entries),
        _differences(result, entries),
        _categories([entry for entry in ran if entry.values("score.bits_by_category")]),
        _generated(result, ran),
        _speed(ran),
        _embeddings([entry for entry in ran if entry.values("embedding.source")]),
        _curves(result, [entry for entry in ran if entry.comparable and entry.values("train.curve.0")]),
    )
    return [table for table in built if table.rows]


def samples(result: Result) -> list[Samples]:
    """Return the samples by prompt and sampler, each of the first seed; entries are best first."""
    groups: dict[tuple[str, str, int], Samples] = {}
    for entry in measures.read_entries(result):
        seen: Counter[tuple[str, str]] = Counter()
        for sample in (entry.average("samples") or ()) if entry.runs else ():
            prompt, sampler = sample["prompt"], str(sample.get("sampler") or "")
            text = plain(sample["text"].removeprefix(prompt)).strip() or "(nothing)"
            key = (prompt, sampler, seen[prompt, sampler])
            groups.setdefault(key, Samples(plain(prompt) or "(no prompt)", sampler, [])).texts.append(
                (entry.name, text)
            )
            seen[prompt, sampler] += 1
    return list(groups.values())


def invented_words(result: Result) -> dict[str, list[str]]:
    """Return the words that each entry's samples invented, if any, by the entry's name."""
    words = {entry.name: entry.average("invented_words") for entry in measures.read_entries(result)}
    return {name: list(map(plain, invented)) for name, invented in words.items() if invented}


def plain(text: str) -> str:
    """Return `text` without blank lines, and without control characters, which a terminal would obey."""
    lines = (line.replace("\t", " ").rstrip() for line in text.splitlines())
    kept = "\n".join(filter(None, lines))
    return "".join("\ufffd" if unicodedata.category(c)[0] == "C" and c != "\n" else c for c in kept)


def _table(title: str, caption: str, columns: Sequence[Measure], entries: Sequence[Entry]) -> Table:
    columns = [column for column in columns if any(entry.values(column.path) for entry in entries)]
    by_entry = zip(*(column.cells(entries) for column in columns), strict=True)
    rows = [
        Row(entry.name, cells, entry.is_reference) for entry, cells in zip(entries, by_entry, strict=False)
    ]
    return Table(title, caption, columns, rows)


def _scores(result: Result, entries: Sequence[Entry]) -> Table:
    references = [
        Entry(reference["name"], [{"score": reference}], is_reference=True)
        for reference in result.get("references") or ()
    ]
    ranked = sorted([*entries, *references], key=measures.rank)
    columns = [
        Measure("bits/\nchar", SCORE, bits, "lower"),
        Measure("95 %\ninterval", "score.interval", lambda ends: DASH.join(map(bits, ends))),
        Measure("perplexity\nper word", "score.perplexity_per_word", measures.perplexity),
        Measure("para-\nmeters", "num_parameters", short),
        Measure("bits/\nbyte", "score.bits_per_byte", bits, extra=True),
        Measure("nats/\nchar", "score.nats_per_char", bits, extra=True),
        Measure("validation\nbits/char", "validation.bits_per_char", bits, "lower", extra=True),
    ]
    caption = (
        "Bits per character of the whole text, lower is better. Italics: references. "
        "Interval: bootstrap over blocks of the text"
    )
    if any(len(entry.runs) > 1 for entry in entries):
        caption += "; ±: standard deviation over seeds"
    table = _table("Scores", f"{caption}.", columns, ranked)
    scores = [entry.average(SCORE) or 0.0 for entry in ranked]
    rows = [
        replace(row, bar=score / max(scores)) for row, score in zip(table.rows, scores, strict=False) if score
    ]
    notes = [Note(plain(failure)) for entry in entries for failure in entry.failures]
    for entry in entries:
        unwritten = dict.fromkeys(reason for run in entry.runs for reason in run.get("sample_errors") or ())
        notes += [Note(plain(reason), [entry.name]) for reason in unwritten]
    unproven = [entry for entry in entries if False in entry.values("score_checks.decoded_equals_text")]
    lossy = [entry.name for entry in unproven if False in entry.values("comparable")]
    wrong = [entry.name for entry in unproven if entry.name not in lossy]
    if lossy:
        notes.append(Note("not comparable, since the tokenizer loses text", lossy))
    if wrong:
        notes.append(Note("do not trust these scores, the decoded tokens differ from the text", wrong))
    return replace(table, rows=[*rows, *table.rows[len(rows) :]], notes=notes)


def _differences(result: Result, entries: Sequence[Entry]) -> Table:
    best = entries[0].name if entries else ""
    found: dict[str, dict[str, Any]] = {}
    for difference in result.get("differences") or ():
        a, b, value = difference["a"], difference["b"], difference["bits_per_char"]
        low, high = difference.get("interval") or (-math.inf, math.inf)
        if b == best:
            a, b, value, low, high = b, a, -value, -high, -low
        if a == best:
            verdict = "clearly worse" if low > 0 else "clearly better" if high < 0 else "no clear difference"
            ends = f"[{low:+.4f}, {high:+.4f}]"
            found.setdefault(b, {"bits": f"{value:+.4f}", "interval": ends, "verdict": verdict})
    columns = [
        Measure("bits/char", "bits"),
        Measure("95 % interval", "interval"),
        Measure("verdict", "verdict", align="left"),
    ]
    caption = (
        "Bits per character more than the best; clear if the 95 % interval (paired bootstrap) excludes 0."
    )
    compared = [Entry(entry.name, [found[entry.name]]) for entry in entries if entry.name in found]
    return _table(f"Difference from {best}", caption, columns, compared)


def _categories(entries: Sequence[Entry]) -> Table:
    columns = [
        Measure("known\nwords", "score.bits_by_category.in_vocabulary_words", bits),
        Measure("spelled\nwords", "score.bits_by_category.oov_words", bits),
        Measure("punctu-\nation", "score.bits_by_category.punctuation", bits),
        Measure("white\nspace", "score.bits_by_category.white_space", bits),
        Measure("sum", SCORE, bits, "lower"),
        Measure("unknown\nfree", "score.bits_per_char_without_oov", bits),
        Measure("unknown\nwords %", "score.oov_rate", percent),
    ]
    caption = (
        "Bits per character spent on each. "
        "Unknown free: if words outside the vocabulary cost nothing, which flatters."
    )
    return _table("Where the bits go", caption, columns, entries)


def _generated(result: Result, entries: Sequence[Entry]) -> Table:
    columns = [
        Measure("real\nwords %", "sample_metrics.real_word_rate", percent, "closest"),
        Measure("distinct-2\n%", "sample_metrics.distinct_2", percent, "closest"),
        Measure("repeti-\ntion %", "sample_metrics.repetition_4", percent, "closest"),
        Measure("self\nBLEU %", "sample_metrics.self_bleu", percent, "closest"),
        Measure("new\n4-grams %", "sample_metrics.novel_4gram_rate", percent, "closest"),
        Measure("longest\ncopy", "sample_metrics.longest_verbatim_span", count, "closest"),
        Measure("distinct-1\n%", "sample_metrics.distinct_1", percent, "closest", extra=True),
    ]
    caption = (
        "Best is closest to the held-out text. New 4-grams are not in the training text; "
        "longest copy: characters in a row that are."
    )
    held_out = result.get("held_out") or {}
    references = (
        [Entry("held-out text", [held_out], is_reference=True)] if held_out.get("sample_metrics") else []
    )
    return _table("Generated text", caption, columns, [*entries, *references])


def _speed(entries: Sequence[Entry]) -> Table:
    columns = [
        Measure("train\nchars/s", "train.chars_per_second", short, "higher"),
        Measure("chars\nseen", "train.num_chars", short),
        Measure("epochs", "train.num_epochs", decimal),
        Measure("train\ns", "train.seconds", decimal),
        Measure("generate\nchars/s", "generate.chars_per_second", short, "higher"),
        Measure("vocab-\nulary", "vocab_size", count),
        Measure("updates", "train.num_updates", count, extra=True),
        Measure("best\nupdate", "train.best_update", count, extra=True),
        Measure("para-\nmeters", "num_parameters", count, extra=True),
        Measure("vali-\ndation s", "train.validation_seconds", decimal, extra=True),
    ]
    return _table("Speed and size", "Speeds are in characters, so that tokenizers compare.", columns, entries)


def _embeddings(entries: Sequence[Entry]) -> Table:
    columns = [
        Measure("source", "embedding.source", align="left"),
        Measure("dim.", "embedding.dimension", count),
        Measure("types\n%", "embedding.type_coverage", percent),
        Measure("running\ntext %", "embedding.token_coverage", percent),
        Measure("frozen", "embedding.frozen", lambda frozen: "yes" if frozen else "no"),
    ]
    caption = "Which share of the vocabulary, and of the running text, has a pretrained vector."
    notes = [
        Note(f"{entry.name} lacks", [plain(str(word)).strip() or repr(word) for word in missing[:NUM_WORDS]])
        for entry in entries
        if (missing := entry.average("embedding.most_frequent_missing"))
    ]
    return replace(_table("Embeddings", caption, columns, entries), notes=notes)


def _curves(result: Result, entries: Sequence[Entry]) -> Table:
    axis = "num_chars" if str(result.get("budget")).endswith(("chars", "epochs")) else "seconds"
    height = "validation_bits_per_char"

    def read(curve: Sequence[Mapping[str, float | None]]) -> list[tuple[float, float]]:
        return [
            (point.get(axis) or 0.0, value) for point in curve if (value := point.get(height)) is not None
        ]

    points = [point for entry in entries for point in read(entry.average("train.curve"))] or [(0.0, 0.0)]
    end, low, high = max(points)[0], min(value for _, value in points), max(value for _, value in points)

    def draw(curve: Sequence[Mapping[str, float | None]]) -> str:
        drawn = ""
        for step in range(1, NUM_MOMENTS + 1):
            known = [value for moment, value in read(curve) if moment <= end * step / NUM_MOMENTS]
            drawn += "▁▂▃▄▅▆▇█"[round(7 * (known[-1] - low) / ((high - low) or 1))] if known else "·"
        return drawn

    columns = [
        Measure("over the budget", "train.curve", draw, align="left"),
        Measure("first", f"train.curve.0.{height}", bits),
        Measure("last", f"train.curve.-1.{height}", bits),
        Measure("best", "validation.bits_per_char", bits, "lower"),
        Measure("training\nat the end", "train.curve.-1.train_bits_per_char", bits, extra=True),
    ]
    caption = f"Validation bits per character, all drawn from {bits(low)} (▁) to {bits(high)} (█)."
    return _table("Learning curves", caption, columns, entries)
