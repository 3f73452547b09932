"""`textgen tour`: five commands on a small text, each with what to look at."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

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
        "A language model assigns a probability to each next character. Pure chance treats all of them as\n"
        "equally likely. The text is lee: 350,000 characters of news, part of it held out for scoring.",
        "bench random --corpus lee",
        "The score, bits/char, is about 6.3: guessing costs log2 of the alphabet size for each character.\n"
        "Lower is better: one bit less doubles the probability of the next character. The 95 % interval\n"
        "shows how far the score could have moved on another passage of this text. Rows in italics are\n"
        "references, which are not trained. PPMd and xz are file compressors: their score is the size, in\n"
        "bits per character, of the held-out text compressed after the training text. word-ngram and\n"
        "char-ngram count what followed the last few words or characters. `real words %` is the share of\n"
        "English words in an entry's samples; the last row is the author's own text.",
    ),
    Step(
        "characters",
        "A recurrent network reads the text character by character and learns to predict the next one.\n"
        "It is added to the comparison in the --out folder; finished runs there are not repeated.",
        "bench char-lstm --corpus lee",
        "The first sentence gives the network's lead over chance in bits, again with an interval: if that\n"
        "is far from 0, the verdict is clear. The network started without any knowledge of English: it\n"
        "learnt the words in its samples one character at a time. The report shows its samples after 1,\n"
        "2, 5 … 100 % of its training under `As they learnt`.",
    ),
    Step(
        "words",
        "The same network over words. Words that it has never seen are spelled out, and those bits count,\n"
        "so the scores are comparable. Models that make different mistakes can be averaged:\n"
        "word-lstm+ngram mixes the network with counts of word sequences.",
        "bench word-lstm word-lstm+ngram --corpus lee",
        "Is word-lstm ahead of char-lstm, and is the verdict clear? Nearly all its words are real, but\n"
        "its sentences wander. A small text has few examples of each word, so the reference word-ngram,\n"
        "which only counts, is hard to beat; the mixture combines the strengths of both.",
    ),
    Step(
        "advice",
        "Now your own text: at least 100,000 characters, such as a novel in plain text; up to a million\n"
        "are used. For a few seconds, textgen counts its n-grams and trains a network on it.",
        "ask {text} --max-chars 1000000",
        "The first line recommends an entry. The expected scores have 90 % intervals, estimated from 36\n"
        "other texts. `textgen train --corpus FILE` trains the recommended entry.",
    ),
    Step(
        "your text",
        "The recommended kind of entry, compared with chance and a character model.",
        "bench random char-lstm word-lstm+ngram --corpus {text} --max-chars 1000000",
        "Does the recommended entry win? The curves in the report show whether more training would help,\n"
        "and one passage is shown for every entry, coloured by the bits of each character.",
    ),
)
END = """That was the tour. The reports open in a browser: runs/tour/lee/report.html and
{folder}/report.html. To write with your models, side by side:

    textgen play {folder}

To see how far back they look, and which words they know:

    textgen look {folder}

More: other entries (`textgen plugins`), a larger --budget, or --seeds 3 for surer verdicts."""


def tour(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="Path of the text for the last step.", show_default="asked for")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", help="Training budget per entry, such as 300kchars or 60s.")
    ] = BUDGET,
) -> None:
    """Learn textgen in five steps and ten minutes; without a terminal, print them."""
    is_asking = sys.stdin.isatty()
    for number, step in enumerate(STEPS, 1):
        say(f"Step {number} of {len(STEPS)}: {step.title}\n\n{step.about}\n")
        if is_asking and "{text}" in step.command and text is None:
            text = ask(f"Path of the text (or Enter for {TEXT}, Python's own source code): ")
        line = step.line(text or TEXT, budget)
        say(f"    {line}\n")
        answer = ask("Enter to run it, s and Enter to skip it, q and Enter to quit: ") if is_asking else "s"
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
