"""How far words are ahead of characters in recorded results, by what each of them is helped by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from textgen.data.corpus import CorpusInfo
from textgen.evaluation.intervals import Contrast, difference, holm
from textgen.experiment.entry_result import RunResult
from textgen.results.comparison import Comparison, Difference
from textgen.results.header import JudgedHeader
from textgen.results.judge import SCORE, score_samples
from textgen.results.ladder import Ladder
from textgen.results.row import Row, rows_by_entry
from textgen.runtime.storage.json_records import read_record
from textgen_suites.result import SuiteResult

MAIN, IMPROVEMENTS = "bench-wiki", ("improvements-wiki", "improvements-moby")
MINUTE = tuple((name, "") for name in (MAIN, "bench-moby", "bench-edgeworth"))
EQUAL = ("reading-wiki", "five")
COUNTED = (*MINUTE, EQUAL)
"""Where it was tried what counting does for each side."""
LEADS = (
    *MINUTE,
    ("bench-wiki-faster", ""),
    ("bench-wiki-passages", ""),
    ("ladder-wiki", "4m"),
    ("bench-wiki-16m", ""),
    ("handbook", "Russian"),
    ("handbook", "Japanese"),
    ("handbook", "Chinese"),
    ("improvements-wiki", "level"),
    ("improvements-moby", "level"),
    ("ladder-german", "4Mchars"),
    ("ladder-code", "4Mchars"),
)
"""Where entries over words and over characters were compared: a result, and the question or budget in it."""
WORDS_COUNT, GLOVE_COUNTS = ("word-lstm", "char-lstm"), ("word-lstm-glove", "char-lstm")
AIDS = {
    "neither counts": ("word-lstm:speller=model", "char-lstm"),
    "neither counts, words with GloVe": ("word-lstm-glove:speller=model", "char-lstm"),
    "both count, words to spell": ("word-lstm", "char-lstm+ngram"),
    "both count": ("word-lstm+ngram", "char-lstm+ngram"),
    "only words count": WORDS_COUNT,
    "only words count, with GloVe": GLOVE_COUNTS,
}
"""Entries over words and over characters, by which of them are helped by counted n-grams."""
NEITHER, NEITHER_GLOVE, BOTH, BOTH_MIX, *_ = AIDS.values()
PAIRS = {
    "LSTM": WORDS_COUNT,
    "LSTM, words with GloVe": GLOVE_COUNTS,
    "mixtures with n-grams": ("word-lstm+ngram", "char-hier+ngram"),
    "best hybrids": ("word-lstm+ngram", "char-hier+words"),
    "best hybrids, with GloVe": ("word-lstm+ngram-glove", "char-hier+words-glove"),
}
*_, BEST = PAIRS.values()


def short_leads(results: Path) -> Iterator[list[str]]:
    """Yield the table of what `leads` come to."""
    yield ["after", "only words count", "with GloVe", "neither counts", "both count", "of"]
    level, seconds = ([(name, asked) for name in IMPROVEMENTS] for asked in ("level", "level-seconds"))
    for after, parts, of in (
        ("a minute", MINUTE, "three texts, three seeds each"),
        ("a minute, on a machine twice as fast", [("bench-wiki-faster", "")], "Wikipedia, three seeds"),
        ("four minutes", [("ladder-wiki", "4m")], "Wikipedia, three seeds"),
        ("sixteen minutes", [("bench-wiki-16m", "")], "Wikipedia, one seed"),
        ("a minute on a million characters", seconds, "two of the texts, three seeds each"),
        ("five passes over a million characters", [*level, COUNTED[-1]], "the same two; Wikipedia"),
    ):
        pairs = (WORDS_COUNT, GLOVE_COUNTS, NEITHER, BOTH)
        yield [after, *(led(results, pair, *parts) for pair in pairs), of]


def lead_of(results: Path, name: str, part: str, pair: tuple[str, str]) -> Contrast | None:
    """Return by how much the first entry of a pair is better than the second; None if one is not there."""
    result, _, rows = _rows(results / f"{name}.json", part)
    samples = score_samples(rows, result.seed_priors[SCORE])
    words, characters = map(samples.get, pair)
    return difference(characters, words) if words and characters else None


def led(results: Path, pair: tuple[str, str], *parts: tuple[str, str]) -> str:
    """Return by how much words are ahead in some results, or the least and the most."""
    found = [lead for name, part in parts if (lead := lead_of(results, name, part, pair))]
    return span([lead.value for lead in found]) if found else ""


def leads(
    results: Path, places: Sequence[tuple[str, str]], pairs: Mapping[str, tuple[str, str]]
) -> Iterator[list[str]]:
    """Yield the table of how far words are ahead in each pair, with a row for each result."""
    abouts, found = list[list[str]](), list[list[Contrast | None]]()
    for name, part in places:
        result, corpus, rows = _rows(results / f"{name}.json", part)
        found.append([lead_of(results, name, part, pair) for pair in pairs.values()])
        seeds = seeds_of(len({row.seed for own in rows.values() for row in own}))
        training = "<br>".join(_training(result, part))
        made = f"{link_to(name)}: {seeds}, {processor_of(result)}, {result.made}"
        method = re.sub(r"^(?=\d)", "slices:", corpus.split.method)
        held_out = f"{method} ({len(corpus.split.test.stretch_chars)})"
        abouts.append([size_of(corpus), held_out, training, made])
    adjusted = iter(holm([each.p_value for row in found for each in row if each]))
    yield ["text", "held out", "training", *pairs, "values"]
    for (*about, made), row in zip(abouts, found, strict=True):
        cells = [changed_by(replace(each, p_value=next(adjusted)), "") if each else "" for each in row]
        yield [*about, *cells, made]


def _training(result: Comparison | Ladder | SuiteResult, part: str) -> Iterator[str]:
    """Yield the budget, how much of the text was used if not all, and how many networks were averaged."""
    if isinstance(result, SuiteResult):
        (question,) = (each for each in result.questions if each.name == part)
        yield question.cases[0].budget
        if chars := question.cases[0].train_chars:
            yield f"trained on {chars:,} characters"
        return
    if isinstance(result, Ladder):
        yield part
        return
    yield str(result.budget)
    for name in ("word-lstm", "word-lstm-glove"):
        yield from averaged(name, [run for run in result.runs if run.name == name])


def averaged(name: str, runs: Iterable[RunResult]) -> Iterator[str]:
    """Yield how many networks an entry averages, if its runs have more than one."""
    copies = {run.num_copies for run in runs}
    if copies - {1}:
        yield f"`{name}` averages {' or '.join(map(str, sorted(copies)))}"


@cache
def _rows(
    path: Path, part: str
) -> tuple[Comparison | Ladder | SuiteResult, CorpusInfo, Mapping[str, Sequence[Row]]]:
    """Return a recorded result, its text, and its rows by entry: of a budget, or of a question of a suite."""
    if path.name.startswith("ladder"):
        ladder = read_record(Ladder, path)
        return ladder, ladder.corpus, {rung.entry: rung.runs for rung in ladder.rungs if rung.budget == part}
    if part:
        suite = read_record(SuiteResult, path)
        (question,) = (each for each in suite.questions if each.name == part)
        rows = {case.entry.removeprefix("1*"): case.runs for case in question.cases}
        return suite, question.corpus, rows
    bench = read_record(Comparison, path)
    return bench, bench.corpus, rows_by_entry(bench.runs, bench.scored_on)


def span(values: Sequence[float]) -> str:
    """Return the lowest and the highest value, or one if they are equal."""
    ends = dict.fromkeys(f"{value:.2f}".replace("-", "−") for value in (min(values), max(values)))
    return " to ".join(ends)


def size_of(corpus: CorpusInfo) -> str:
    """Return the name of a text, and its characters."""
    return f"{corpus.name} ({corpus.num_chars / 1e6:.2g} million characters)"


def processor_of(result: JudgedHeader) -> str:
    """Return the machine of a result."""
    name = re.sub(r"\(R\)| Processor", "", result.machine.processor)
    return f"{name}, {result.machine.num_cores} cores"


def seeds_of(number: int) -> str:
    """Return a number of seeds, in words."""
    return f"{number} seed{'s' * (number > 1)}"


def changed_by(change: Contrast | Difference, sign: str = "+") -> str:
    """Return a difference with its interval, bold if it is clear."""
    value = change.value if isinstance(change, Contrast) else change.bits_per_char
    written = f"**{value:{sign}.3f}**" if change.is_clear else f"{value:{sign}.3f}"
    ends = [f"{end:{sign}.3f}" for end in change.interval or ()]
    return written + (f" ({' to '.join(ends)})" if ends else "")


def link_to(name: str) -> str:
    """Return a link to a recorded result."""
    return f"[{name}](results/{name}.json)"
