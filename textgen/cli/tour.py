"""`textgen tour`: five commands on a small text, each with what to look at."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from textgen.cli.interrupts import StoppedError
from textgen.cli.options import NO_METAVAR
from textgen.runtime.output import say
from textgen.runtime.storage.result_folders import RUNS

FOLDER = Path(RUNS) / "tour"
DONE = FOLDER / "steps-done"
"""File with the number of steps that are complete."""
BUDGET = "1Mchars"
"""In characters, so that a busy machine shows the same; 25 seconds of char-lstm on two idle cores."""
TEXT = "stdlib"
"""The text of the last step if the user has none: the source code of Python's standard library."""


@dataclass(frozen=True)
class Step:
    """A command of the tour; `{text}` and `{budget}` in it are those of the user."""

    title: str
    about: str
    command: str
    look: str

    def line(self, text: str, budget: str) -> str:
        """Return the command as one types it."""
        folder = folder_of(text) if "{text}" in self.command else FOLDER / "lee"
        entries = self.command.format(text=shlex.quote(text))
        return f"textgen bench {entries} --budget {budget} --out {shlex.quote(folder.as_posix())}"


def folder_of(text: str) -> Path:
    """Return the folder of the last step, whose text may change."""
    return FOLDER / f"your-{Path(text).stem}"


STEPS = (
    Step(
        "chance",
        "A language model says how likely each next character is. Pure chance says that all are equally\n"
        "likely. The text is lee, 350,000 characters of news, part of which is held out to score on.",
        "random --corpus lee",
        "bits/char, the score, is about 6.3: guessing costs log2 of the size of the alphabet, for each\n"
        "character. Lower is better: with one bit less, the next character is twice as likely. Its 95 %\n"
        "interval says how far another passage of this text could have moved it. The rows in italics are\n"
        "references, which are not trained. PPMd and xz compress files: what they make of the held-out\n"
        "text after the training text, in bits per character, is a score, since to compress is to predict.\n"
        "word-ngram and char-ngram count what followed the last few words or characters. `real words %`\n"
        "says how much of what an entry writes is English; the last row is what people wrote.",
    ),
    Step(
        "characters",
        "A recurrent network reads the text character by character and learns which one comes next. It\n"
        "joins the comparison in the folder of --out, whose runs are not repeated.",
        "char-lstm --corpus lee",
        "The first sentence says how many bits better than chance the network is, again with an interval:\n"
        "where that is far from 0, the verdict is clear. It was told nothing about English:\n"
        "the words in its samples were learned one character at a time. What it wrote after 1, 2, 5 …\n"
        "100 % of its training is in the report, under `As they learnt`.",
    ),
    Step(
        "words",
        "The same network over words. Words that it never saw are spelled out, and those bits count, so\n"
        "the scores are comparable.",
        "word-lstm --corpus lee",
        "Is it ahead of char-lstm, and is the verdict clear? Nearly all its words are real, whereas the\n"
        "sentences wander. A small text has few examples of each word, so the reference word-ngram,\n"
        "which only counts, is hard to beat.",
    ),
    Step(
        "mixture",
        "Two models that err in different places can be averaged: word-lstm+ngram mixes the network\n"
        "with counts of word sequences.",
        "word-lstm+ngram --corpus lee",
        "Compare the mixture with word-lstm, which is the same without the counts, and with the reference\n"
        "word-ngram, which is the counts alone.",
    ),
    Step(
        "your text",
        "Now a text of yours: at least 100,000 characters, such as a novel as plain text. At most a million\n"
        "are used.",
        "random char-lstm word-lstm+ngram --corpus {text} --max-chars 1000000",
        "Does the same entry win? In the report, the curves show whether more training would help, and\n"
        "every entry is shown on the same passage, coloured by the bits of each character.",
    ),
)
END = """That was the tour. The reports open in a browser: runs/tour/lee/report.html and
{folder}/report.html. To write with your models, side by side:

    textgen play {folder}

To see what they remember, and which of their units follow quotes, lines or words:

    textgen look {folder}

More: other entries (`textgen plugins`), a larger --budget, or --seeds 3 for surer verdicts."""


def tour(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="Text of the last step: a path.", show_default="asked for")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", help="Training per entry, such as 300kchars or 60s.")
    ] = BUDGET,
    only_list: Annotated[
        bool, typer.Option("--list", metavar=NO_METAVAR, help="Only print the steps.")
    ] = False,
) -> None:
    """Learn what textgen does in five steps and ten minutes; a stopped tour continues where it was left."""
    if only_list or not sys.stdin.isatty():
        for number, step in enumerate(STEPS, 1):
            say(f"{introduction(number, step)}\n\n    {step.line(text or TEXT, budget)}\n\n{step.look}\n")
        say(ending(text or TEXT))
        return
    say(f"Five commands in about ten minutes. After Ctrl-C, continue with: {again(text, budget)}")
    for number, step in enumerate(STEPS[done_steps() :], done_steps() + 1):
        say(f"\n{introduction(number, step)}\n")
        if "{text}" in step.command and text is None:
            text = ask(f"Path of the text (or Enter for {TEXT}, Python's own source code): ") or TEXT
            say()
        line = step.line(text or TEXT, budget)
        say(f"    {line}")
        if ask("\nEnter runs it, q and Enter ends the tour: ") in ("q", "quit"):
            say(f"To continue here: {again(text, budget)}")
            return
        run(line, context, again(text, budget))
        DONE.write_text(f"{number}\n", "utf-8")
        say(f"\nWhat to look at\n\n{step.look}")
    say(f"\n{ending(text)}\nTo take the tour again, remove {FOLDER.as_posix()}.")


def introduction(number: int, step: Step) -> str:
    """Return the heading of a step and what it is about."""
    return f"Step {number} of {len(STEPS)}: {step.title}\n\n{step.about}"


def ending(text: str | None) -> str:
    """Return what follows the last step, whose text may have been named in an earlier part of the tour."""
    folder = folder_of(text) if text else max(FOLDER.glob("your-*"), default=folder_of(TEXT))
    return END.format(folder=shlex.quote(folder.as_posix()))


def done_steps() -> int:
    """Return how many steps are complete, 0 if that cannot be read."""
    try:
        return max(0, int(DONE.read_text("utf-8")))
    except (OSError, ValueError):
        return 0


def ask(question: str) -> str:
    """Return the answer of the user; the end of the input ends the tour."""
    try:
        return input(question).strip()
    except EOFError:
        say()
        raise typer.Exit from None


def again(text: str | None, budget: str) -> str:
    """Return the command that continues the tour, under the same budget."""
    options = ["--budget", budget] if budget != BUDGET else []
    return shlex.join(["textgen", "tour", *([text] if text else []), *options])


def run(line: str, context: typer.Context, following: str) -> None:
    """Run a command line in this process; raises what it raises. `following` continues the tour."""
    words = shlex.split(line)
    group: Any = context.find_root().command
    before, sys.argv = sys.argv, words  # what it names if it is interrupted
    try:
        if code := group.main(words[1:], prog_name="textgen", standalone_mode=False):
            raise typer.Exit(code)
    except StoppedError as error:
        raise StoppedError(f"{error}; the tour continues with: {following}") from None
    finally:
        sys.argv = before
