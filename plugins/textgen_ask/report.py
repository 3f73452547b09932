"""The answer of `textgen ask` on a screen."""

from __future__ import annotations

from collections.abc import Iterator

from textgen.reports.document import DASH, Code, Report, Section, lines, text_table
from textgen.reports.formats import count
from textgen_ask.answer import BUDGETS, Answer
from textgen_ask.facts import ENGLISH
from textgen_ask.predict import Expected

SHORT_TEST = 20_000
"""Characters of a test part below which it is said that its passages decide."""


def ask_report(result: Answer) -> Report:
    """Return the report of an answer; its intervals are of 90 %."""
    header = ["entry", "level", *(f"bits/char after {each} (90 %)" for each in BUDGETS), "real words"]
    rows = [
        [each.entry, each.level, *map(str, each.scores), _share(each.real_words)] for each in result.outlooks
    ]
    answer, *about = _lines(result)
    commands = [Code(each) for each in result.commands]
    return Report(
        kind="ask",
        result=result,
        title="",
        answer=answer,
        sections=[
            Section("text", "", [lines(about)]),
            Section("scores", "What to expect on this machine", [text_table("", header, rows, lefts=[1])]),
            Section("commands", "Commands", commands),
        ],
    )


def _lines(result: Answer) -> Iterator[str]:
    """Yield the advice, the text in one line, and what more time and more text are worth."""
    facts, text = result.facts, result.facts.text
    yield result.sentence
    yield (
        f"{text.name}: {count(text.num_chars)} characters, {count(text.num_words)} words, "
        f"{100 * facts.english:.0f} % of them English; in the validation part, "
        f"{100 * text.unseen_word_rate:.1f} % of the words are new and {100 * text.overlap.share:.1f} % "
        "of the text repeats the training text"
    )
    yield (
        f"Doubling the time would gain {result.twice_the_time:.3f} bits per character, doubling the text "
        f"{result.twice_the_text:.3f}."
    )
    if result.unlike:
        yield f"This text differs from those of the recorded runs in {result.unlike}: intervals are wide."
    if facts.num_test_chars < SHORT_TEST:
        yield (
            f"The test part has only {count(facts.num_test_chars)} characters, so the score depends on "
            "which passages it holds: intervals are wide."
        )
    if facts.english < ENGLISH:
        yield "GloVe and the dictionary of real words are English, so neither is used."


def _share(share: Expected | None) -> str:
    return "" if share is None else f"{100 * share.low:.0f}{DASH}{100 * share.high:.0f} %"
