"""Samples of entries by prompt, and the words that they made up."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.formats import plain
from textgen.comparison.report.rows import entry_rows


class SampleGroup(NamedTuple):
    """Texts that the entries wrote after one prompt: pairs of an entry's name and its text."""

    prompt: str
    sampler: str
    texts: list[tuple[str, str]]


def known_words(result: Comparison) -> str:
    """Return where real words are and made-up words are not, in words."""
    if result.lexicons is None:
        return "the training text or the lexicon"
    if not result.lexicons:
        return f"the training text (no lexicon for {result.corpus.language} is installed)"
    return f"the training text or the lexicon {' or '.join(result.lexicons)}"


def sample_groups(result: Comparison) -> list[SampleGroup]:
    """Return the samples by prompt and sampler, each of the first seed; entries are best first."""
    groups: dict[tuple[str, str, int], SampleGroup] = {}
    for row in entry_rows(result):
        seen: Counter[tuple[str, str]] = Counter()
        for sample in row.runs[0].samples if row.runs else ():
            prompt, sampler = sample.prompt, sample.sampler
            text = plain(sample.text.removeprefix(prompt)).strip() or "(nothing)"
            key = (prompt, sampler, seen[prompt, sampler])
            groups.setdefault(key, SampleGroup(plain(prompt) or "(no prompt)", sampler, [])).texts.append(
                (row.name, text)
            )
            seen[prompt, sampler] += 1
    return list(groups.values())


def made_up_words(result: Comparison) -> dict[str, list[str]]:
    """Return the words that each entry's samples made up, if any, by the entry's name."""
    by_name = {row.name: row.runs[0].made_up_words for row in entry_rows(result) if row.runs}
    return {name: list(map(plain, words)) for name, words in by_name.items() if words}
