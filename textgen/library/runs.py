"""Runs: trained entries that generate and score text."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from textgen import defaults
from textgen.contracts import TextgenError, TextgenWarning
from textgen.data.cleaning import clean_text, load_text
from textgen.data.corpus import Corpus
from textgen.evaluation.memorization import verbatim_spans
from textgen.evaluation.scoring import Score
from textgen.evaluation.text_metrics import MIN_VERBATIM
from textgen.experiment.entry_result import RunResult, RunSettings, Sample, ScoreChecks
from textgen.experiment.experiment import Experiment, continuation
from textgen.experiment.forecast import stages_of
from textgen.experiment.saved_run import SavedRun, load_run
from textgen.experiment.score_run import score_any
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.generator import Generator
from textgen.generation.text_ends import Until, part_after, spans
from textgen.jobs.kept import check_new, run_and_save
from textgen.library.comparison import data_frame, new_axes, plot_curves
from textgen.library.components import NewPlugins, add_plugins
from textgen.library.options import check_numbers
from textgen.library.presentation import run_lines
from textgen.library.progress import shown
from textgen.page.render import notebook_block, notebook_table
from textgen.requests import Source
from textgen.results.names import find_run
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import NotSavedError
from textgen.runtime.storage.result_folders import result_folder, result_name
from textgen.training.checkpoints import SNAPSHOTS, Snapshots
from textgen.training.progress import DONE, Progress, Report, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

TRIES, MAX_AT_ONCE = 20, 100
"""How many texts are written at most for each that is asked for, and how many side by side."""


def load(
    folder: str | Path,
    *,
    device: str = "auto",
    precision: str = "auto",
    after: int | None = None,
    plugins: NewPlugins = (),
) -> Run:
    """Load the run in `folder`, which may also be a name from `textgen runs`; of a bench, load the best run.

    `device` computes, `precision` applies to generation (scores are always computed in fp32), and `plugins`
    are as in `bench`. `after` loads the weights after this many updates, one of the `snapshots`; the `result`
    remains that of the best weights. Raises `TextgenError` if there is no such run or it cannot be loaded.
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
    """The names of the texts."""
    cleaner: str
    num_chars: int
    score: Score
    checks: ScoreChecks


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A trained entry, as returned by `train` and `load`; Jupyter displays its scores, speed and size."""

    folder: Path
    """The folder in which it is saved."""
    saved: SavedRun
    """The contents of the folder."""
    config: DeviceConfig
    """Device and precision."""
    after: int | None = None
    """The number of updates after which the weights were taken; None: the best weights."""

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
                f"{self.entry!r} has no test score: {self.result.problem or 'the split has no test part'}"
            )
        return self.result.test

    @property
    def snapshots(self) -> tuple[Progress, ...]:
        """The validations whose weights were kept (option `snapshots=true`) and can be loaded with `load`."""
        return Snapshots(self.folder / SNAPSHOTS).kept(self.result.train.curve)

    def sample(
        self,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
    ) -> str:
        """Return a continuation of `prompt` of `length` characters, without the prompt.

        A space at the end of the prompt starts the next word, regardless of the tokens. `sampler` is a
        sampler such as `top-p:p=0.9`, and `seed` the random seed.
        """
        return self.samples(1, prompt, length=length, sampler=sampler, seed=seed)[0]

    def samples(
        self,
        number: int,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
    ) -> list[str]:
        """Return a `number` of continuations of `prompt`, generated in a batch with seeds from `seed` on.

        `length` and `sampler` are as in `sample`.
        """
        check_numbers(seed, number=number, length=length)
        seeds = range(seed, seed + number)
        return self.generator.generate([prompt] * number, length, build_sampler(sampler), seeds)

    def samples_until(
        self,
        until: Until,
        number: int,
        prompt: str = "",
        *,
        unique: bool = False,
        new: bool = False,
        seed: int = 0,
        **settings: Any,
    ) -> Iterator[Sample]:
        """Yield a `number` of continuations of `prompt` that end properly, for names, titles or verses.

        Each ends with its `line`, `sentence` or `paragraph` (`until`). Texts without such an end within the
        `length` in `settings` are dropped, with `unique` also duplicates, and with `new` those found in the
        training text. If twenty times as many texts do not yield enough, there are fewer, with a
        `TextgenWarning`. `seed` and `settings` are as in `samples`.
        """
        if until not in get_args(Until):
            raise UsageError(f"until must be {', '.join(get_args(Until))}, not {until!r}")
        check_numbers(seed, number=number)
        language = self.settings.corpus.language
        known = self._trained_on(until, language) if new else set[str]()
        num_found = num_cut = 0
        for begin in range(seed, seed + TRIES * number, size := min(number, MAX_AT_ONCE)):
            for place, text in enumerate(self.samples(size, prompt, seed=begin, **settings), begin):
                span = part_after(prompt + text, prompt, until, language)
                part = "" if span is None else (prompt + text)[slice(*span)]
                num_cut += span is None
                if span is None or part in known:
                    continue
                known |= {part} if unique else set()
                ended = text[: span[1] - len(prompt)]
                yield Sample(
                    prompt, settings.get("sampler", defaults.SAMPLER), place, ended if prompt else part
                )
                if (num_found := num_found + 1) == number:
                    return
        was_cut = num_cut > TRIES * number / 2
        advice = f"most were cut off before the end of a {until}: raise --length"
        message = advice if was_cut else "the others are repetitions: try a higher temperature"
        found = f"only {num_found} of {number} such texts found in {TRIES * number:,} samples"
        warnings.warn(f"{found}; {message}", TextgenWarning, stacklevel=2)

    def copied(self, texts: Sequence[str]) -> list[list[str]]:
        """Return, for each text, its passages of 30 characters or more that are in the training text."""
        spans_of = verbatim_spans(texts, self.corpus().split.train.text, MIN_VERBATIM)
        return [[text[slice(*span)] for span in found] for text, found in zip(texts, spans_of, strict=True)]

    def corpus(self) -> Corpus:
        """Return the text that the run was trained on and scored by, read again where it came from.

        Raises `TextgenError` if that is not possible, or if it has changed.
        """
        return self.saved.corpus("train it again, on a file or a corpus by name")

    def _trained_on(self, until: Until, language: str) -> set[str]:
        """Return all lines, sentences or paragraphs of the training text."""
        text = self.corpus().split.train.text[:]
        return {text[begin:end] for begin, end in spans(text, until, language)}

    def stream(
        self,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
    ) -> Iterator[str]:
        """Yield a continuation of `prompt` piece by piece as it is generated.

        `length`, `sampler` and `seed` are as in `sample`.
        """
        check_numbers(seed, length=length)
        return self.generator.stream(prompt, length, build_sampler(sampler), seed)

    def score(
        self, text: str | Path | Corpus, *, clean: str | None = None, encoding: str = defaults.ENCODING
    ) -> Score:
        """Score `text`: return its bits per character, their interval, and what the bits are spent on.

        A string is the text itself, a `Path` is a file or folder (read with `encoding`), and a `Corpus` is
        scored whole. The text is cleaned with the run's cleaner unless `clean` gives another one. Raises
        `TextgenError` if the text cannot be read or the tokenizer does not preserve it.
        """
        if isinstance(text, Path):
            return self.score_sources([text], clean=clean, encoding=encoding).score
        if encoding != defaults.ENCODING:
            raise UsageError("encoding has no effect on a string or a corpus; leave it out")
        if isinstance(text, Corpus):
            if clean is not None:
                raise UsageError("clean has no effect on a corpus, already cleaned; leave it out")
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
        """Score `sources` (names of corpora, or files), joined into one text; return the score and the text.

        `clean` and `encoding` are as in `score`, and `report` as in `bench`.
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
        """Continue training for another `budget`, such as `+2m`; return a new run, saved in `out`.

        It starts from the best weights, with a new schedule. The text is read again unless `corpus` is given.
        `report` is as in `bench`. Raises `TextgenError` if the text has changed, or if the run was not
        trained by gradient descent.
        """
        if self.after is not None:
            raise UsageError(f"training continues from the end; load {str(self.folder)!r} without after")
        check_new(out)
        with shown(report) as tell:
            tell(Step("reading the text"))
            experiment = continuation(self.saved, budget, self.config, corpus)
            settings = experiment.settings()
            name = partial(result_name, [self.entry], settings.corpus.name, settings.budget, settings.seed)
            with result_folder(out, name) as folder:
                return finished(experiment, folder, self.config, tell)

    def to_pandas(self) -> DataFrame:
        """Return the learning curve as a data frame with a row per validation.

        Raises `TextgenError` if pandas is not installed.
        """
        return data_frame([vars(point) for point in self.result.train.curve])

    def plot(self, *, axes: Axes | None = None) -> Axes:
        """Plot the learning curve, on `axes` if given; return the axes.

        Raises `TextgenError` if matplotlib is not installed.
        """
        axes = new_axes() if axes is None else axes
        axes.set_title(f"{self.settings.corpus.name}, {self.settings.budget} of training")
        curves = [(self.entry, self.result.train.curve)]
        plot_curves(axes, curves, by_time=self.settings.budget.is_timed)
        return axes

    def _repr_html_(self) -> str:
        lines = [*run_lines(self.settings, self.result), f"saved in {self.folder}"]
        return notebook_block(notebook_table((), [[line] for line in lines], lefts=(0,)))

    def __repr__(self) -> str:
        return f"Run({self.entry!r}, folder={str(self.folder)!r})"

    @cached_property
    def generator(self) -> Generator:
        """The text generator, reused for all samples."""
        return self.saved.generator(self.config)


def finished(experiment: Experiment, folder: Path, config: DeviceConfig, tell: Report) -> Run:
    """Train, score and save a run; a `NotSavedError` has the run that could not be saved."""
    name = experiment.entry.name
    tell(Step("starting", name, stages=stages_of(name, experiment, folder)[1:-1], folder=folder))
    try:
        run = run_and_save(experiment, folder, tell)
    except NotSavedError as error:
        error.result = Run(folder, cast(SavedRun, error.result), config)
        raise
    tell(Step(DONE, run.entry.name, outcome=run.result.outcome))
    return Run(folder, run, config)
