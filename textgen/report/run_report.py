"""The comparison of saved runs as Markdown, and its samples."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase

from textgen.page.markdown import code, escape, table_lines
from textgen.report.formats import in_brackets, plain
from textgen.report.markdown import sample_lines
from textgen.report.samples import SampleGroup
from textgen.results.comparison import Difference
from textgen.results.differences import RunComparison

ONLY_SPACE = "(only white space)"
MAX_RUNS = len(ascii_uppercase)
"""Maximum number of runs that are compared, each named by a letter."""


def to_markdown(result: RunComparison) -> str:
    """Return the answer, the scores, what differs in the settings, and the samples."""
    return "\n".join([*_lines(result), *sample_lines(texts_by_prompt(result))]) + "\n"


def without_samples(result: RunComparison) -> str:
    """Return the same without samples, which a terminal shows side by side."""
    return "\n".join(_lines(result)) + "\n"


def texts_by_prompt(result: RunComparison) -> list[SampleGroup]:
    """Return what the runs wrote by prompt."""
    letters = _letters(result)
    names = [f"{letters[run.name]}: {run.entry}" for run in result.runs]
    return [
        SampleGroup(
            prompt=plain(group.prompt) or "(no prompt)",
            sampler=group.sampler,
            texts=list(zip(names, (plain(text).strip() or ONLY_SPACE for text in group.texts), strict=True)),
        )
        for group in result.samples
    ]


def answer_of_runs(result: RunComparison) -> str:
    """Return which run is best, by how much, and how sure that is."""
    if result.problem:
        return f"The scores cannot be compared: {result.problem}."
    letters = _letters(result)
    said = "; ".join(_verdict(each, letters[each.b]) for each in result.differences)
    return f"{letters[result.differences[0].a]} is {said}."


def _lines(result: RunComparison) -> Iterator[str]:
    letters = _letters(result)
    yield f"**{escape(answer_of_runs(result))}**\n"
    yield from _scores(result, letters)
    if result.settings:
        yield "\n## What differs in the settings\n"
        rows = [[each.setting, *(value or "–" for value in each.values)] for each in result.settings]
        cells = [[escape(cell) for cell in row] for row in rows]
        yield from table_lines([["setting", *letters.values()], *cells], range(len(letters) + 1), padded=True)
    else:
        yield "\nThe settings are the same."
    if result.sample_problem:
        yield f"\nNo samples: {escape(result.sample_problem)}"


def _scores(result: RunComparison, letters: dict[str, str]) -> Iterator[str]:
    """Yield which run each letter is, and the scores; long names are in no table, which would cut them."""
    for run in result.runs:
        yield f"- **{letters[run.name]}**: {escape(run.entry)}, in {code(run.name)}"
    scores = {each.name: each for each in result.scores}
    rows = [["", "bits/char", "95 % interval", "seeds"]]
    for run in result.runs:
        score = scores.get(run.name)
        bits = "–" if score is None else f"{score.bits_per_char:.4f}"
        bits = f"**{bits}**" if score and score.is_best else bits
        ends = score.interval if score else None
        interval = "–" if ends is None else "–".join(f"{end:.4f}" for end in ends)
        rows.append([letters[run.name], bits, interval, str(len(run.seeds))])
    yield ""
    yield from table_lines(rows, padded=True)


def _verdict(difference: Difference, other: str) -> str:
    by = f"{other} by {difference.bits_per_char:.3f} bits per character{in_brackets(difference.interval)}"
    return f"better than {by}" if difference.is_clear else f"ahead of {by}, which may be chance"


def _letters(result: RunComparison) -> dict[str, str]:
    """Return a letter for each run, by its name."""
    return dict(zip((run.name for run in result.runs), ascii_uppercase, strict=False))
