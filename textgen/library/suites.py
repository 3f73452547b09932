"""Suites: comparisons that are declared as data."""

from __future__ import annotations

from pathlib import Path

from textgen import defaults
from textgen.data.corpus import Corpus
from textgen.jobs.backends import open_backend
from textgen.jobs.kept import made_with
from textgen.library.corpus import TextSource, check_text
from textgen.library.options import ClusterOptions, Refuse, changed, check_cluster, prepare, refusing
from textgen.library.progress import shown
from textgen.results.suite import SuiteResult
from textgen.runtime.device import choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import slug
from textgen.runtime.storage.result_folders import RUNS, result_folder
from textgen.suites.planner import SuiteOptions
from textgen.suites.run_suite import run_suite
from textgen.suites.schema import Suite, load_suite
from textgen.suites.suite_kind import JOBS
from textgen.training.budget import parse_duration
from textgen.training.progress import Report, Step


def suite(
    name: str,
    corpus: TextSource = defaults.CORPUS,
    *,
    budget: str | None = None,
    seeds: int | None = None,
    cluster: ClusterOptions = ClusterOptions(),
    out: str | Path | None = None,
    report: Report | bool | None = None,
) -> SuiteResult:
    """Train the cases of a suite with several seeds; return what each change is worth.

    `name` is an installed suite or a TOML file; it has the cleaners, and the budget and the number of seeds
    unless they are given. With several budgets, as in `15s,1m`, each question is asked under each. What `out`
    holds already is kept. Raises `TextgenError` if it cannot start or every case failed, and `NotSavedError`
    with the result if the disk is full.
    """
    prepare("suite")
    check_cluster(cluster, "a suite", ["processes"])
    if isinstance(corpus, Corpus):
        raise UsageError("a suite reads and cleans its text itself; give a name or a path")
    text = check_text(corpus)
    given = changed(text)
    refusing(given)(["clean"], f"on {name!r}, of which every case has a cleaner of its own")
    declared = check_suite(name, refusing({*given, *(["budget"] if budget is not None else [])}))
    if seeds is not None and seeds < 1:
        raise UsageError(f"seeds must be at least 1, not {seeds}")
    declared.under_each(budget)  # a mistake is reported before a text is read
    where = "" if _has_own_texts(declared) else f"-{slug('+'.join(text.sources))}"
    folder = Path(RUNS, f"suite-{slug(Path(name).stem)}{where}") if out is None else Path(out)
    kept = made_with(folder, f"{JOBS}/*.json")
    config = choose_device(cluster.device, cluster.precision, kept)
    silence = parse_duration(cluster.entry_timeout, "--entry-timeout")
    with (
        open_backend(cluster.on, cluster.jobs, cluster.cpus_per_run, cluster.gpus_per_run) as backend,
        result_folder(folder, lambda: folder.name),
        shown(report) as tell,
    ):
        options = SuiteOptions(
            sources=text.sources,
            device_config=config,
            split=text.split,
            encoding=text.encoding,
            keeps_repeats=text.keep_repeats,
            budget=budget,
            seeds=seeds,
            max_chars=text.max_chars,
            backend=backend,
            entry_timeout=silence,
        )
        tell(Step("reading the texts", folder=folder))
        return run_suite(declared, options, folder, tell, lambda remark: tell(Step("", remark=remark)))


def check_suite(name: str, refuse: Refuse) -> Suite:
    """Return a suite; refuse options for which each of its cases has a value of its own."""
    declared = load_suite(name)
    if all(case.budget for case in declared.cases()):
        refuse(["budget"], f"on {name!r}, of which every case has a budget of its own")
    if _has_own_texts(declared):
        refuse(["corpus", "encoding"], f"on {name!r}, of which every case has a text of its own")
    return declared


def _has_own_texts(declared: Suite) -> bool:
    return all(case.corpus for case in declared.cases())
