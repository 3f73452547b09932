"""The report of a suite: the effect of each change, question by question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter

from textgen.evaluation.intervals import Contrast
from textgen.evaluation.metrics import LETTERS
from textgen.page.charts import ChartValue, IntervalChart
from textgen.reports.document import DASH, Block, Cell, Chart, Report, Section, lines, text_table
from textgen.reports.formats import at, named_values, plain
from textgen.reports.samples import counted_words
from textgen.runtime.storage.files import slug
from textgen_suites.against import Repeated, compare
from textgen_suites.result import CaseResult, QuestionResult, SuiteResult

MAX_CHANGES = 3
"""Clear changes that the answer names, the largest first."""
UNPAIRED = "† Scored on a different text, since the cleaner changes its characters: the effect is unpaired."


def suite_report(result: SuiteResult, recorded: SuiteResult | None = None) -> Report:
    """Return the report of a suite, with what agrees with a recorded one if that is given."""
    texts = list(dict.fromkeys(question.corpus for question in result.questions))
    is_one_text = len({each.name for each in texts}) == 1
    sections = [
        Section(
            f"question-{slug(each.name).lower()}",
            each.text,
            [lines([] if is_one_text else [_text(each)]), *_question(each)],
        )
        for each in result.questions
    ]
    failed = [plain(f"{run}: {reason}") for run, reason in result.failures.items()]
    return Report(
        kind="suite",
        result=result,
        title=f"{result.suite}, on {result.corpus.name}" if is_one_text else result.suite,
        answer=suite_answer(result),
        context=" ".join([*([_text(result.questions[0])] if is_one_text else []), _how(result)]),
        definition=f"In brackets: the interval of a change ({result.interval_method}). Fewer bits per "
        "character and more real words are better; bold changes are clear: significant at 5 %, corrected for "
        "the number of changes in a table (Holm).",
        sections=[
            *([_against(compare(result, recorded))] if recorded else []),
            *sections,
            Section("failures", "Failures", [lines(failed, is_list=True)]),
        ],
        command=result.command,
        made=[
            *(f"{text.name}: {text.num_chars:,} characters, sha256 {text.sha256}" for text in texts),
            named_values(result.versions),
            named_values(result.machine),
        ],
    )


def _against(repeated: Sequence[Repeated]) -> Section:
    """Return the section on a recorded suite."""
    differ = [each for each in repeated if not each.agrees]
    said = f"{len(repeated) - len(differ)} of {len(repeated)} scores agree with the recorded ones"
    named = ", ".join(f"{each.case} ({each.question}) {each.change.value:+.3f}" for each in differ)
    rows: list[list[str | Cell]] = [
        [each.question, each.case, f"{each.recorded:.3f}", _change(each.change, 3)] for each in repeated
    ]
    header = ["question", "case", "recorded", "change"]
    answer = plain(f"{said}; these do not: {named}." if named else f"{said}.")
    table = text_table("Scores and recorded scores", header, rows, lefts=(0, 1))
    return Section("against", "Compared with the recorded suite", [lines([answer]), table])


def suite_answer(result: SuiteResult) -> str:
    """Return how many changes are clear, and the largest of them."""
    changes = [
        (change, f"{effect.case} against {effect.reference} {change.value:+.3f}")
        for question in result.questions
        for effect in question.effects
        if (change := effect.bits_per_char)
    ]
    clear = [(abs(change.value), name) for change, name in changes if change.is_clear]
    clear.sort(key=itemgetter(0), reverse=True)
    named = ", ".join(name for _, name in clear[:MAX_CHANGES])
    largest = f"; the largest, in bits per character: {named}" if named else ""
    return f"{len(clear)} of {len(changes)} changes are clear at 5 %{largest}."


def _how(result: SuiteResult) -> str:
    """Return the training, the machines and the number of seeds."""
    rows = (row for question in result.questions for case in question.cases for row in case.runs)
    machines = dict.fromkeys(row.machine.description for row in rows) or [result.machine.description]
    at_once = f", {result.num_jobs} runs at a time" * (result.num_jobs > 1)
    return (
        f"{result.budget} of training each, {result.num_seeds} seed{'s' * (result.num_seeds > 1)}, "
        f"{result.device}, {result.precision}; {'; '.join(machines)}{at_once}."
    )


def _text(question: QuestionResult) -> str:
    """Return the text of a question, and how many of its own words are real."""
    corpus, rate = question.corpus, question.held_out.get("real_word_rate")
    part = "test" if corpus.split.test.num_chars else "validation"
    text = (
        f"{corpus.name}: {corpus.num_chars:,} characters (cleaner {corpus.cleaner}, split "
        f"{corpus.split.method}, scored on {part})."
    )
    if question.lexicons:
        text += f" Real words are in the training text or the lexicon {' or '.join(question.lexicons)}."
    if rate is None:
        return text
    counted = counted_words(question.held_out.get(LETTERS))
    return f"{text} They are {counted}; {100 * rate:.1f} % of the author's words are real."


def _question(question: QuestionResult) -> Iterator[Block]:
    """Yield the changes and the scores of a question."""
    changes = [
        ChartValue(effect.case, change.value, change.interval, change.is_clear)
        for effect in question.effects
        if (change := effect.bits_per_char)
    ]
    against = f"against {question.reference}"
    title, unit = f"Changes {against}: {question.text}", f"bits/char, lower is better, {against}"
    yield Chart(IntervalChart(title, unit, changes, zero=True))
    header = ["case", "bits/char", f"change {against}", real_words(question), "change", "epochs"]
    rows: list[list[str | Cell]]
    rows = [[case.label, *case_cells(question, case), case.entry] for case in question.cases]
    yield text_table(question.text, [*header, "entry"], rows, lefts=(6,), keeps_columns=False)
    yield lines([UNPAIRED] if any(not effect.paired for effect in question.effects) else [])


def real_words(question: QuestionResult) -> str:
    """Return the header of the share of real words."""
    return f"real words {at(question.sampler)}"


def case_cells(question: QuestionResult, case: CaseResult) -> list[Cell]:
    """Return the score of a case, its change, its real words, and how they change."""
    effect = question.effect(case.label)
    score, real = case.bits_per_char, case.real_word_rate
    bits = _change(effect.bits_per_char if effect else None, 3)
    if effect and not effect.paired:
        bits = bits._replace(spread=f"{bits.spread} †")
    return [
        Cell(f"{score.value:.3f}" if score else DASH),
        bits,
        Cell(f"{100 * real.value:.1f} %" if real else DASH),
        _change(effect.real_word_rate if effect else None, 1, factor=100),
        Cell(f"{case.epochs:.2g}" if case.epochs else DASH),
    ]


def _change(contrast: Contrast | None, places: int, factor: int = 1) -> Cell:
    """Return a change with its interval, marked if it is clear, or nothing for none."""
    if contrast is None:
        return Cell("")
    ends = [f"{factor * end:+.{places}f}" for end in contrast.interval or ()]
    spread = f" ({' to '.join(ends)})" if ends else ""
    return Cell(f"{factor * contrast.value:+.{places}f}", spread, contrast.is_clear)
