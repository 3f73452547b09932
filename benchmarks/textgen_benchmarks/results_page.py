"""benchmarks/RESULTS.md, written from results/*.json: `python -m textgen_benchmarks.results_page`.

`FINDINGS` and `LEADS` say which recorded results answer which questions; a suite answers several. Everything
else on the page follows from the results.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from statistics import fmean

from textgen.data.corpus import CorpusInfo
from textgen.defaults import CLEANER
from textgen.evaluation.intervals import Contrast, difference, holm
from textgen.reports.answer import answer, best_reference, classes, scope
from textgen.reports.bench_tables import named
from textgen.reports.columns import View, make_table
from textgen.reports.document import DASH
from textgen.reports.ladder_report import score_table
from textgen.reports.markdown import escape, markdown_table, table_lines
from textgen.reports.rows import EntryRow, entry_rows, held_out_row, reference_rows
from textgen.results.comparison import Comparison, Difference
from textgen.results.details import Details
from textgen.results.header import JudgedHeader
from textgen.results.judge import SCORE, score_samples
from textgen.results.ladder import Ladder
from textgen.results.row import Row, rows_by_entry
from textgen.runtime.storage.json_records import read_record
from textgen.training.budget import parse_budget
from textgen_benchmarks.advice import AdviceResults
from textgen_benchmarks.saving import RESULTS
from textgen_benchmarks.seeds import SeedResults
from textgen_suites.result import QuestionResult, SuiteResult
from textgen_suites.schema import load_suite

PAGE = RESULTS.parent / "RESULTS.md"
MAIN, LADDERS = "bench-wiki", ("ladder-wiki-slower", "ladder-german", "ladder-code")
WORDS = "inside/details-wiki"
"""The details of the main comparison, with what its entries write at each temperature."""
IMPROVEMENTS = ("improvements-wiki",)

INTRO = """# Results

[The main comparison](#the-main-comparison) · [Words or characters?](#words-or-characters) · [What more \
time buys](#what-more-time-buys) · [The improvements](#the-improvements) · [Temperature](#temperature) · \
[Other findings](#other-findings) · [Speed](#speed)

Written from [results/](results/) by `python -m textgen_benchmarks.results_page`. Scores are bits per \
character of held-out text. In brackets are 95 % intervals, over passages or documents and over seeds; \
bold differences are clear at 5 %, corrected for their number; in a suite they are from the first case, or \
from the one before (†: scored on another text). Where whole documents were held out (`documents`), a \
score holds for other documents; otherwise for other passages of this text, whose names and topics are \
known. Results for a budget in time depend on the machine; those in epochs or characters hardly do. \
[Entries](../docs/entries.md) are in code style. PPMd and xz are compressors that read the training text \
first; `reading on`, and `+mix`, learn from the text that is scored, after each prediction. `original` is \
the network of the project that textgen began with (three LSTMs of 256 in Keras). austen-dev.txt is \
Northanger Abbey and Persuasion, austen100k.txt its first 100,000 characters; tinyshakespeare.txt is \
`--corpus tinyshakespeare`.
"""
LEADS = (
    (MAIN, ""),
    ("bench-moby", ""),
    ("bench-edgeworth", ""),
    ("bench-wiki-passages", ""),
    ("improvements-wiki", "level"),
    ("improvements-wiki", "level-seconds"),
    ("ladder-wiki-slower", "15s"),
    ("ladder-wiki-slower", "1m"),
    ("ladder-wiki-slower", "4m"),
    ("languages", "German"),
    ("languages", "French"),
    ("languages", "Russian"),
    ("languages", "Japanese"),
    ("languages", "Chinese"),
    ("ladder-german", "4Mchars"),
    ("ladder-code", "4Mchars"),
)
"""Where entries over words and over characters were compared: a result, and the question or budget in it."""
PAIRS = {
    "LSTM": ("word-lstm", "char-lstm"),
    "LSTM, words with GloVe": ("word-lstm-glove", "char-lstm"),
    "mixtures with n-grams": ("word-lstm+ngram", "char-hier+ngram"),
    "best": ("word-lstm+ngram", "char-hier+words"),
    "best, with GloVe": ("word-lstm+ngram-glove", "char-hier+words-glove"),
}
NEAR = 0.01
"""Bits per character by which good advice may be behind."""
WRITING = {"real_word_rate": "real words", "repetition_4": "repeated", "self_bleu": "self-BLEU"}
WRITERS = ("char-lstm", "word-lstm-glove", "word-lstm+ngram-glove")
LIMITS = (
    "GloVe learnt from six billion words, Wikipedia among them; defaults were tuned on passages of this "
    "text; nothing is measured on a GPU."
)
LEAD = """By how many bits per character the entry over words is better than that over characters, on \
the same text. Mixtures: `word-lstm+ngram` and `char-hier+ngram`; best: `word-lstm+ngram` and \
`char-hier+words`. Where a model reads a text often enough, its training time is divided among several \
copies, which are averaged ([the rule](../docs/scores.md#what-follows-from-the-budget)). Commands are in \
the other sections; for the handbook in five languages: `textgen suite languages`.
"""
TEMPERATURE = """What entries of the main comparison write, in percent: real words, sequences of four \
words that the same sample already had, and self-BLEU, the likeness of samples to each other; by \
temperature (first seed), and at the entropy per character that is the same for all (all seeds).
"""
FINDINGS = {
    "bench-moby": "Which is best for a novel, by chapters? (nothing was tuned on it)",
    "bench-edgeworth": "And for stories, by passages? (nothing was tuned on them)",
    "bench-wiki-passages": "Which is best on passages of articles that were trained on?",
    "bench-novels": "Which is best for a novel, after ten minutes?",
    "tinyshakespeare": "Which is best on tinyshakespeare after a minute? (older, without `+mix`)",
    "tinyshakespeare-mix": "And with counts that go on while it is scored?",
    "mix-wiki-words": "Learning while reading, Wikipedia, words",
    "mix-austen-words": "Learning while reading, novels, words",
    "start-austen-words": "Is reading Wikipedia first worth it for 100,000 characters of Austen? "
    "(`textgen train word-lstm-glove --budget 10m --out runs/b-word`)",
}
"""Recorded comparisons, and the questions that they answer."""
SUITES = (IMPROVEMENTS, ("original-wiki", "original-austen"))


def main() -> None:
    """Write the page."""
    PAGE.write_text("\n".join(page(RESULTS)), "utf-8")


def page(results: Path) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from (INTRO, "## The main comparison", "")
    main_bench = read_record(Comparison, results / f"{MAIN}.json")
    yield from (answer(main_bench), *scope(main_bench), "")
    yield from (_made_by(main_bench, MAIN), "", *bench_table(main_bench))
    yield from ("", "## Words or characters?", "", LEAD, *table_lines([*leads(results)]))
    yield from ("", "## What more time buys", "", "![Score by budget](results/ladder.svg)", "")
    ladder = read_record(Ladder, results / f"{LADDERS[0]}.json")
    scores = score_table(ladder)
    rows = [row for row in scores.rows if not row.is_reference]
    yield from (_made_by(ladder, LADDERS[0]), "", *markdown_table(replace(scores, rows=rows)))
    yield from ("", "## The improvements", "", "![Effect of each change](results/effects.svg)", "")
    yield "The cases are declared in [these files](../plugins/textgen_suites); `char` is `char-lstm`.\n"
    yield from _suites(results)
    yield from ("", "## Temperature", "", "![Real words by temperature](results/words.svg)", "")
    yield from (TEMPERATURE, *table_lines([*_temperatures(main_bench, results)], (0, 1)))
    yield from ("", "## Other findings", "")
    yield from _findings(results)
    yield from ("", "## Speed", "", *_speed(results), "")


def _speed(results: Path) -> Iterator[str]:
    """Yield the table of speeds beside plain programs."""
    speeds = json.loads((results / "speed.json").read_text("utf-8"))
    yield (
        f"Beside plain loops, in processes of their own ({speeds['machine']['processor']}, bf16 matmuls at "
        f"{speeds['peak_gflops']:.0f} GFLOP/s, [values](results/speed.json)); medians of seven pairs:"
    )
    yield ""
    rows = [["what", "textgen", "reference", "ratio", "of the peak"]]
    for row in speeds["rows"]:
        low, high = row["ratio_range"]
        share = f"{row['share_of_peak']:.0%}" if row["share_of_peak"] else ""
        ratio = f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})"
        rows.append(
            [row["name"], f"{row['ours']:,.0f} {row['unit']}", f"{row['reference']:,.0f}", ratio, share]
        )
    yield from table_lines(rows)


def bench_table(result: Comparison) -> list[str]:
    """Return the table of a comparison."""
    ranked = sorted([*entry_rows(result), *reference_rows(result)], key=EntryRow.ranking)
    names = "bits_per_char interval num_parameters trained_chars_per_second real_word_rate"
    shown = list(named(result, View(names).columns()))
    copies = {row.name: max(run.num_copies for run in row.runs) for row in ranked if row.runs}
    several = [f"`{name}` averages {number} networks" for name, number in copies.items() if number > 1]
    table = markdown_table(make_table("", "", shown, [*ranked, held_out_row(result)]))
    return [*table, "", f"{', '.join(several)}, trained within the same minute. {LIMITS}"]


def leads(results: Path) -> Iterator[list[str]]:
    """Yield the table of how far words are ahead, with a row for each of `LEADS`."""
    abouts, found = list[tuple[str, str]](), list[list[Contrast | None]]()
    for name, part in LEADS:
        result, corpus, rows = _rows(results / f"{name}.json", part)
        samples = score_samples(rows, result.seed_priors[SCORE])
        pairs = ((samples.get(words), samples.get(characters)) for words, characters in PAIRS.values())
        found.append([difference(old, new) if new and old else None for new, old in pairs])
        training = ", ".join(_training(result, part))
        seeds = len({row.seed for own in rows.values() for row in own})
        abouts.append((_conditions(result, corpus, f"{training}, {_seeds(seeds)}"), _link(name)))
    adjusted = iter(holm([each.p_value for row in found for each in row if each]))
    yield ["text, training, machine", *PAIRS, "values"]
    for (about, link), row in zip(abouts, found, strict=True):
        cells = [_change(replace(each, p_value=next(adjusted)), "") if each else "" for each in row]
        yield [about, *cells, link]


def _training(result: Comparison | Ladder | SuiteResult, part: str) -> Iterator[str]:
    """Yield the budget, how much of the text was used if not all, and how many networks were averaged."""
    if isinstance(result, SuiteResult):
        (question,) = (each for each in result.questions if each.name == part)
        yield question.cases[0].budget
        if result.suite == load_suite("improvements").title:
            yield f"trained on {question.cases[0].train_chars:,} characters"
        return
    if isinstance(result, Ladder):
        yield part
        return
    yield str(result.budget)
    for name in ("word-lstm", "word-lstm-glove"):
        copies = {run.num_copies for run in result.runs if run.name == name}
        if copies - {1}:
            yield f"`{name}` averages {' or '.join(map(str, sorted(copies)))}"


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
        return suite, question.corpus, {case.entry: case.runs for case in question.cases}
    bench = read_record(Comparison, path)
    return bench, bench.corpus, rows_by_entry(bench.runs, bench.scored_on)


def _temperatures(result: Comparison, results: Path) -> Iterator[list[str]]:
    """Yield the table of what entries write at each temperature, and at equal entropy."""
    details = read_record(Details, results / f"{WORDS}.json")
    by_name = {each.name: each.writing for each in details.entries}
    equal = {row.name: row.sample_metrics for row in entry_rows(result)}
    samplers = [each.sampler.rpartition(":")[2] for each in by_name[WRITERS[0]]]
    yield ["what", "entry", *samplers, result.measured_sampler.rpartition(":")[2]]
    for metric, title in WRITING.items():
        for name in WRITERS:
            shares = [each.metrics.get(metric) or 0 for each in by_name[name]]
            shares.append(fmean(text.get(metric) or 0 for text in equal[name]))
            yield [title, f"`{name}`", *(f"{100 * share:.1f}" for share in shares)]


def _made_by(result: Comparison | Ladder, name: str) -> str:
    return f"{_command(result)} ({result.machine.processor}, [values](results/{name}.json)):"


def _item(question: str, *parts: str) -> str:
    """Return an answered question in one line."""
    return f"- **{question}** {'. '.join(parts)}"


def _findings(results: Path) -> Iterator[str]:
    """Yield an item for each of `FINDINGS`, and for what was found about intervals."""
    for name, question in FINDINGS.items():
        result = read_record(Comparison, results / f"{name}.json")
        training = f"{result.budget}, {_seeds(len({run.seed for run in result.entries}))}"
        about = _conditions(result, result.corpus, training)
        yield _item(question, bench_answer(result), about, _command(result), _link(name))
    designs = json.loads((results / "coverage.json").read_text("utf-8"))
    for kind in ("spread at random", "documents"):
        found = [each for each in designs["designs"] if each["design"] == kind]
        means = {of: [each[of][1] for each in found] for of in ("scores", "differences")}
        said = "; ".join(f"{of} {min(each):.1%} to {max(each):.1%}" for of, each in means.items())
        lowest = min(each["differences"][0] for each in found)
        units = "documents" if kind == "documents" else "passages"
        yield _item(
            f"How many 95 % intervals hold the score of other {units}?",
            f"{said} on average, {lowest:.1%} for the worst pair of entries".replace("%", " %"),
            ", ".join(dict.fromkeys(each["text"] for each in found)),
            f"`{designs['command']}`",
            _link("coverage"),
        )
    seeds = read_record(SeedResults, results / "seeds.json")
    different, pairs = (
        sum(getattr(each, name) for each in seeds.pairs) for name in ("num_different", "num_pairs")
    )
    yield _item(
        "How often is an entry with another seed called different?",
        f"In {different} of {pairs} pairs, with the variance of seeds estimated from the other texts",
        ", ".join(dict.fromkeys(each.corpus for each in seeds.pairs)),
        "`textgen_benchmarks.seeds` ([arguments](README.md))",
        _link("seeds"),
    )
    advice = read_record(AdviceResults, results / "advice.json")
    behind = [each.behind for each in advice.checks if each.behind is not None]
    near = sum(each <= NEAR for each in behind)
    held = {key: [each.held[key] for each in advice.checks if key in each.held] for key in ("15s", "60s")}
    covered = ", ".join(f"{fmean(each):.0%} after {key} ({len(each)} texts)" for key, each in held.items())
    yield _item(
        "How good is the advice of `textgen ask`, fitted to other texts?",
        f"Within {NEAR} of the better level after a minute for {near} of {len(behind)} texts; {covered} "
        "of the intervals of 90 % hold".replace("%", " %").replace("  %", " %"),
        f"{len(advice.texts)} texts in ten languages, one seed",
        "`textgen_benchmarks.advice` ([arguments](README.md))",
        _link("advice"),
    )


def _command(result: Comparison | Ladder) -> str:
    """Return the command that repeats a result, with the split if that is no longer the default."""
    method, command = result.corpus.split.method, result.command or ""
    split = f" --split {method}" if method.startswith("slices") and "--split" not in command else ""
    return f"`{command}{split}`"


def bench_answer(result: Comparison) -> str:
    """Return the best entry of each class, and how far the next one is."""
    said = []
    for each in classes(result):
        text = f"`{each.best.name}` {each.best.bits_per_char:.3f}"
        if each.differences:
            second = each.differences[0]
            text += f", {_change(second, '')} better than `{second.b}`"
        reference = best_reference(result, each.best)
        said.append(text + (f"; {reference.name} {reference.bits_per_char:.3f}" if reference else ""))
    return "; ".join(said)


def _conditions(result: JudgedHeader, corpus: CorpusInfo, training: str) -> str:
    """Return the text, the training, the machine and the date of a result."""
    processor = re.sub(r"\(R\)| Processor", "", result.machine.processor)
    size = f"{corpus.num_chars / 1e6:.2g} million characters"
    return f"{corpus.name} ({size}), {corpus.split.method}, {training}, {processor}, {result.made}"


def _seeds(number: int) -> str:
    return f"{number} seed{'s' * (number > 1)}"


def _suites(results: Path) -> Iterator[str]:
    """Yield an item for each question of each suite: on each text, the first case and the others' changes."""
    for names in SUITES:
        made = {name: read_record(SuiteResult, results / f"{name}.json") for name in names}
        every = chain.from_iterable(result.questions for result in made.values())
        for asked in dict.fromkeys(question.name for question in every):
            found = [(q, made[name], name) for name in names for q in made[name].questions if q.name == asked]
            answers = [_answered(*each) for each in found]
            yield _item(escape(found[0][0].text), " **On another text:** ".join(answers))


def _answered(question: QuestionResult, result: SuiteResult, name: str) -> str:
    first, *others = question.cases
    said = [f"{escape(first.label)} {first.bits_per_char.value:.3f}" if first.bits_per_char else DASH]
    for case in others:
        if (effect := question.effect(case.label)) and effect.bits_per_char:
            mark = "" if effect.paired else " †"
            said.append(f"{escape(case.label)} {_change(effect.bits_per_char)}{mark}")
    epochs = [case.epochs for case in question.cases if case.epochs]
    sizes = sorted({case.train_chars for case in question.cases if case.train_chars})
    cleaners = sorted({case.clean for case in question.cases if case.clean != CLEANER})
    training = [" or ".join(dict.fromkeys(case.budget for case in question.cases))]
    if epochs and not training[0].endswith("epochs"):
        training.append(f"{min(epochs):.2g} to {max(epochs):.2g} epochs")
    if sizes:
        training.append(f"trained on {' or '.join(f'{size:,}' for size in sizes)} characters")
    if cleaners and len(cleaners) < 3:
        training.append(f"cleaner {' or '.join(cleaners)}")
    training.append(_seeds(result.num_seeds))
    about = _conditions(result, question.corpus, ", ".join(training))
    return ". ".join(["; ".join(said), about, f"`{_suite_command(question, result, name)}`", _link(name)])


def _suite_command(question: QuestionResult, result: SuiteResult, name: str) -> str:
    """Return the command that repeats the answer to a question."""
    suite = name.partition("-")[0]
    command = f"textgen suite {suite} --question {question.name}"
    command += f" --budget {result.budget}" if result.budget != load_suite(suite).budget else ""
    is_shared = result.num_jobs > 1 and parse_budget(result.budget).is_timed
    command += f" --jobs {result.num_jobs}" if is_shared else ""
    command += f" --corpus {question.corpus.name}" if question.corpus.name.endswith(".txt") else ""
    method = question.corpus.split.method
    return command + (f" --split {method}" if method.startswith("slices") else "")


def _change(change: Contrast | Difference, sign: str = "+") -> str:
    value = change.value if isinstance(change, Contrast) else change.bits_per_char
    written = f"**{value:{sign}.3f}**" if change.is_clear else f"{value:{sign}.3f}"
    ends = [f"{end:{sign}.3f}" for end in change.interval or ()]
    return written + (f" ({' to '.join(ends)})" if ends else "")


def _link(name: str) -> str:
    return f"[{name}](results/{name}.json)"


if __name__ == "__main__":
    main()
