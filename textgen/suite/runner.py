"""Running a suite: what is measured already is kept, what is missing is measured, effects are computed."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textgen.api import TextgenError
from textgen.bench import machine, versions
from textgen.budget import parse_budget
from textgen.corpus import Corpus, load_corpus
from textgen.device import Compute
from textgen.entry import parse_entry
from textgen.failure import explain
from textgen.files import make_folder, to_json, write_file
from textgen.metrics import TextMeasures, load_lexicon
from textgen.suite.measure import Unit, measure
from textgen.suite.plan import Case, Suite
from textgen.suite.results import describe_factors
from textgen.train import Progress

USUAL_OVERHEAD = 15.0
"""Seconds beside the training of a run, until some have been measured."""

Report = Callable[[str, Progress | None], None]


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """What a suite needs to be run, and what replaces its own choice."""

    sources: Sequence[str]
    compute: Compute
    split: str = "90/5/5"
    encoding: str = "utf-8"
    budget: str | None = None
    seeds: int | None = None
    max_chars: int | None = None


@dataclass
class _Runner:
    suite: Suite
    options: SuiteOptions
    folder: Path
    _corpora: dict[tuple[str, int | None, float], Corpus] = field(default_factory=dict)
    _measures: dict[tuple[str, int | None], TextMeasures] = field(default_factory=dict)

    @property
    def num_seeds(self) -> int:
        return self.options.seeds or self.suite.seeds

    def units(self) -> Iterator[Unit]:
        """Yield everything to be measured: all cases with the first seed, then all with the second …"""
        for seed in range(self.num_seeds):
            for case in self.suite.cases():
                yield self.unit(case, seed)

    def unit(self, case: Case, seed: int) -> Unit:
        budget = case.budget or self.options.budget or self.suite.budget
        corpus = self._corpus(case.clean, self._max_chars(case), case.train_share)
        return Unit(case, parse_entry(case.entry), corpus, budget, self.options.compute, seed)

    def measures(self, case: Case) -> TextMeasures:
        """Return the analyser of what a case writes: it knows the words of all of the training text."""
        key = case.clean, self._max_chars(case)
        if key not in self._measures:
            self._measures[key] = TextMeasures(self._corpus(*key, 100.0).split.train, load_lexicon())
        return self._measures[key]

    def path(self, unit: Unit) -> Path:
        return self.folder / "measurements" / f"{unit.key()}.json"

    def _max_chars(self, case: Case) -> int | None:
        sizes = [size for size in (case.max_chars, self.options.max_chars) if size is not None]
        return min(sizes, default=None)

    def _corpus(self, clean: str, max_chars: int | None, train_share: float) -> Corpus:
        key = clean, max_chars, train_share
        if key not in self._corpora:
            options = self.options
            if train_share == 100:
                whole = load_corpus(options.sources, clean, options.split, max_chars, options.encoding)
            else:
                whole = self._corpus(clean, max_chars, 100.0).with_training(train_share)
            self._corpora[key] = whole
        return self._corpora[key]


def run_suite(
    suite: Suite,
    options: SuiteOptions,
    folder: Path,
    report: Report = lambda doing, progress: None,
    say: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Measure what `folder` does not hold yet; return the effects as JSON values, also saved there.

    A measurement is kept under the hash of all that decides it, so that a suite goes on where it stopped,
    and what two factors or suites share is measured once. A case that fails is named with its reason, and
    tried again the next time.
    """
    runner = _Runner(suite, options, folder)
    report("reading the texts", None)
    units = {runner.path(unit): unit for unit in runner.units()}
    make_folder(folder / "measurements")
    missing = [path for path in units if not path.exists()]
    say(forecast(suite, len(units), [units[path] for path in missing], list(units)))
    failures: dict[str, str] = {}
    for number, path in enumerate(missing, start=1):
        unit = units[path]
        doing = f"{number}/{len(missing)} {unit.case.label}, seed {unit.seed}"
        try:
            found = measure(unit, runner.measures(unit.case), lambda at, doing=doing: report(doing, at))  # type: ignore[misc]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # one case must not take the others down
            failures.setdefault(f"{unit.case.label} (seed {unit.seed})", explain(error))
        else:
            write_file(path, to_json(found))
    result = {
        "suite": suite.title,
        "corpus": runner.unit(suite.cases()[0], 0).corpus.describe(),
        "budget": options.budget or suite.budget,
        "num_seeds": runner.num_seeds,
        "device": options.compute.device.type,
        "precision": options.compute.precision,
        "versions": versions(),
        "machine": machine(),
        "factors": describe_factors(suite, lambda case: _found(runner, case)),
        "failures": failures,
    }
    write_file(folder / "suite.json", to_json(result))
    if failures and len(failures) == len(units):
        raise TextgenError(f"every case failed; the first one: {next(iter(failures.values()))}")
    return result


def forecast(suite: Suite, num_units: int, missing: Sequence[Unit], paths: Sequence[Path]) -> str:
    """Return how much there is to do, and about how long it will take."""
    done = [json.loads(path.read_text("utf-8")) for path in paths if path.exists()]
    extra = [found["seconds"] - found["result"]["train"]["seconds"] for found in done]
    overhead = statistics.mean(extra) if extra else USUAL_OVERHEAD
    usual = statistics.mean(found["result"]["train"]["seconds"] for found in done) if done else 60.0
    budgets = [parse_budget(unit.budget) for unit in missing]
    seconds = sum(overhead + (budget.amount if budget.measure == "seconds" else usual) for budget in budgets)
    rest = f"; about {seconds / 60:.0f} min to go" if missing else ""
    return f"{suite.title}: {num_units} runs, of which {num_units - len(missing)} are done{rest}"


def _found(runner: _Runner, case: Case) -> list[dict[str, Any]]:
    """Return the measurements of a case, one for each seed that there is."""
    paths = [runner.path(replace(runner.unit(case, 0), seed=seed)) for seed in range(runner.num_seeds)]
    return [json.loads(path.read_text("utf-8")) for path in paths if path.exists()]
