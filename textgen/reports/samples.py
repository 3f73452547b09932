"""Samples of entries by prompt and during training, the words that they made up, and how diverse they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, pstdev

from textgen.defaults import SAMPLER
from textgen.evaluation.metrics import TextMetrics
from textgen.experiment.entry_result import EntryResult
from textgen.generation.bound_sampler import ENTROPY
from textgen.page.charts import ChartLine, LineChart
from textgen.reports.document import Block, SampleGroup, Samples, Template, lines
from textgen.reports.formats import plain, short
from textgen.reports.rows import entry_rows
from textgen.results.comparison import Comparison
from textgen.training.moments import SHARES
from textgen.training.progress import Moment

MAX_GROUPS = 2
"""Prompts or samplers whose samples are shown."""
MAX_CHANCE_SPREAD = 0.02
"""Standard deviation of the score between passages, as a share of the score, of what is pure chance."""


def known_words(result: Comparison) -> str:
    """Return where real words are and made-up words are not, in words."""
    if not result.lexicons:
        return f"the training text (no lexicon for {result.corpus.language} is installed)"
    return f"the training text or the lexicon {' or '.join(result.lexicons)}"


def counted_words(letters: float | None) -> str:
    """Return, as a phrase, the words that count towards the share of real words."""
    if letters is None:
        return "counted among all words, though short strings are often words by chance"
    if letters == 1:
        return "counted among all words"
    return f"counted among words of {letters:g} letters or more: shorter strings are often words by chance"


def sample_groups(result: Comparison) -> list[SampleGroup]:
    """Return the samples by prompt and sampler, each of the first seed; entries are best first."""
    groups: dict[tuple[str, str, int], SampleGroup] = {}
    for row in entry_rows(result):
        seen: Counter[tuple[str, str]] = Counter()
        for sample in row.runs[0].samples if row.runs else ():
            prompt, sampler = sample.prompt, sample.sampler
            text = plain(sample.text.removeprefix(prompt)).strip() or "(nothing)"
            key = (prompt, sampler, seen[prompt, sampler])
            named = SampleGroup(plain(prompt) or "(no prompt)", _described(sampler), [])
            groups.setdefault(key, named).texts.append((row.name, text))
            seen[prompt, sampler] += 1
    return list(groups.values())


def _described(sampler: str) -> str:
    """Return a sampler with what is special about it."""
    if f"{ENTROPY}=" in sampler:
        return f"{sampler}: equal entropy for all entries, as in the metrics"
    return f"{sampler}: the default of textgen sample" if sampler == SAMPLER else sampler


def made_up_words(result: Comparison) -> dict[str, list[str]]:
    """Return the words that each entry's samples made up, if any, by the entry's name."""
    by_name = {row.name: row.runs[0].made_up_words for row in entry_rows(result) if row.runs}
    return {name: list(map(plain, words)) for name, words in by_name.items() if words}


def brief_samples(result: Comparison) -> tuple[list[SampleGroup], int]:
    """Return samples without those of pure chance, and the number of those that are left out.

    Of several samplers, they continue the first prompt.
    """
    chance = chance_entries(result)
    groups = [
        group._replace(texts=texts)
        for group in sample_groups(result)
        if (texts := [(name, text) for name, text in group.texts if name not in chance])
    ]
    several = len({group.sampler for group in groups}) > 1
    shown = [group for group in groups if group.prompt == groups[0].prompt or not several][:MAX_GROUPS]
    return shown, len(groups) - len(shown)


def chance_entries(result: Comparison) -> set[str]:
    """Return the entries that have learnt nothing, if there are others.

    They are not trained by gradient, and score the same on every passage.
    """
    rows = [row for row in entry_rows(result) if row.runs]
    chance = {row.name for row in rows if _is_chance(row.runs[0])}
    return chance if len(chance) < len(rows) else set()


def _is_chance(run: EntryResult) -> bool:
    score = run.test or run.validation
    if run.train.num_updates or score is None or score.units is None:
        return False
    pieces = zip(score.units.bits, score.units.num_chars, strict=True)
    values = [bits / num_chars for bits, num_chars in pieces]
    return pstdev(values) < MAX_CHANCE_SPREAD * (fmean(values) or 1.0)


def sampler_line(name: str, texts: Iterable[tuple[str, TextMetrics]], style: str = "") -> ChartLine | None:
    """Return real words against different bigrams, in percent, of labelled texts that one entry wrote."""
    points = [
        (100 * different, 100 * real, label)
        for label, text in texts
        if (different := text.get("distinct_2")) is not None
        and (real := text.get("real_word_rate")) is not None
    ]
    if not points:
        return None
    return ChartLine(name, [(x, y) for x, y, _ in points], [label for *_, label in points], style=style)


def diversity_chart(title: str, drawn: Iterable[ChartLine | None], author: TextMetrics) -> LineChart:
    """Return lines of real words against different bigrams, with the point of the held-out text."""
    known = [
        line for line in (*drawn, sampler_line("held-out text", [("the author", author)], "author")) if line
    ]
    return LineChart(title, "distinct bigrams, %", "real words, %", known if len(known) > 1 else [])


# --- what entries wrote while they were trained


def moment_blocks(entries: Mapping[str, Sequence[tuple[Moment, float | None]]]) -> list[Block]:
    """Return what entries wrote, by their names: on a page one moment at a time, in text all of them.

    Each moment comes with the share of made-up words in its text, if that is known.
    """
    by_share = {
        f"{100 * share:g} %": [
            {"name": name, "said": _said(moment, made_up), "text": plain(moment.text).strip()}
            for name, written in entries.items()
            for moment, made_up in written
            if _share(moment) == share
        ]
        for share in SHARES
    }
    panels = {share: texts for share, texts in by_share.items() if texts}
    if not panels:
        return []
    groups = [
        SampleGroup(
            f"after {share}", "", [(f"{each['name']} ({each['said']})", each["text"]) for each in texts]
        )
        for share, texts in panels.items()
    ]
    return [
        lines(["Text by each entry after a share of its budget, without a prompt, at temperature 0.6."]),
        Template("moments.html", {"panels": panels}, text=Samples(groups)),
    ]


def _share(moment: Moment) -> float:
    """Return which of the moments it is: the last one that it has reached."""
    return max((share for share in SHARES if share <= moment.progress.fraction + 1e-9), default=SHARES[0])


def _said(moment: Moment, made_up: float | None) -> str:
    """Return how much was read, the score of validation or training, and how many words it made up."""
    progress, of = moment.progress, "validation"
    if (bits := progress.validation_bits_per_char) is None:
        bits, of = progress.train_bits_per_char, "training"
    words = [f"{short(progress.num_chars)} characters", f"{bits:.3f} bits/char {of}"]
    if made_up is not None:
        words.append(f"{100 * made_up:.0f} % made-up words")
    return ", ".join(words)
