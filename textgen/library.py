"""The public Python API, which `import textgen` offers: the commands as functions with the same options.

Results are saved in the folders in which the commands save them, unless `out` names another one. `report`
is called with the current step and, in training, its progress; without it the functions are silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from textgen import defaults
from textgen.api import TextgenError
from textgen.catalog.names import find_run
from textgen.comparison import bench as comparison
from textgen.comparison.results import Comparison
from textgen.data.corpus import Corpus, clean_text, load_text
from textgen.data.corpus import load_corpus as read_corpus
from textgen.data.sources import are_names
from textgen.evaluation.scoring import Score
from textgen.experiment.entry import parse_entries, parse_entry
from textgen.experiment.experiment import Experiment
from textgen.experiment.results import RunResult, RunSettings
from textgen.experiment.run import Run as SavedRun
from textgen.experiment.run import load_run, save_run
from textgen.experiment.scoring import score_any
from textgen.generation.bound_sampler import build_sampler
from textgen.generation.generator import Generator, Spelling, spells_words
from textgen.registry import registry, single_file
from textgen.registry.registry import KINDS, Plugin
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.files import make_folder
from textgen.runtime.messages import UsageError, unknown
from textgen.runtime.result_folders import result_folder, result_name
from textgen.training.budget import parse_budget
from textgen.training.progress import Report, ignore_report

Source: TypeAlias = str | Path
"""A corpus name, such as `wiki` or `gutenberg/austen-emma.txt`, or the path of a file or folder."""
Text: TypeAlias = Source | Sequence[Source] | Corpus
"""One source or several, which are joined; or a corpus that is loaded already."""


def bench(
    entries: str | Sequence[str],
    *,
    corpus: Text = defaults.CORPUS,
    clean: str = defaults.CLEANER,
    split: str = defaults.SPLIT,
    max_chars: int | None = None,
    encoding: str = defaults.ENCODING,
    budget: str = defaults.BUDGET,
    seed: int = 0,
    seeds: int = 1,
    device: str = "auto",
    precision: str = "auto",
    prompt: str | Sequence[str] = (),
    sampler: str | Sequence[str] = defaults.SAMPLER,
    length: int = defaults.SAMPLE_CHARS,
    spelling: Spelling = "words",
    out: str | Path | None = None,
    report: Report = ignore_report,
) -> Comparison:
    """Train entries side by side on one text; return their scores, samples, speed and size.

    An entry that fails has its reason in the result. Finished runs in `out` are reused.
    Raises `TextgenError` if the comparison cannot begin.
    """
    _check(seed, seeds=seeds, length=length)
    parsed_budget = parse_budget(budget)
    parsed, broken = parse_entries(_strings(entries))
    if not parsed:
        raise TextgenError("no entries to compare; give some, such as char-lstm")
    samplers = tuple(dict.fromkeys(_strings(sampler)))
    if not samplers:
        raise UsageError(f"no sampler; give one, such as {defaults.SAMPLER}")
    options = comparison.BenchOptions(
        budget=parsed_budget,
        device_config=choose_device(device, precision),
        seed=seed,
        num_seeds=seeds,
        prompts=_strings(prompt),
        samplers=samplers,
        num_chars=length,
        spells=spells_words(spelling),
        broken=broken,
    )
    text = _loaded(corpus, clean, split, max_chars, encoding)
    with result_folder(out, lambda: result_name(_strings(entries), text.name, budget, seed)) as folder:
        return comparison.bench(parsed, text, options, folder, report)


def train(
    entry: str,
    *,
    corpus: Text = defaults.CORPUS,
    clean: str = defaults.CLEANER,
    split: str = defaults.SPLIT,
    max_chars: int | None = None,
    encoding: str = defaults.ENCODING,
    budget: str = defaults.BUDGET,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    out: str | Path | None = None,
    report: Report = ignore_report,
) -> Run:
    """Train and score one entry; return the run, which is also saved in `out`, a new folder.

    Raises `TextgenError` if that is not possible.
    """
    _check(seed)
    parsed_budget = parse_budget(budget)
    parsed = parse_entry(entry)
    config = choose_device(device, precision)
    if out is not None and Path(out).exists():
        raise TextgenError(f"{str(out)!r} exists already; choose another folder (--out)")
    text = _loaded(corpus, clean, split, max_chars, encoding)
    with result_folder(out, lambda: result_name([entry], text.name, budget, seed)) as folder:
        make_folder(folder.parent)
        run = Experiment(parsed, text, parsed_budget, config, seed).run(lambda now: report(entry, now))
        save_run(folder, run)
    return Run(folder, run, config)


def load(folder: str | Path, *, device: str = "auto", precision: str = "auto") -> Run:
    """Return the run in a folder, or that a name of `textgen runs` means; a bench stands for its best run.

    `precision` is that of generation; scores are always computed in fp32.
    Raises `TextgenError` if there is no such run or it cannot be loaded.
    """
    config = choose_device(device, precision)
    path = find_run(folder)
    run = load_run(path, config.device)
    if precision not in ("auto", "fp32") and not run.model.has_step:
        name = run.entry.parts["model"]
        raise UsageError(
            f"precision {precision} has no effect on {name!r}, which generates in fp32; leave it out"
        )
    return Run(path, run, config)


def load_corpus(
    corpus: Source | Sequence[Source] = defaults.CORPUS,
    *,
    clean: str = defaults.CLEANER,
    split: str = defaults.SPLIT,
    max_chars: int | None = None,
    encoding: str = defaults.ENCODING,
) -> Corpus:
    """Return a text, cleaned and split, for several calls of `bench` and `train`.

    Raises `TextgenError` if a source cannot be read or the text is too short.
    """
    sources = _strings(corpus)
    if encoding != defaults.ENCODING and are_names(sources):
        raise UsageError(
            f"encoding has no effect on {' and '.join(sources)}, not read from a file; leave it out"
        )
    return read_corpus(sources, clean, split, max_chars, encoding)


def plugins(kind: str | None = None) -> list[Plugin]:
    """Return the installed plugins, of all kinds or one; raises `TextgenError` for an unknown kind."""
    if kind is not None and kind not in KINDS:
        raise TextgenError(unknown("kind", kind, KINDS))
    return [plugin for each in KINDS if kind in (None, each) for plugin in registry.plugins(each)]


def load_plugin_file(path: str | Path) -> list[Plugin]:
    """Add the components in a Python file; return them. Raises `TextgenError` if it cannot be loaded."""
    return single_file.load_plugin_file(Path(path))


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A trained entry, which writes text and scores it. `train` and `load` return one."""

    folder: Path
    """The folder in which it is saved."""
    _run: SavedRun
    _config: DeviceConfig

    @property
    def entry(self) -> str:
        """The entry, as the user wrote it."""
        return self._run.entry.name

    @property
    def settings(self) -> RunSettings:
        """Settings of training: corpus, budget, seed, device, precision."""
        return self._run.settings

    @property
    def result(self) -> RunResult:
        """Result of training: scores, speed, learning curve, size."""
        return self._run.result

    def sample(
        self,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
        spelling: Spelling = "words",
    ) -> str:
        """Return a continuation of `length` characters, without the prompt."""
        return self.samples(1, prompt, length=length, sampler=sampler, seed=seed, spelling=spelling)[0]

    def samples(
        self,
        number: int,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
        spelling: Spelling = "words",
    ) -> list[str]:
        """Return several continuations, written at once with the seeds `seed`, `seed + 1`, …"""
        _check(seed, number=number, length=length)
        seeds = range(seed, seed + number)
        generator = self._generator(spelling)
        return generator.generate([prompt] * number, length, build_sampler(sampler), seeds)

    def stream(
        self,
        prompt: str = "",
        *,
        length: int = defaults.SAMPLE_CHARS,
        sampler: str = defaults.SAMPLER,
        seed: int = 0,
        spelling: Spelling = "words",
    ) -> Iterator[str]:
        """Yield the text of `sample` in pieces while it is written."""
        _check(seed, length=length)
        return self._generator(spelling).stream(prompt, length, build_sampler(sampler), seed)

    def score(
        self, text: str | Path, *, clean: str | None = None, encoding: str = defaults.ENCODING
    ) -> Score:
        """Return the score of a text: bits per character, its interval, and where the bits go.

        A string is the text itself; a `Path` is a file or folder that is read. The text is cleaned by the
        run's cleaner unless `clean` names another one.
        Raises `TextgenError` if the text cannot be read or the tokenizer does not preserve it.
        """
        cleaner = clean or self.settings.corpus.cleaner
        if encoding != defaults.ENCODING and not isinstance(text, Path):
            raise UsageError("encoding has no effect on a string; leave it out")
        if isinstance(text, Path):
            _, cleaned = load_text([str(text)], cleaner, encoding)
        else:
            cleaned = clean_text(text, "the text", cleaner)
        return score_any(self._run, cleaned, self._config.device).score

    def __repr__(self) -> str:
        return f"Run({self.entry!r}, folder={str(self.folder)!r})"

    @cached_property
    def _generators(self) -> dict[bool, Generator]:
        return {}

    def _generator(self, spelling: str) -> Generator:
        spells = spells_words(spelling)
        if not spells:
            self._run.check_that_it_spells()
        if spells not in self._generators:
            self._generators[spells] = self._run.generator(self._config, spells=spells)
        return self._generators[spells]


def _strings(items: Source | Sequence[Source]) -> list[str]:
    """Return one item or several as a list of strings."""
    return [str(item) for item in ([items] if isinstance(items, (str, Path)) else items)]


def _check(seed: int, **counts: int) -> None:
    """Raise `UsageError` for a seed that random generators cannot take, or a count that is not positive."""
    if not 0 <= seed < 2**32:
        raise UsageError(f"seed must be from 0 to {2**32 - 1}, not {seed}")
    for name, count in counts.items():
        if count < 1:
            raise UsageError(f"{name} must be at least 1, not {count}")


def _loaded(corpus: Text, clean: str, split: str, max_chars: int | None, encoding: str) -> Corpus:
    """Return the corpus; options of the text have no effect on one that is loaded already."""
    if not isinstance(corpus, Corpus):
        return load_corpus(corpus, clean=clean, split=split, max_chars=max_chars, encoding=encoding)
    given = (clean, split, max_chars, encoding)
    usual = (defaults.CLEANER, defaults.SPLIT, None, defaults.ENCODING)
    for name, value, default in zip(("clean", "split", "max_chars", "encoding"), given, usual, strict=True):
        if value != default:
            raise UsageError(f"{name} has no effect on a loaded corpus; give it to load_corpus")
    return corpus
