"""Runs: entries that are trained here or loaded, which write text and score it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textgen import defaults
from textgen.comparison.origins import make_origins
from textgen.contracts import TextgenError
from textgen.data.cleaning import clean_text, load_text
from textgen.data.corpus import Corpus
from textgen.data.labels import without_signs
from textgen.evaluation.scoring import Score
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.entry_result import RunResult, RunSettings, Sample, ScoreChecks
from textgen.experiment.experiment import Experiment, continuation
from textgen.experiment.forecast import expected_seconds
from textgen.experiment.origin import started_from
from textgen.experiment.samples import keep_samples
from textgen.experiment.saved_run import SavedRun, load_run, names_run, read_manifest
from textgen.experiment.score_run import score_any
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.generator import Generator, Spelling, spells_words
from textgen.jobs.kept import check_new
from textgen.library.corpus import TextSource, as_text, loaded
from textgen.library.defined_plugins import NewPlugins, add_plugins
from textgen.library.notebook_views import data_frame, new_axes, plot_curves, run_html
from textgen.library.options import Refuse, changed, check_numbers, refusing
from textgen.library.progress import shown
from textgen.library.training import build_logger, check_train, logged, trained_and_saved
from textgen.requests import ClusterOptions, Source, TrainRequest
from textgen.results.names import find_run
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import NotSavedError
from textgen.runtime.storage.result_folders import RUN_FILE, result_folder, result_name
from textgen.training.budget import is_timed, parse_budget
from textgen.training.checkpoints import SNAPSHOTS, Snapshots
from textgen.training.progress import DONE, Progress, Report, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


def train(
    entry: str,
    corpus: TextSource = defaults.CORPUS,
    *,
    budget: str = defaults.BUDGET,
    seed: int = 0,
    cluster: ClusterOptions = ClusterOptions(),
    plugins: NewPlugins = (),
    out: str | Path | None = None,
    log: str | None = None,
    report: Report | bool | None = None,
) -> Run:
    """Train `entry` on `corpus` and score it; return the run, which is also saved in `out`, a new folder.

    With a `budget` such as `+2m`, `entry` is a run whose training continues; with another, it is one from
    which training on another `corpus` starts. `seed` is the random seed, `log` a logger, a plugin, which gets
    losses and learning rate; `plugins` and `report` are those of `bench`. An interrupted training run in
    `out` continues.
    Raises `TextgenError` if that is not possible, and `NotSavedError` with the run if the disk is full.
    """
    add_plugins(plugins)
    request = TrainRequest(entry=entry, text=as_text(corpus), budget=budget, seed=seed, cluster=cluster)
    # Programs may train all entries alike: a budget and a precision are ignored where there is no gradient.
    given = (changed(request) | ({"log"} if log is not None else set())) - {"budget", "precision"}
    return train_as(request, out, log=log, report=report, refuse=refusing(given))


def train_as(
    request: TrainRequest,
    out: str | Path | None,
    *,
    log: str | None,
    snapshots: bool = False,
    report: Report | bool | None,
    refuse: Refuse,
) -> Run:
    """Train what is asked for, as `train` does; with `snapshots`, each validation keeps its weights.

    `refuse` is called with the options that have no effect.
    """
    check_numbers(request.seed)
    check_train(request, refuse)
    logger = build_logger(log)
    entry = request.entry
    if snapshots:
        entry += f"{',' if ':' in entry else ':'}snapshots=true"
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
        make_origins([parsed], config, tell)
        tell(Step("reading the text"))
        text = loaded(request.text)
        experiment = Experiment(parsed, text, parsed_budget, config, seed, writes=True)
        tell(Step("starting", parsed.name, seconds_left=expected_seconds(parsed, text, parsed_budget)))
        with (
            result_folder(out, lambda: result_name([entry], text.name, budget, seed)) as folder,
            logged(logger, folder, tell) as follow,
        ):
            return _finished(experiment, folder, config, follow)


def _finished(experiment: Experiment, folder: Path, config: DeviceConfig, tell: Report) -> Run:
    """Train, score and save; one that cannot be saved is in the error."""
    tell(Step("", folder=folder))
    try:
        run = trained_and_saved(experiment, folder, tell)
    except NotSavedError as error:
        error.result = Run(folder, cast(SavedRun, error.result), config)
        raise
    tell(Step(DONE, run.entry.name, outcome=run.result.outcome))
    return Run(folder, run, config)


def load(
    folder: str | Path,
    *,
    device: str = "auto",
    precision: str = "auto",
    after: int | None = None,
    plugins: NewPlugins = (),
) -> Run:
    """Return the run in `folder`, or that a name of `textgen runs` means; a bench stands for its best run.

    It computes on `device`, with the `plugins` of `bench`. `precision` is that of generation; scores are
    always computed in fp32. With `after`, the weights are those after this many updates, one of the
    `snapshots`; its `result` is that of the best ones all the same. Raises `TextgenError` if there is no such
    run or it cannot be loaded.
    """
    add_plugins(plugins)
    config = choose_device(device, precision)
    path = find_run(folder)
    run = load_run(path, config.device, after)
    if precision not in ("auto", "fp32") and not run.model.has_step:
        name = run.entry.parts["model"]
        raise UsageError(
            f"precision {precision} has no effect on {name!r}, which generates in fp32; leave it out"
        )
    return Run(path, run, config, after)


@dataclass(frozen=True)
class ScoredSources:
    """The score of a run on named texts."""

    text: str
    """Their names."""
    cleaner: str
    num_chars: int
    score: Score
    checks: ScoreChecks


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A trained entry, as `train` and `load` return it; Jupyter shows its scores, speed and size."""

    folder: Path
    """The folder in which it is saved."""
    saved: SavedRun
    """What it holds."""
    config: DeviceConfig
    """Device and precision."""
    after: int | None = None
    """The updates after which it has these weights; None: the best ones."""

    @property
    def entry(self) -> str:
        """The entry, as the user wrote it."""
        return self.saved.entry.name

    @property
    def settings(self) -> RunSettings:
        """Settings of training: corpus, budget, seed, device, precision."""
        return self.saved.settings

    @property
    def result(self) -> RunResult:
        """Result of training: scores, speed, learning curve, size."""
        return self.saved.result

    @property
    def test(self) -> Score:
        """The score on the test text; raises `TextgenError` if there is none, with the reason."""
        if self.result.test is None:
            raise TextgenError(
                f"{self.entry!r} has no test score: {self.result.problem or 'the split lacks a test part'}"
            )
        return self.result.test

    @property
    def snapshots(self) -> tuple[Progress, ...]:
        """The validations whose weights were kept (`snapshots=true` of the entry), which `load` can give."""
        return Snapshots(self.folder / SNAPSHOTS).kept(self.result.train.curve)

    def sample(
        self,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
        spelling: Spelling = "words",
        label: str | None = None,
    ) -> str:
        """Return a continuation of `prompt` of `length` characters, without the prompt.

        A space at the end of the prompt begins the next word, whatever the tokens are. `sampler` is one such
        as `top-p:p=0.9`, `seed` the random seed; with the `spelling` `none`, a word model writes no
        out-of-vocabulary words. A `label` is one of those that the text was read with (`condition`), such as
        an author, whose text is asked for.
        """
        settings: dict[str, Any] = {"length": length, "sampler": sampler, "seed": seed}
        return self.samples(1, prompt, **settings, spelling=spelling, label=label)[0]

    def samples(
        self,
        number: int,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
        spelling: Spelling = "words",
        label: str | None = None,
    ) -> list[str]:
        """Return a `number` of continuations of `prompt`, written at once with `seed` and those that follow.

        `length`, `sampler`, `spelling` and `label` are those of `sample`.
        """
        check_numbers(seed, number=number, length=length)
        seeds, begin = range(seed, seed + number), self._begin(label)
        generator = self.generator(spelling, label)
        texts = generator.generate(
            [begin + prompt if begin else prompt] * number, length, build_sampler(sampler), seeds
        )
        return [without_signs(text, self.settings.corpus.labels) if begin else text for text in texts]

    def _begin(self, label: str | None) -> str:
        """Return what a paragraph of a label begins with; raises `UsageError` if there is no such label."""
        signs = {each.name: each.sign for each in self.settings.corpus.labels}
        if label is not None and label not in signs:
            known = ", ".join(signs) or "none; train with --condition"
            raise UsageError(f"{self.entry!r} has no label {label!r}; it has {known}")
        return "\n" + signs[label] if label is not None else ""

    def stream(
        self,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
        spelling: Spelling = "words",
        label: str | None = None,
    ) -> Iterator[str]:
        """Yield a continuation of `prompt` in pieces, while it is written.

        `length`, `sampler`, `seed`, `spelling` and `label` are those of `sample`.
        """
        check_numbers(seed, length=length)
        begin = self._begin(label)
        asked = begin + prompt if begin else prompt
        pieces = self.generator(spelling, label).stream(asked, length, build_sampler(sampler), seed)
        return (piece.replace(begin.strip(), "") for piece in pieces)

    def score(
        self, text: str | Path | Corpus, *, clean: str | None = None, encoding: str = defaults.ENCODING
    ) -> Score:
        """Return the score of `text`: bits per character, its interval, and where the bits go.

        A string is the text itself, a `Path` a file or folder that is read, with `encoding`, and a `Corpus`
        is scored whole. The text is cleaned by the run's cleaner unless `clean` names another one. Raises
        `TextgenError` if the text cannot be read or the tokenizer does not preserve it.
        """
        if isinstance(text, Path):
            return self.score_sources([text], clean=clean, encoding=encoding).score
        if encoding != defaults.ENCODING:
            raise UsageError("encoding has no effect on a string or a corpus; leave it out")
        if isinstance(text, Corpus):
            if clean is not None:
                raise UsageError("clean has no effect on a corpus, which is cleaned; leave it out")
            return score_any(self.saved, text.text, self.config.device).score
        cleaned = clean_text(text, "the text", clean or self.settings.corpus.cleaner)
        return score_any(self.saved, cleaned, self.config.device).score

    def score_sources(
        self,
        sources: Sequence[Source],
        *,
        clean: str | None = None,
        encoding: str = defaults.ENCODING,
        report: Report | bool | None = None,
    ) -> ScoredSources:
        """Return the score of `sources`, corpora known by name and files, joined, and what was scored.

        `clean` and `encoding` are those of `score`, and `report` that of `bench`.
        """
        cleaner = clean or self.settings.corpus.cleaner
        loaded = load_text(list(map(str, sources)), cleaner, encoding)
        with shown(report) as tell:
            scored = score_any(self.saved, loaded.text, self.config.device, tell)
        return ScoredSources(loaded.name, cleaner, len(loaded.text), scored.score, scored.checks)

    def train(
        self,
        budget: str,
        *,
        corpus: Corpus | None = None,
        out: str | Path | None = None,
        report: Report | bool | None = None,
    ) -> Run:
        """Continue training for another `budget`, such as `+2m`; return a new run, which is saved in `out`.

        It starts from the best weights, with a new schedule. The text is read again unless `corpus` gives it.
        `report` is that of `bench`.
        Raises `TextgenError` if it is not the same text, or if the run was not trained by gradient.
        """
        if self.after is not None:
            raise UsageError(f"training continues from the end: load {str(self.folder)!r} without after")
        check_new(out)
        with shown(report) as tell:
            tell(Step("reading the text"))
            experiment = continuation(self.saved, budget, self.config, corpus)
            settings = experiment.settings()
            name = partial(result_name, [self.entry], settings.corpus.name, settings.budget, settings.seed)
            with result_folder(out, name) as folder:
                return _finished(experiment, folder, self.config, tell)

    def to_pandas(self) -> DataFrame:
        """Return the learning curve, a row for each validation.

        Raises `TextgenError` if pandas is not installed.
        """
        return data_frame([vars(point) for point in self.result.train.curve])

    def plot(self, *, axes: Axes | None = None) -> Axes:
        """Draw the learning curve, on `axes` if they are given; return the axes.

        Raises `TextgenError` if matplotlib is not installed.
        """
        axes = new_axes() if axes is None else axes
        axes.set_title(f"{self.settings.corpus.name}, {self.settings.budget} of training")
        curves = [(self.entry, self.result.train.curve)]
        plot_curves(axes, curves, by_time=is_timed(self.settings.budget))
        return axes

    def _repr_html_(self) -> str:
        return run_html(self.folder, self.settings, self.result)

    def __repr__(self) -> str:
        return f"Run({self.entry!r}, folder={str(self.folder)!r})"

    @cached_property
    def _generators(self) -> dict[tuple[bool, str | None], Generator]:
        return {}

    def generator(self, spelling: str, label: str | None = None) -> Generator:
        """Return what writes, ready for many texts, with `spelling` and `label` of `sample`.

        With a label it writes no sign of others.
        """
        spells, labels = spells_words(spelling), self.settings.corpus.labels
        if not spells:
            self.saved.check_that_it_spells()
        if (spells, label) not in self._generators:
            others = "".join(each.sign for each in labels if label is not None and each.name != label)
            made = self.saved.generator(self.config, spells=spells, avoids=others)
            self._generators[spells, label] = made
        return self._generators[spells, label]


def keep(run: Run, samples: Sequence[Sample]) -> int:
    """Keep samples in the folder of a run that wrote them; return the number of those kept there.

    Raises as `check_kept` does.
    """
    check_kept(run)
    return keep_samples(run.folder, samples)


def check_kept(run: Run) -> None:
    """Raise `TextgenError` if the run was removed, or is a snapshot: what is kept is of the best weights."""
    check_saved(run)
    if run.after is not None:
        raise TextgenError(
            f"these are the weights after {run.after} updates; only samples of the best weights are kept"
        )


def check_saved(run: Run) -> None:
    """Raise `TextgenError` if the folder of a run was removed."""
    if not (run.folder / RUN_FILE).is_file():
        raise TextgenError(f"the run {str(run.folder)!r} was removed, so nothing can be kept with it")
