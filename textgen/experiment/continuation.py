"""The experiment that trains a run for longer."""

from __future__ import annotations

from dataclasses import replace

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_again
from textgen.experiment.experiment import Experiment
from textgen.experiment.saved_run import SavedRun
from textgen.runtime.device import DeviceConfig
from textgen.training.budget import check_is_text, parse_budget


def continuation(
    run: SavedRun,
    budget: str,
    device_config: DeviceConfig,
    corpus: Corpus | None = None,
    num_processes: int = 1,
) -> Experiment:
    """Return the experiment that trains a run for another `budget`, such as `+2m`, on the same text.

    Without `corpus` the text is read again from where the run read it. Raises `TextgenError` if it has
    changed, if nothing can be trained, or if `budget` lacks the plus.
    """
    check_is_text(budget)
    if not budget.startswith("+"):
        raise TextgenError(f"{run.entry.name!r} is trained already: write what to add, as --budget +{budget}")
    if not run.entry.is_trainable:
        raise TextgenError(
            f"{run.entry.name!r} is not trained by gradient descent: there is nothing to continue"
        )
    settings = run.settings
    if corpus is None:
        names = run.sources.names
        if not names or "-" in names:
            raise TextgenError(f"the text of {run.entry.name!r} was not kept; give it by --corpus")
        corpus = load_again(run.sources, settings.corpus.cleaner, settings.corpus.split.method)
    if replace(corpus.info, name=settings.corpus.name) != settings.corpus:
        raise TextgenError(
            f"{corpus.name!r} is not the text that {run.entry.name!r} was trained on; give the same "
            "--corpus, --clean, --split and --max-chars"
        )
    more = parse_budget(budget.removeprefix("+"))
    return Experiment(
        run.entry, corpus, more, device_config, settings.seed, start=run, num_processes=num_processes
    )
