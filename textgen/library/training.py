"""Training of one entry: `train`, and checks of its options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textgen import defaults
from textgen.comparison.entry_job import make_origins
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.forecast import stages_of
from textgen.experiment.origin import started_from
from textgen.experiment.saved_run import names_run, read_manifest
from textgen.jobs.kept import check_new
from textgen.library.components import NewPlugins, add_plugins
from textgen.library.corpus import TextSource, as_text, check_text, loaded
from textgen.library.options import Given, changed, check_cluster, check_numbers, refuse
from textgen.library.progress import shown
from textgen.library.runs import Run, finished, load
from textgen.registry.registry import load as load_component
from textgen.requests import ClusterOptions, TrainRequest
from textgen.results.names import find_run
from textgen.runtime.device import choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.result_folders import result_folder, result_name
from textgen.training.budget import check_is_text, parse_budget
from textgen.training.progress import Report, Step


def train(
    entry: str,
    corpus: TextSource = defaults.CORPUS,
    *,
    budget: str = defaults.BUDGET,
    seed: int = 0,
    cluster: ClusterOptions = ClusterOptions(),
    plugins: NewPlugins = (),
    out: str | Path | None = None,
    report: Report | bool | None = None,
) -> Run:
    """Train and score `entry` on `corpus`; return the run, which is also saved in `out`, a new folder.

    `entry` may also be a run: a `budget` such as `+2m` continues its training, any other starts from its
    weights on another `corpus`. `seed` is the random seed, and `cluster` sets the device; `plugins` and
    `report` are as in `bench`. An interrupted training run in `out` is resumed. Raises `TextgenError` if
    training cannot start, and `NotSavedError` (with the run) if the disk is full.
    """
    add_plugins(plugins)
    request = TrainRequest(entry=entry, text=as_text(corpus), budget=budget, seed=seed, cluster=cluster)
    # Programs may train all entries alike: a budget and a precision are ignored where there is no gradient.
    given = changed(request)
    given = {name: written for name, written in given.items() if name not in ("budget", "precision")}
    return train_as(request, out, report=report, given=given)


def train_as(
    request: TrainRequest, out: str | Path | None, *, report: Report | bool | None, given: Given
) -> Run:
    """Run a `train` request; `given` are the options to be checked for having an effect."""
    check_numbers(request.seed)
    check_train(request, given)
    entry = request.entry
    cluster, budget, seed = request.cluster, request.budget, request.seed
    if budget.startswith("+"):
        run = load(entry, device=cluster.device, precision=cluster.precision)
        return run.train(budget, out=out, report=report)
    parsed_budget = parse_budget(budget)
    if names_run(entry):
        entry = started_from(read_manifest(folder := find_run(entry)).entry.name, folder)
    parsed = parse_entry(entry)
    config = choose_device(cluster.device, cluster.precision)
    check_new(out)
    with shown(report) as tell:
        tell(Step("reading the text"))
        text = loaded(request.text)
        experiment = Experiment(parsed, text, parsed_budget, config, seed, writes=True)
        make_origins([parsed], config, tell, then=stages_of(parsed.name, experiment)[1:-1])
        with result_folder(out, lambda: result_name([entry], text.name, budget, seed)) as folder:
            return finished(experiment, folder, config, tell)


def advised(request: TrainRequest, report: Report, given: Given) -> TrainRequest:
    """Return a request with the recommended entry for its text and, unless given, the recommended budget."""
    if request.budget.startswith("+"):
        raise UsageError(f"budget {request.budget} continues a run; give the run")
    found: TrainRequest = load_component("adviser", defaults.ADVISER)(request, report)
    return replace(found, budget=request.budget) if "budget" in given else found


def check_train(request: TrainRequest, given: Given) -> None:
    """Raise `UsageError` for training options without effect, and for a run without a new budget or text."""
    entry, budget = request.entry, request.budget
    check_is_text(budget)
    check_cluster(request, "training", given)
    check_text(request.text)
    if budget.startswith("+"):
        new = ["corpus", "clean", "split", "max_chars", "encoding", "seed"]
        refuse(given, new, f"on {entry!r}, a run whose training continues")
    elif names_run(entry):
        if "corpus" in given:
            return
        how = "train it further with --budget +2m, or start from it on another text with --corpus FILE"
        raise UsageError(f"{entry!r} is a run; {how}")
    elif (parsed := parse_entry(entry)) and not parsed.is_trainable:
        reason = f"on the model {parsed.parts['model']!r}, which is not trained by gradient descent"
        refuse(given, ["budget", "precision"], reason)
