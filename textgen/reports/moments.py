"""What entries wrote while they were trained, side by side at the same share of their budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from textgen.reports.document import FULL, Block, SampleGroup, Samples, Template, lines
from textgen.reports.formats import plain, short
from textgen.training.moments import SHARES
from textgen.training.progress import Moment

Written: TypeAlias = Sequence[tuple[Moment, float | None]]
"""Moments, each with the share of made-up words in its text, if that is known."""


def moment_blocks(entries: Mapping[str, Written]) -> list[Block]:
    """Return what entries wrote, by their names: on a page one moment at a time, in text all of them."""
    by_share = {
        f"{100 * share:g} %": [
            {"name": name, "said": said(moment, made_up), "text": plain(moment.text).strip()}
            for name, written in entries.items()
            for moment, made_up in written
            if _share(moment) == share
        ]
        for share in SHARES
    }
    panels = {share: texts for share, texts in by_share.items() if texts}
    if not panels:
        return []
    groups = []
    for share, texts in panels.items():
        written = [(f"{each['name']} ({each['said']})", each["text"]) for each in texts]
        groups.append(SampleGroup(f"after {share}", "", written))
    return [
        lines(["What each entry wrote without a prompt, at a share of its budget, at temperature 0.6."]),
        Template("moments.html", {"panels": panels}),
        Samples(groups, views=FULL),
    ]


def _share(moment: Moment) -> float:
    """Return which of the moments it is: the last one that it has reached."""
    return max((share for share in SHARES if share <= moment.progress.fraction + 1e-9), default=SHARES[0])


def said(moment: Moment, made_up: float | None) -> str:
    """Return how much was read, the score of validation or training, and how many words it made up."""
    progress, of = moment.progress, "validation"
    if (bits := progress.validation_bits_per_char) is None:
        bits, of = progress.train_bits_per_char, "training"
    words = [f"{short(progress.num_chars)} characters", f"{bits:.3f} bits/char {of}"]
    if made_up is not None:
        words.append(f"{100 * made_up:.0f} % made-up words")
    return ", ".join(words)
