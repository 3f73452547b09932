"""benchmarks/RESULTS.md, written from results/*.json: `python -m textgen_benchmarks.results_page`.

`FINDINGS` are the questions, with the recorded result that answers each; a suite answers several. Everything
else on the page follows from the results.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from textgen.evaluation.intervals import Contrast
from textgen.evaluation.metrics import TextMetrics
from textgen.reports.answer import answer, best_reference, classes, scope
from textgen.reports.bench_tables import named
from textgen.reports.columns import RowColumn, View, make_table
from textgen.reports.document import DASH
from textgen.reports.formats import count, thousandths
from textgen.reports.ladder_report import score_table
from textgen.reports.markdown import escape, markdown_table, table_lines
from textgen.reports.rows import EntryRow, entry_rows, held_out_row, reference_rows
from textgen.results.comparison import Comparison, Difference
from textgen.results.details import Details
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import read_record
from textgen_benchmarks.saving import RESULTS
from textgen_benchmarks.seeds import SeedResults
from textgen_suites.result import QuestionResult, SuiteResult

PAGE = RESULTS.parent / "RESULTS.md"
MAIN, LADDERS = "bench-wiki", ("ladder-wiki-slower", "ladder-german", "ladder-code")
WORDS = "inside/details-wiki"
"""The details of the main comparison, with what its entries write at each temperature."""
IMPROVEMENTS = ("improvements-wiki",)

INTRO = """# Results

Written from [results/](results/) by `python -m textgen_benchmarks.results_page`. Scores are bits per
character of held-out text. In brackets are 95 % intervals, over passages or documents and over seeds; bold
differences are clear at 5 %, corrected for their number; in a suite they are from the first case, or from the
one before. Where whole documents were held out (`documents`), a score holds for other documents; otherwise
for other passages of this text, whose names and topics are known. What a second is worth depends on the
machine; epochs and characters are the same on all.
"""
WRITING = ("real_word_rate", "repetition_4", "self_bleu")
TEMPERATURE = """What the entries of the main comparison write, in percent: real words / sequences of four
words that the text already had / self-BLEU, the likeness of texts to each other. By temperature (first seed),
and at the entropy that is the same for all (all seeds).
"""
HEADER = ["question", "answer", "text, budget, seeds", "command", "values"]


@dataclass(frozen=True)
class Finding:
    """A question, and the recorded comparison or ladder that answers it."""

    question: str
    name: str


FINDINGS = (
    Finding("Which entry is best on new articles after a minute of Wikipedia?", MAIN),
    Finding("And on passages of the articles it was trained on?", "bench-wiki-passages"),
    Finding("Are words ahead on a German handbook?", "ladder-german"),
    Finding("And on Python code?", "ladder-code"),
    Finding("Which is best for a novel, after ten minutes?", "bench-novels"),
    Finding("What do vectors add to `hier` on novels?", "bench-austen-characters"),
    Finding("What is a minute worth on tinyshakespeare?", "tinyshakespeare"),
    Finding("And with words known to `hier`?", "tinyshakespeare-words"),
    Finding("And learning while reading?", "tinyshakespeare-mix"),
    Finding("Learning while reading, Wikipedia, characters", "mix-wiki-characters"),
    Finding("Learning while reading, Wikipedia, words", "mix-wiki-words"),
    Finding("Learning while reading, novels, characters", "mix-austen-characters"),
    Finding("Learning while reading, novels, words", "mix-austen-words"),
    Finding("Is reading Wikipedia first worth it for 100,000 characters of Austen?", "start-austen-words"),
)
SUITES = (IMPROVEMENTS, ("original-wiki", "original-austen"), ("languages",))


def main() -> None:
    """Write the page."""
    PAGE.write_text("\n".join(page(RESULTS)), "utf-8")


def page(results: Path) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from INTRO.splitlines()
    yield from ("", "## The main comparison", "")
    main_bench = read_record(Comparison, results / f"{MAIN}.json")
    yield from (answer(main_bench), *scope(main_bench), "")
    yield from (_made_by(main_bench, MAIN), "", *bench_table(main_bench))
    yield from ("", "## What more time buys", "", "![Score by budget](results/ladder.svg)", "")
    ladder = read_record(Ladder, results / f"{LADDERS[0]}.json")
    scores = score_table(ladder)
    rows = [row for row in scores.rows if not row.is_reference]
    yield from (_made_by(ladder, LADDERS[0]), "", *markdown_table(replace(scores, rows=rows)))
    yield from ("", "## The improvements", "", "![Effect of each change](results/effects.svg)", "")
    yield from table_lines([HEADER, *_suites(results)], range(5))
    yield from ("", "## Temperature", "", "![Real words by temperature](results/words.svg)", "")
    yield from (*TEMPERATURE.splitlines(), "", *_temperatures(main_bench, results))
    yield from ("", "## Other findings", "")
    yield from table_lines([HEADER, *_findings(results)], range(5))
    yield from ("", "## Speed", "", *_speed(results), "")


def _speed(results: Path) -> Iterator[str]:
    """Yield the table of speeds beside plain programs, and that of time and memory by the size of a text."""
    speeds, scaling = (
        json.loads((results / f"{name}.json").read_text("utf-8")) for name in ("speed", "scaling")
    )
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
    yield ""
    yield (
        f"Nanoseconds per character, and peak memory, from a file of made-up words to the first update "
        f"({scaling['machine']['processor']}, [values](results/scaling.json)):"
    )
    yield ""
    by_step: dict[str, list[str]] = {"million characters": []}
    for row in scaling["rows"]:
        by_step["million characters"].append(f"{row['million_chars']:,.0f}")
        cost = f"{row['seconds'] / row['num_chars'] * 1e9:,.0f} ({row['peak_bytes'] / 1e6:,.0f} MB)"
        by_step.setdefault(row["step"], []).append(cost)
    by_step["million characters"] = [*dict.fromkeys(by_step["million characters"])]
    yield from table_lines([[step, *cells] for step, cells in by_step.items()])


def bench_table(result: Comparison) -> list[str]:
    """Return the table of a comparison."""
    ranked = sorted([*entry_rows(result), *reference_rows(result)], key=EntryRow.ranking)
    shown = list(named(result, bench_columns()))
    return list(markdown_table(make_table("", "", shown, [*ranked, held_out_row(result)])))


def _temperatures(result: Comparison, results: Path) -> list[str]:
    """Return the table of what entries write at each temperature, and at equal entropy."""
    details = read_record(Details, results / f"{WORDS}.json")
    samplers = [each.sampler.rpartition(":")[2] for each in details.entries[0].writing]
    header = ["entry", *samplers, result.measured_sampler.rpartition(":")[2]]
    rows = [header]
    for row in entry_rows(result):
        (entry,) = (each for each in details.entries if each.name == row.name)
        equal: TextMetrics = {
            name: fmean(text.get(name) or 0 for text in row.sample_metrics) for name in WRITING
        }
        texts = [*(each.metrics for each in entry.writing), equal]
        rows.append([row.name, *(_percent(text.get(name) or 0 for name in WRITING) for text in texts)])
    return list(table_lines(rows, [0]))


def _percent(shares: Iterable[float]) -> str:
    return " / ".join(f"{100 * share:.1f}" for share in shares)


def bench_columns() -> list[RowColumn[Any]]:
    """Return the columns of a comparison's table."""
    names = (
        "bits_per_char interval bits_per_char_without_oov num_parameters trained_chars_per_second "
        "real_word_rate"
    )
    changes: dict[str, dict[str, Any]] = {
        "bits_per_char_without_oov": {"header": "without OOV words", "write": thousandths},
        "trained_chars_per_second": {
            "header": "training chars/s",
            "write": lambda speed: count(float(f"{speed:.3g}")),
        },
    }
    return [replace(column, **changes.get(column.name, {})) for column in View(names).columns()]


def _made_by(result: Comparison | Ladder, name: str) -> str:
    return f"{_command(result)} ({result.machine.processor}, [values](results/{name}.json)):"


def _findings(results: Path) -> Iterator[list[str]]:
    for finding in FINDINGS:
        is_ladder = finding.name.startswith("ladder")
        path = results / f"{finding.name}.json"
        result = read_record(Ladder, path) if is_ladder else read_record(Comparison, path)
        answer = ladder_answer(result) if isinstance(result, Ladder) else bench_answer(result)
        yield [finding.question, answer, _conditions(result), _command(result), _link(finding.name)]
    designs = json.loads((results / "coverage.json").read_text("utf-8"))
    for kind in ("spread at random", "documents"):
        found = [each["scores"][1] for each in designs["designs"] if each["design"] == kind]
        units = "documents" if kind == "documents" else "passages"
        yield [
            f"How many 95 % intervals hold the score of other {units}?",
            f"{min(found):.1%} to {max(found):.1%}".replace("%", " %"),
            ", ".join(each["name"] for each in designs["texts"]),
            f"`{designs['command']}`",
            _link("coverage"),
        ]
    seeds = read_record(SeedResults, results / "seeds.json")
    different, pairs = (
        sum(getattr(each, name) for each in seeds.pairs) for name in ("num_different", "num_pairs")
    )
    yield [
        "How often is an entry with another seed called different?",
        f"in {different} of {pairs} pairs, by the prior of other texts",
        ", ".join(dict.fromkeys(each.corpus for each in seeds.pairs)),
        "`python -m textgen_benchmarks.seeds`",
        _link("seeds"),
    ]


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
            text += f", {_change(second)} for `{second.b}`"
        reference = best_reference(result, each.best)
        said.append(text + (f", {reference.name} {reference.bits_per_char:.3f}" if reference else ""))
    return "; ".join(said)


def ladder_answer(result: Ladder) -> str:
    """Return the scores under the largest budget."""
    last = [rung.score for rung in result.rungs if rung.score and rung.budget == result.budgets[-1]]
    return ", ".join(
        f"`{score.name}` {score.bits_per_char:.3f}"
        for score in sorted(last, key=lambda each: each.bits_per_char)
    )


def _conditions(result: Comparison | Ladder) -> str:
    if isinstance(result, Ladder):
        budget, seeds = result.budgets[-1], {run.seed for rung in result.rungs for run in rung.runs}
    else:
        budget, seeds = result.budget, {run.seed for run in result.entries}
    return f"{result.corpus.name}, {result.corpus.split.method}, {budget}, {len(seeds)}"


def _suites(results: Path) -> Iterator[list[str]]:
    """Yield a row for each question of each suite: on each text, its first case and the change of others."""
    for names in SUITES:
        made = {name: read_record(SuiteResult, results / f"{name}.json") for name in names}
        every = chain.from_iterable(result.questions for result in made.values())
        for asked in dict.fromkeys(question.name for question in every):
            found = [(q, made[name], name) for name in names for q in made[name].questions if q.name == asked]
            cells = [_answered(*each) for each in found]
            answers, conditions, commands, links = (
                " <br> ".join(parts) for parts in zip(*cells, strict=True)
            )
            yield [escape(found[0][0].text), answers, conditions, commands, links]


def _answered(question: QuestionResult, result: SuiteResult, name: str) -> tuple[str, str, str, str]:
    first, *others = question.cases
    said = [f"{escape(first.label)} {first.bits_per_char.value:.3f}" if first.bits_per_char else DASH]
    for case in others:
        if (effect := question.effect(case.label)) and effect.bits_per_char:
            said.append(f"{escape(case.label)} {_change(effect.bits_per_char)}")
    epochs = [case.epochs for case in question.cases if case.epochs]
    read = (
        " to ".join(dict.fromkeys(f"{each:.2g}" for each in (min(epochs), max(epochs)))) if epochs else "no"
    )
    method, own = question.corpus.split.method, question.corpus.name
    command = f"textgen suite {name.partition('-')[0]} --question {question.name} --budget {result.budget}"
    command += f" --corpus {own}" if own.endswith(".txt") else ""
    command += f" --split {method}" if method.startswith("slices") else ""
    conditions = f"{own}, {result.budget}, {read} epochs, {result.num_seeds}"
    return "; ".join(said), conditions, f"`{command}`", _link(name)


def _change(change: Contrast | Difference) -> str:
    value = change.value if isinstance(change, Contrast) else change.bits_per_char
    written = f"**{value:+.3f}**" if change.is_clear else f"{value:+.3f}"
    return written + (f" ({change.interval[0]:+.3f} to {change.interval[1]:+.3f})" if change.interval else "")


def _link(name: str) -> str:
    return f"[{name}](results/{name}.json)"


if __name__ == "__main__":
    main()
