"""benchmarks/RESULTS.md, written from results/*.json: `python -m textgen_benchmarks.results_page`.

`FINDINGS` and `LEADS` say which recorded results answer which questions; a suite answers several. Everything
else on the page follows from the results.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import fmean, mode

from textgen.data.corpus import CorpusInfo
from textgen.defaults import CLEANER
from textgen.reports.answer import answer, best_reference, classes, scope
from textgen.reports.bench_tables import named
from textgen.reports.columns import View, make_table
from textgen.reports.document import DASH
from textgen.reports.ladder_report import score_table
from textgen.reports.markdown import escape, markdown_table, table_lines
from textgen.reports.rows import EntryRow, entry_rows, held_out_row, reference_rows
from textgen.results.comparison import Comparison
from textgen.results.details import Details
from textgen.results.header import JudgedHeader
from textgen.results.ladder import Ladder
from textgen.runtime.storage.json_records import read_record
from textgen.training.budget import parse_budget
from textgen_benchmarks.advice import AdviceResults
from textgen_benchmarks.leads import (
    AIDS,
    BEST,
    BOTH,
    COUNTED,
    EQUAL,
    GLOVE_COUNTS,
    IMPROVEMENTS,
    LEADS,
    MAIN,
    MINUTE,
    NEITHER,
    PAIRS,
    WORDS_COUNT,
    averaged,
    changed_by,
    leads,
    led,
    link_to,
    processor_of,
    seeds_of,
    short_leads,
    size_of,
    span,
)
from textgen_benchmarks.saving import RESULTS
from textgen_benchmarks.seeds import SeedResults
from textgen_benchmarks.spelling import KINDS, SpellingResults
from textgen_suites.result import QuestionResult, SuiteResult
from textgen_suites.schema import load_suite

PAGE = RESULTS.parent / "RESULTS.md"
LADDERS = ("ladder-wiki", "ladder-german", "ladder-code")
WORDS = "inside/details-wiki"
"""The details of the main comparison, with what its entries write at each temperature."""

INTRO = """# Results

An LSTM over words predicts English better than one over characters, by this many bits per character of \
held-out text. Word models spell unknown words with counted n-grams of characters (*only words count*). If \
*neither counts*, the network spells them; if *both count*, the character model is mixed with n-grams, too.

{leads}

{conclusions}

This page is generated from [results/](results/) by `python -m textgen_benchmarks.results_page`. Lower \
scores are better. In brackets are 95 % intervals, over passages or documents and over seeds. Bold \
differences are significant at 5 %, corrected for their number. Where whole documents were held out \
(`documents:…`), a score holds for other documents of this kind; otherwise, for other passages of this \
text, whose names and topics are known. Results for a budget in time depend on the machine and the version \
of textgen; those in epochs or characters hardly depend on the machine. [Entries](../docs/entries.md) are \
in code style. PPMd and xz are compressors that read the training text first. Rows marked *reading on*, and \
entries with `+mix`, learn from the scored text after each prediction. `original` is the network of the \
project that textgen began with (a 3 × 256 LSTM in Keras). austen-dev.txt is Northanger Abbey and \
Persuasion, austen100k.txt its first 100,000 characters; tinyshakespeare.txt is `--corpus tinyshakespeare`.
"""
NEAR = 0.01
"""Bits per character by which good advice may be behind."""
WRITING = {"real_word_rate": "real words", "repetition_4": "repeated", "self_bleu": "self-BLEU"}
WRITERS = ("char-lstm", "word-lstm+ngram-glove")
LIMITS = (
    "Parameters are means. GloVe learnt from six billion words, Wikipedia among them; defaults were tuned on "
    "passages of this text; nothing is measured on a GPU."
)
COUNTING = """The lead of the word entry over the character entry, in bits per character, by which of them \
n-grams help. *Neither counts*: `word-lstm:speller=model` and `char-lstm`, with GloVe \
`word-lstm-glove:speller=model`. *Both count*: `word-lstm`, which counts only to spell, or \
`word-lstm+ngram`, and `char-lstm+ngram`. *Only words count*: `word-lstm` or `word-lstm-glove`, and \
`char-lstm`.
"""
SPELLING = """Where the bits go, in bits per character of the whole text: words of the vocabulary of \
`word-lstm`, the first letter of other words with the space before it, their further letters, and the rest; \
in the last column, the share of words that cost fewer bits than they cost `char-lstm` \
([values](results/spelling.json), means over seeds).
"""
LEAD = """All comparisons of entries over words and over characters on the same text (negative: words are \
behind); in equal time, then after equal reading. Mixtures: `word-lstm+ngram` and `char-hier+ngram`; best \
hybrids: `word-lstm+ngram` and `char-hier+words`, which mixes word n-grams into a character model. Where a \
model reads a text often enough, its training time is divided among several copies, which are averaged ([the \
rule](../docs/scores.md#adapting-to-the-budget); it is not recorded by ladders and suites). In brackets: the \
number of held-out parts. Commands: `textgen suite improvements --question level` for five epochs; for the \
others, see the files (`git show fc966559` has the corpus `handbook`).
"""
SUITE_NOTE = """The first case of each question shows its score, the others the change from it, or, if their \
label begins with a plus, from the case above (†: scored on another text). `char` is `char-lstm`; all cases \
are in [these files](../plugins/textgen_suites)."""
TEMPERATURE = """Text of entries of the main comparison, in percent: real words, four-word sequences \
repeated within a sample, and self-BLEU, the similarity between samples; by temperature (first seed), and at \
about the same entropy per character (all seeds).
"""
FINDINGS = {
    "bench-moby": "Which is best for a novel, by chapters? (not used for tuning)",
    "tinyshakespeare-mix": "How good is it on tinyshakespeare, with counts updated during scoring?",
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
    said = "\n".join(f"- {each}" for each in conclusions(results))
    table = "\n".join(table_lines([*short_leads(results)], (0, 5)))
    yield from (INTRO.format(leads=table, conclusions=said), "## The main comparison", "")
    main_bench = read_record(Comparison, results / f"{MAIN}.json")
    yield from (answer(main_bench), *scope(main_bench), "")
    yield from (_made_by(main_bench, MAIN), "", *bench_table(main_bench))
    yield from ("", "## Words or characters?", "", "![Leads of words](results/leads.svg)", "", COUNTING)
    yield from table_lines([*leads(results, COUNTED, AIDS)], (0, 1, 2))
    yield from ("", SPELLING, *table_lines([*_spelling(results)], (0, 1)))
    yield from ("", LEAD, *table_lines([*leads(results, LEADS, PAIRS)], (0, 1, 2)))
    yield from ("", "## Training time", "", "![Score by budget](results/ladder.svg)", "")
    ladder = read_record(Ladder, results / f"{LADDERS[0]}.json")
    scores = score_table(ladder)
    rows = [row for row in scores.rows if not row.is_reference]
    yield from (_made_by(ladder, LADDERS[0]), "", *markdown_table(replace(scores, rows=rows)))
    yield from ("", "## The improvements", "", "![Effect of each change](results/effects.svg)", "")
    yield SUITE_NOTE
    yield from _suites(results)
    yield from ("", "## Temperature", "", "![Real words by temperature](results/words.svg)", "")
    yield from (TEMPERATURE, *table_lines([*_temperatures(main_bench, results)], (0, 1)))
    yield from ("", "## Other findings", "")
    yield from _findings(results)
    yield from ("", "## Speed", "", *_speed(results), "")


def conclusions(results: Path) -> Iterator[str]:
    """Yield what the page comes to, in a few sentences."""
    ahead, passages = partial(led, results), ("bench-wiki-passages", "")
    suites = [read_record(SuiteResult, results / f"{name}.json") for name in IMPROVEMENTS]

    def gained(question: str, *labels: str, sign: int = -1) -> str:
        asked = [each for suite in suites for each in suite.questions if each.name == question]
        effects = [each.effect(label) for each in asked for label in labels]
        return span([sign * each.bits_per_char.value for each in effects if each and each.bits_per_char])

    yield (
        "**In English, words lead in equal time; without counting, not after equal reading.** After a "
        f"minute, by {ahead(NEITHER, *MINUTE)} if neither counts, {ahead(BOTH, *MINUTE)} if both do, and "
        f"{ahead(BEST, *MINUTE)} if both are the best hybrids with GloVe. After five passes over a million "
        f"characters of Wikipedia, by {ahead(NEITHER, EQUAL)} if neither counts, and the character LSTM "
        "is no better than word n-grams there. On "
        f"passages of known articles, word LSTMs led by {ahead(WORDS_COUNT, passages)}, with GloVe by "
        f"{ahead(GLOVE_COUNTS, passages)}. A BPE LSTM was {gained('level', 'bpe', sign=1)} worse than a "
        "character LSTM after five passes, clearly on one of two texts."
    )
    tests = _advice_tests(read_record(AdviceResults, results / "advice.json"))
    foreign = [
        chars - words for text, (words, chars) in tests.items() if text.startswith(("europarl", "genesis"))
    ]
    handbooks = (("handbook", name) for name in ("German", "French", "Russian"))
    german, french, russian = (ahead(WORDS_COUNT, each) for each in handbooks)
    ten_passes = ahead(WORDS_COUNT, ("ladder-german", "4Mchars"))
    yield (
        "**In other languages, little is known.** On small handbooks after 20 seconds, word LSTMs "
        f"lead by {german} in German, {french} in French, {russian} in Russian; in Japanese and Chinese, no "
        f"lead is clear. After ten passes in German (one seed): {ten_passes}. On "
        f"{len(foreign)} other texts ([Europarl, Genesis](results/advice.json)), the best word "
        f"hybrids are between {-min(foreign):.2f} behind and {max(foreign):.2f} ahead after a minute "
        "(one to three seeds)."
    )
    yield (
        f"**GloVe helps most with little text.** It gains {gained('vectors', 'GloVe')} on "
        f"a million characters, and {gained('vectors-tenth', 'GloVe')} on a tenth of that; it also adds a "
        f"list of words. Word2Vec and fastText, which learn from the same text, gain "
        f"{gained('vectors', 'Word2Vec', 'fastText')}; with a tenth, they cost "
        f"{gained('vectors-tenth', 'Word2Vec', 'fastText', sign=1)}."
    )
    steps = "+ falling to zero, 0.003", "+ automatic sequence length", "+ automatic dropout"
    muon = gained("optimizer", "AdamW", sign=1)
    yield (
        "**Training matters as much as tokenization.** Added in this order to the original's "
        "settings, a higher learning rate that falls to zero, sequence length, dropout by epochs and Muon "
        f"gain {gained('steps', *steps, '+ Muon and weight decay')} each, words "
        f"{gained('steps', '+ words')}. With today's other settings, each is worth less: the sequence length "
        f"{gained('sequence-length', '60', sign=1)} over one of 60, dropout "
        f"{gained('dropout', '0', sign=1)} over none, Muon {muon} over tuned AdamW; 16 streams "
        f"would gain {gained('streams', '16')}. Most steps of cleaning changed nothing in these texts."
    )


def _spelling(results: Path) -> Iterator[list[str]]:
    """Yield the table of where the bits go."""
    rows = read_record(SpellingResults, results / "spelling.json").rows
    yield ["text", "entry", *KINDS, "all", "words that cost less"]
    for row in rows:
        bits = [*row.bits.values(), sum(row.bits.values())]
        cheaper = f"{row.words_cheaper:.0%}".replace("%", " %") if row.words_cheaper else DASH
        yield [row.text, f"`{row.entry}`", *(f"{each:.3f}" for each in bits), cheaper]


def _advice_tests(advice: AdviceResults) -> dict[str, tuple[float, float]]:
    """Return, for each text, the scores of the best hybrids over words and over characters after a minute."""
    tests = dict[str, dict[str, list[float]]]()
    for run in advice.runs:
        if run.budget == "60s":
            tests.setdefault(run.text, {}).setdefault(run.level, []).append(run.test)
    return {text: (fmean(each["words"]), fmean(each["characters"])) for text, each in tests.items()}


def _speed(results: Path) -> Iterator[str]:
    """Yield the table of speeds beside plain programs."""
    speeds = json.loads((results / "speed.json").read_text("utf-8"))
    yield (
        f"Against plain loops, in separate processes ({speeds['machine']['processor']}, bf16 matmuls at "
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
    names = "bits_per_char interval above_best difference_interval num_parameters num_epochs real_word_rate"
    shown = list(named(result, View(names).columns()))
    several = chain.from_iterable(averaged(row.name, row.runs) for row in ranked)
    table = markdown_table(make_table("", "", shown, [*ranked, held_out_row(result)]))
    copies = ", ".join(several)
    return [*table, "", f"{copies} networks, trained within the same minute. {LIMITS}" if copies else LIMITS]


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
    return f"`{result.command}` ({result.machine.processor}, [values](results/{name}.json)):"


def _item(question: str, *parts: str) -> str:
    """Return an answered question in one line."""
    return f"- **{question}** {'. '.join(parts)}"


def _findings(results: Path) -> Iterator[str]:
    """Yield an item for each of `FINDINGS`, and for what was found about intervals."""
    for name, question in FINDINGS.items():
        result = read_record(Comparison, results / f"{name}.json")
        training = f"{result.budget}, {seeds_of(len({run.seed for run in result.entries}))}"
        about = _conditions(result, result.corpus, training)
        yield _item(question, bench_answer(result), about, f"`{result.command}`", link_to(name))
    coverage = json.loads((results / "coverage.json").read_text("utf-8"))
    designs = []
    for kind, units in (("spread at random", "passages"), ("documents", "documents")):
        found = [each for each in coverage["designs"] if each["design"] == kind]
        means = {of: [each[of][1] for each in found] for of in ("scores", "differences")}
        shares = "; ".join(f"{of} {min(each):.1%} to {max(each):.1%}" for of, each in means.items())
        lowest = min(each["differences"][0] for each in found)
        texts = ", ".join(dict.fromkeys(each["text"] for each in found))
        designs.append(f"For other {units}: {shares} on average, {lowest:.1%} for the worst pair ({texts})")
    yield _item(
        "How often do 95 % intervals contain the score?",
        ". ".join(designs).replace("%", " %"),
        "Its program: `git show fc966559:benchmarks/textgen_benchmarks/coverage.py`",
        link_to("coverage"),
    )
    seeds = read_record(SeedResults, results / "seeds.json")
    different, pairs = (
        sum(getattr(each, name) for each in seeds.pairs) for name in ("num_different", "num_pairs")
    )
    yield _item(
        "How often does an entry with another seed seem different?",
        f"In {different} of {pairs} pairs, with the variance of seeds estimated from the other texts",
        ", ".join(dict.fromkeys(each.corpus for each in seeds.pairs)),
        "`textgen_benchmarks.seeds` ([arguments](README.md))",
        link_to("seeds"),
    )
    advice = read_record(AdviceResults, results / "advice.json")
    behind = [each.behind for each in advice.checks if each.behind is not None]
    near = sum(each <= NEAR for each in behind)
    as_good = sum(
        words - min(words, characters) <= NEAR for words, characters in _advice_tests(advice).values()
    )
    too_far = [each for each in advice.checks if each.behind and each.behind > NEAR]
    wrong = ", ".join(f"{each.text} by {each.behind:.2f}" for each in too_far)
    slower = read_record(AdviceResults, results / "advice-slower.json")
    yield _item(
        "How good is the advice of `textgen ask`, fitted to other texts?",
        f"For {near} of {len(behind)} texts, its choice was within {NEAR} of the better level after a "
        f"minute (behind for {wrong}); always choosing words does as well for {as_good}. Its 90 % intervals "
        f"contained, of the scores, {_held(advice)}; on a machine of half the speed, {_held(slower)}",
        f"{len(advice.texts)} texts in ten languages",
        "`textgen_benchmarks.advice` ([arguments](README.md))",
        link_to("advice"),
        link_to("advice-slower"),
    )


def _held(advice: AdviceResults) -> str:
    """Return which share of the scores were within their intervals, by budget."""
    held, shares = {each.text: each.held for each in advice.checks}, dict[str, list[float]]()
    for run in advice.runs:
        shares.setdefault(run.budget, []).append(held[run.text][run.budget])
    return ", ".join(f"{100 * fmean(each):.0f} % of {len(each)} after {key}" for key, each in shares.items())


def bench_answer(result: Comparison) -> str:
    """Return the best entry of each class, and how far the next one is."""
    said = []
    for each in classes(result):
        text = f"`{each.best.name}` {each.best.bits_per_char:.3f}"
        if each.differences:
            second = each.differences[0]
            text += f", {changed_by(second, '')} better than `{second.b}`"
        reference = best_reference(result, each.best)
        said.append(text + (f"; {reference.name} {reference.bits_per_char:.3f}" if reference else ""))
    return "; ".join(said)


def _conditions(result: JudgedHeader, corpus: CorpusInfo, training: str) -> str:
    """Return the text, the training, the machine and the date of a result."""
    return f"{size_of(corpus)}, {corpus.split.method}, {training}, {processor_of(result)}, {result.made}"


def _suites(results: Path) -> Iterator[str]:
    """Yield a table of the questions of each suite, with a column for each text, below what was recorded."""
    for names in SUITES:
        yield ""
        made = {name: read_record(SuiteResult, results / f"{name}.json") for name in names}
        for name, result in made.items():
            usual = [each for each in result.questions if _training_of(each) == _usual_training(result)]
            training = f"{_usual_training(result)}, {seeds_of(result.num_seeds)}"
            about = _conditions(result, usual[0].corpus, training)
            yield f"- {link_to(name)}: {about}. `{_suite_command(usual[0].corpus, result, name)}`"
        yield ""
        table = [["question", *names]]
        for asked in dict.fromkeys(each.name for result in made.values() for each in result.questions):
            found = [[each for each in made[name].questions if each.name == asked] for name in names]
            cells = ["<br>".join(_answered(*each)) if each else "" for each in found]
            first = next(chain.from_iterable(found))
            epochs = [case.epochs for each in chain(*found) for case in each.cases if case.epochs]
            few = f" ({min(epochs):.2g} to {max(epochs):.2g} epochs)" if epochs and min(epochs) < 3 else ""
            table.append([f"{escape(first.text)} `{asked}`{few}", *cells])
        yield from table_lines(table, range(len(table[0])))


def _answered(question: QuestionResult) -> Iterator[str]:
    """Yield the first case of a question, and the changes of the others."""
    first, *others = question.cases
    yield f"{escape(first.label)} {first.bits_per_char.value:.3f}" if first.bits_per_char else DASH
    for case in others:
        if (effect := question.effect(case.label)) and effect.bits_per_char:
            yield f"{escape(case.label)} {changed_by(effect.bits_per_char)}{'' if effect.paired else ' †'}"


def _training_of(question: QuestionResult) -> str:
    """Return the budget, the size of the text and the cleaner of a question's cases."""
    sizes = sorted({case.train_chars for case in question.cases if case.train_chars})
    cleaners = sorted({case.clean for case in question.cases if case.clean != CLEANER})
    training = [" or ".join(dict.fromkeys(case.budget for case in question.cases))]
    if sizes:
        training.append(f"trained on {' or '.join(f'{size:,}' for size in sizes)} characters")
    if cleaners and len(cleaners) < 3:
        training.append(f"cleaner {' or '.join(cleaners)}")
    return ", ".join(training)


def _usual_training(result: SuiteResult) -> str:
    """Return the training that most questions share."""
    return mode(map(_training_of, result.questions))


def _suite_command(corpus: CorpusInfo, result: SuiteResult, name: str) -> str:
    """Return the command that repeats the answer to a question."""
    suite = name.partition("-")[0]
    command = f"textgen suite {suite} --question NAME"
    command += f" --budget {result.budget}" if result.budget != load_suite(suite).budget else ""
    is_shared = result.num_jobs > 1 and parse_budget(result.budget).is_timed
    command += f" --jobs {result.num_jobs}" if is_shared else ""
    command += f" --corpus {corpus.name}" if corpus.name.endswith(".txt") else ""
    method = corpus.split.method
    return command + (f" --split {method}" if method.startswith("slices") else "")


if __name__ == "__main__":
    main()
