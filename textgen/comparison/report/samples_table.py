"""What entries wrote: metrics of generated text, samples, and made-up words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from textgen.comparison.comparison_result import Comparison
from textgen.comparison.report.columns import Column, EntryRow, entry_rows, metric_column, of_metrics
from textgen.comparison.report.formats import count, percent, plain
from textgen.comparison.report.table import Table, make_table


class SampleGroup(NamedTuple):
    """Texts that the entries wrote after one prompt: pairs of an entry's name and its text."""

    prompt: str
    sampler: str
    texts: list[tuple[str, str]]


def metrics_table(result: Comparison, rows: Sequence[EntryRow]) -> Table:
    """Return the metrics of what each entry wrote, next to those of the held-out text."""
    spans = of_metrics(lambda text: text.longest_verbatim_span)
    columns = [
        metric_column("real\nwords %", "real_word_rate", percent),
        metric_column("distinct-2\n%", "distinct_2", percent),
        metric_column("repeti-\ntion %", "repetition_4", percent),
        metric_column("self\nBLEU %", "self_bleu", percent),
        metric_column("novel\n4-grams %", "novel_4gram_rate", percent),
        Column("verbatim\nspan", spans, count),
        metric_column("distinct-1\n%", "distinct_1", percent, extra=True),
    ]
    caption = (
        f"Of what {plain(result.measured_sampler)} writes. Best is closest to the held-out text; bold: "
        "clearly closest; ±: half of the 95 % interval, where there is room. Novel 4-grams are not in the "
        "training text; verbatim span: the most characters in a row that are. Real words are in "
        f"{plain(known_words(result))}."
    )
    held_out = EntryRow("held-out text", reference_metrics=result.held_out.sample_metrics)
    return make_table("Generated text", caption, columns, [*rows, held_out])


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
    found = {row.name: row.runs[0].made_up_words for row in entry_rows(result) if row.runs}
    return {name: list(map(plain, words)) for name, words in found.items() if words}
