"""Runs that `textgen ask` learns from: `python -m textgen_benchmarks.advice TEXT…`.

Each text is tried as by `textgen ask`, then entries are trained on it. What is recorded is kept; without
texts, only the table is fitted again. There is a file for each machine, advice*.json; the table is fitted to
all. To check advice, each text is left out of the fit that advises on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import product
from statistics import fmean
from tempfile import TemporaryDirectory

import textgen
from textgen.cli.console import print_rows
from textgen.data.corpus import Corpus, load_corpus
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.runtime.device import choose_device
from textgen.runtime.environment import Machine
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import SCHEMA_VERSION, read_record, to_json
from textgen.training.budget import Budget
from textgen.training.progress import ignore_report
from textgen_ask.answer import answer
from textgen_ask.facts import ENGLISH, ENTRIES, Facts, entry_of, measure
from textgen_ask.predict import TABLE, Known, Table, features, fit
from textgen_benchmarks.saving import RESULTS, json_option, save

RESULT = RESULTS / "advice.json"
UNFITTED = ("cmudict.txt",)
"""A list of words and their sounds: so unlike the others (leverage 6) that it would decide the fit alone."""
SCORED_CHARS = 60_000
"""Characters of the validation and the test part that runs are scored on."""
PLAN = (("15s", 0), ("60s", 0), ("60s", 1), ("60s", 2), ("4m", 0))
"""The budgets and seeds of the runs of each level."""
COMPARED = "60s"
"""The budget at which the advised entry is compared with the others."""


@dataclass(frozen=True, kw_only=True)
class AdviceRun:
    """A run on a text; scores are bits per character."""

    text: str
    level: str
    budget: Budget
    seed: int
    validation: float
    test: float
    real_words: float | None
    """The share of real words in 2,000 characters; None if the text is not English."""
    num_epochs: float


@dataclass(frozen=True, kw_only=True)
class AdviceCheck:
    """How far advice on a text holds that is fitted to all others."""

    text: str
    advised: str
    """The level."""
    behind: float | None
    """Bits per character after `COMPARED` by which it is behind the better one; None without runs of both."""
    held: dict[str, float]
    """By budget: the share of the scores that are within their intervals of 90 %."""


@dataclass(frozen=True, kw_only=True)
class AdviceResults:
    """All texts and runs of a machine."""

    schema_version: int = SCHEMA_VERSION
    texts: tuple[Facts, ...]
    runs: tuple[AdviceRun, ...]
    checks: tuple[AdviceCheck, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    machine: Machine | None = None

    @property
    def facts_of(self) -> dict[str, Facts]:
        """The facts by the name of the text."""
        return {each.text.name: each for each in self.texts}


def run(corpus: Corpus, facts: Facts, level: str, budget: str, seed: int) -> AdviceRun:
    """Train the entry of a level on a text."""
    split = corpus.split
    parts = {name: getattr(split, name).first(SCORED_CHARS) for name in ("validation", "test")}
    corpus = replace(corpus, split=replace(split, **parts))
    with TemporaryDirectory() as folder:
        entry = entry_of(level, facts.english)
        trained = textgen.train(entry, corpus, budget=budget, seed=seed, out=f"{folder}/run", report=False)
        written = trained.samples(2, length=1000)
    measured = TextAnalyzer(split.train.text, load_lexicon()).measure(written).metrics
    result = trained.result
    assert result.validation
    assert result.test
    return AdviceRun(
        text=corpus.name,
        level=level,
        budget=Budget(budget),
        seed=seed,
        validation=result.validation.bits_per_char,
        test=result.test.bits_per_char,
        real_words=measured["real_word_rate"] if facts.english >= ENGLISH else None,
        num_epochs=result.train.num_epochs,
    )


def table_of(machines: Iterable[AdviceResults], without: str = "") -> Table:
    """Return the table that follows from the runs on all texts but one, averaged over seeds."""
    runs_of = dict[str, list[Known]]()
    for found in machines:
        seeds = dict[tuple[str, str, Budget], list[AdviceRun]]()
        for each in found.runs:
            if each.text not in (without, *UNFITTED):
                seeds.setdefault((each.text, each.level, each.budget), []).append(each)
        for (text, level, budget), same in seeds.items():
            row = features(found.facts_of[text], level, budget.amount)
            score = fmean(each.validation for each in same)
            runs_of.setdefault(level, []).append((text, row, score, same[0].real_words))
    return Table(fits={level: fit(those) for level, those in runs_of.items()})


def check(machines: Iterable[AdviceResults], found: AdviceResults, facts: Facts) -> AdviceCheck:
    """Return whether advice from the other texts holds for a text on one of the machines."""
    table = table_of(machines, facts.text.name)
    own = [each for each in found.runs if each.text == facts.text.name]
    after = {each.level: list[float]() for each in own}
    held = {each.budget: list[bool]() for each in own}
    for each in own:
        if each.budget == COMPARED:
            after[each.level].append(each.test)
        _, low, high = table.expect(each.level, facts, each.budget.amount)
        held[each.budget].append(low <= each.test <= high)
    scores = {level: fmean(tests) for level, tests in after.items() if tests}
    advised = answer(facts, table, ()).outlooks[0].level
    return AdviceCheck(
        text=facts.text.name,
        advised=advised,
        behind=scores[advised] - min(scores.values()) if len(scores) == len(ENTRIES) else None,
        held={budget: fmean(each) for budget, each in held.items()},
    )


def main() -> None:
    """Record what is missing, fit the table, and print the checks."""
    parser = json_option(__doc__, RESULT.stem)
    parser.add_argument("texts", nargs="*")
    options = parser.parse_args()
    found = AdviceResults(texts=(), runs=())
    if options.json.exists():
        found = read_record(AdviceResults, options.json)
    texts = found.facts_of
    runs = {(each.text, each.level, str(each.budget), each.seed): each for each in found.runs}
    for source in options.texts:
        corpus = load_corpus([source])
        name = corpus.name
        if name not in texts:
            texts[name] = measure(corpus, choose_device("auto", "auto"), ignore_report)
        for level, (budget, seed) in product(ENTRIES, PLAN):
            if (name, level, budget, seed) not in runs:
                runs[name, level, budget, seed] = run(corpus, texts[name], level, budget, seed)
                save(options.json, texts=[*texts.values()], runs=[*runs.values()])
                print(runs[name, level, budget, seed], flush=True)
    found = replace(found, texts=tuple(texts.values()), runs=tuple(runs.values()))
    others = sorted({*RESULTS.glob("advice*.json")} - {options.json.resolve()})
    machines = [found, *(read_record(AdviceResults, each) for each in others)]
    checks = [check(machines, found, facts) for facts in found.texts]
    save(options.json, texts=found.texts, runs=found.runs, checks=checks)
    write_file(TABLE, to_json(table_of(machines)))
    print_rows([vars(each) for each in checks])


if __name__ == "__main__":
    main()
