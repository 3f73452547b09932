"""The report of saved runs against each other."""

from __future__ import annotations

from string import ascii_uppercase

from textgen.reports.document import (
    DASH,
    Block,
    Cell,
    Lines,
    Note,
    Report,
    SampleGroup,
    Samples,
    Section,
    Table,
    lines,
    text_table,
)
from textgen.reports.formats import in_brackets, plain
from textgen.results.comparison import Difference
from textgen_tools.compared_runs import RunComparison

ONLY_SPACE = "(only white space)"
MAX_RUNS = len(ascii_uppercase)
"""Maximum number of runs that are compared, each named by a letter."""


def run_report(result: RunComparison) -> Report:
    """Return the answer, the scores, what differs in the settings, and the samples."""
    letters = _letters(result)
    runs = [Note(f"{letters[run.name]} ({run.entry})", [run.name]) for run in result.runs]
    problem = f"No samples: {result.sample_problem}" if result.sample_problem else ""
    return Report(
        kind="runs",
        result=result,
        title="",
        answer=answer_of_runs(result),
        sections=[
            Section("runs", "", [Lines(runs, is_list=True)]),
            Section("scores", "Scores", [_scores(result, letters)]),
            Section("settings", "What differs in the settings", _settings(result, letters)),
            Section("samples", "Samples", [lines([problem]), Samples(_samples(result, letters))]),
        ],
    )


def answer_of_runs(result: RunComparison) -> str:
    """Return which run is best, by how much, and how sure that is."""
    if result.problem:
        return f"The scores cannot be compared: {result.problem}."
    letters = _letters(result)
    said = "; ".join(_verdict(each, letters[each.b]) for each in result.differences)
    return f"{letters[result.differences[0].a]} is {said}."


def _letters(result: RunComparison) -> dict[str, str]:
    return dict(zip((run.name for run in result.runs), ascii_uppercase, strict=False))


def _verdict(difference: Difference, other: str) -> str:
    by = f"{other} by {difference.bits_per_char:.3f} bits per character{in_brackets(difference.interval)}"
    return f"better than {by}" if difference.is_clear else f"ahead of {by}, which may be chance"


def _scores(result: RunComparison, letters: dict[str, str]) -> Table:
    """Return the scores by letter; long names are in no table, which would cut them."""
    scores = {each.name: each for each in result.scores}
    rows: list[list[str | Cell]] = []
    for run in result.runs:
        score = scores.get(run.name)
        bits = Cell(DASH) if score is None else Cell(f"{score.bits_per_char:.4f}", best=score.is_best)
        ends = score.interval if score else None
        interval = DASH if ends is None else DASH.join(f"{end:.4f}" for end in ends)
        rows.append([letters[run.name], bits, interval, str(len(run.seeds))])
    return text_table("Scores", ["run", "bits/char", "95 % interval", "seeds"], rows)


def _settings(result: RunComparison, letters: dict[str, str]) -> list[Block]:
    if not result.settings:
        return [lines(["The settings are the same."])]
    rows = [[each.setting, *(value or DASH for value in each.values)] for each in result.settings]
    header = ["setting", *letters.values()]
    return [text_table("What differs in the settings", header, rows, lefts=range(len(header)))]


def _samples(result: RunComparison, letters: dict[str, str]) -> list[SampleGroup]:
    """Return what the runs wrote by prompt."""
    names = [f"{letters[run.name]}: {run.entry}" for run in result.runs]
    return [
        SampleGroup(
            prompt=plain(group.prompt) or "(no prompt)",
            sampler=group.sampler,
            texts=list(zip(names, (plain(text).strip() or ONLY_SPACE for text in group.texts), strict=True)),
        )
        for group in result.samples
    ]
