"""`textgen tour`: five commands on a small text, each with what to look at."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from textgen.cli.options import NO_METAVAR
from textgen.runtime.output import say
from textgen.runtime.storage.result_folders import RUNS

FOLDER = Path(RUNS) / "tour"
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
        line = f"textgen {self.command.format(text=shlex.quote(text))}"
        is_bench = self.command.startswith("bench")
        return f"{line} --budget {budget} --out {shlex.quote(folder.as_posix())}" if is_bench else line


def folder_of(text: str) -> Path:
    """Return the folder of the last step, whose text may change."""
    return FOLDER / f"your-{Path(text).stem}"


STEPS = (
    Step(
        "chance",
        "A language model says how likely each next character is. Pure chance says that all are equally\n"
        "likely. The text is lee, 350,000 characters of news, part of which is held out to score on.",
        "bench random --corpus lee",
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
        "bench char-lstm --corpus lee",
        "The first sentence says how many bits better than chance the network is, again with an interval:\n"
        "where that is far from 0, the verdict is clear. It was told nothing about English:\n"
        "the words in its samples were learned one character at a time. What it wrote after 1, 2, 5 …\n"
        "100 % of its training is in the report, under `As they learnt`.",
    ),
    Step(
        "words",
        "The same network over words. Words that it never saw are spelled out, and those bits count, so\n"
        "the scores are comparable. Two models that err in different places can be averaged:\n"
        "word-lstm+ngram mixes the network with counts of word sequences.",
        "bench word-lstm word-lstm+ngram --corpus lee",
        "Is word-lstm ahead of char-lstm, and is the verdict clear? Nearly all its words are real, whereas\n"
        "the sentences wander. A small text has few examples of each word, so the reference word-ngram,\n"
        "which only counts, is hard to beat; the mixture has the best of both.",
    ),
    Step(
        "advice",
        "Now a text of yours: at least 100,000 characters, such as a novel as plain text. At most a million\n"
        "are used. For a few seconds, it is counted, and a network begins to learn it.",
        "ask {text} --max-chars 1000000",
        "The first line is the entry to take. The scores to expect have intervals of 90 %: they rest on\n"
        "36 other texts. `textgen train --corpus FILE` trains what is advised.",
    ),
    Step(
        "your text",
        "That kind of entry, beside chance and characters.",
        "bench random char-lstm word-lstm+ngram --corpus {text} --max-chars 1000000",
        "Does the advised entry win? In the report, the curves show whether more training would help, and\n"
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
    """Learn what textgen does in five steps and ten minutes."""
    is_asking = sys.stdin.isatty() and not only_list
    for number, step in enumerate(STEPS, 1):
        say(f"Step {number} of {len(STEPS)}: {step.title}\n\n{step.about}\n")
        if is_asking and "{text}" in step.command and text is None:
            text = ask(f"Path of the text (or Enter for {TEXT}, Python's own source code): ")
        line = step.line(text or TEXT, budget)
        say(f"    {line}\n")
        answer = ask("Enter runs it, s and Enter skips it, q and Enter ends the tour: ") if is_asking else "s"
        if answer in ("q", "quit"):
            return
        if answer != "s":
            run(line, context)
        say(f"{step.look}\n")
    say(END.format(folder=shlex.quote(folder_of(text or TEXT).as_posix())))


def ask(question: str) -> str:
    """Return the answer of the user; the end of the input ends the tour."""
    try:
        answer = input(question).strip()
    except EOFError:
        raise typer.Exit from None
    finally:
        say()
    return answer


def run(line: str, context: typer.Context) -> None:
    """Run a command line in this process; raises what it raises."""
    words = shlex.split(line)
    group: Any = context.find_root().command
    before, sys.argv = sys.argv, words  # what it names if it is interrupted
    try:
        if code := group.main(words[1:], prog_name="textgen", standalone_mode=False):
            raise typer.Exit(code)
    finally:
        sys.argv = before
