"""Comparing saved runs: which settings differ, by how much the scores do, and what the runs write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from textgen.contracts import TextgenError
from textgen.data.split import SplitPart
from textgen.evaluation.intervals import INTERVAL_METHOD, SHIPPED_PRIORS
from textgen.experiment.entry_result import EntryResult
from textgen.experiment.saved_run import RunManifest, load_run, read_manifest
from textgen.generation.bound_sampler import build_sampler
from textgen.jobs.plugin_code import informed
from textgen.registry.options import write_value
from textgen.results.comparison import Comparison, Difference, EntryScore
from textgen.results.details import all_settings, differing_settings
from textgen.results.folders import RUNS_OF_BENCH, entry_part, identify, name_of
from textgen.results.items import read_result
from textgen.results.judge import rank_entries, score_samples
from textgen.results.names import HAS_RUNS, AmbiguousNameError, find, find_run
from textgen.results.row import row_of
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.result_folders import RUN_FILE

MAX_PROMPTS = 2
"""Prompts whose continuations are shown, of those that all runs have."""


@dataclass(frozen=True, kw_only=True)
class ComparedRun:
    """A run, or the runs of one entry with several seeds."""

    name: str
    folder: str
    entry: str
    seeds: tuple[int, ...]
    scored_on: str
    """`test` or `validation`."""
    corpus: str


@dataclass(frozen=True)
class DifferingSetting:
    """A setting that the runs do not share, and its value in each of them; empty if it has none there."""

    setting: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class ComparedTexts:
    """Texts of all runs after the same prompt."""

    prompt: str
    sampler: str
    seeds: tuple[int, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Several runs against each other."""

    runs: tuple[ComparedRun, ...]
    settings: tuple[DifferingSetting, ...]
    scores: tuple[EntryScore, ...]
    """Best first; without those that have none."""
    differences: tuple[Difference, ...]
    """Differences of the others from the best; empty if they cannot be compared."""
    problem: str | None
    """Why there are no differences."""
    interval_method: str = INTERVAL_METHOD
    samples: tuple[ComparedTexts, ...]
    sample_problem: str | None
    """Why there are no samples."""


@dataclass(frozen=True, eq=False)
class Contender:
    """One side of a comparison."""

    run: ComparedRun
    manifest: RunManifest
    rows: Sequence[EntryResult]
    """Its results: several if it is an entry of a bench, trained with several seeds."""

    @property
    def text(self) -> SplitPart:
        """Size and hash of the part that its score is of."""
        return self.manifest.settings.corpus.split.scored(self.run.scored_on)

    def settings(self) -> dict[str, str]:
        """Return all settings by name; those of an entry whose plugins are not installed as far as given."""
        entry, settings = self.manifest.entry, self.manifest.settings
        try:
            parts = all_settings(informed(entry))
        except TextgenError:
            parts = entry.parts | {
                f"{part}.{name}": write_value(value)
                for part, options in entry.options.items()
                for name, value in options.items()
            }
        return {
            **parts,
            "corpus": settings.corpus.name,
            "cleaner": settings.corpus.cleaner,
            "characters": f"{settings.corpus.num_chars:,}",
            "text (SHA-256)": settings.corpus.sha256[:12],
            "split": settings.corpus.split.method,
            "budget": settings.budget,
            "seed": ", ".join(str(row.seed) for row in self.rows),
            "device": settings.device,
            "precision": settings.precision,
            **{f"{kind} plugin": identity for kind, identity in settings.plugins.items()},
        }


@dataclass(frozen=True, kw_only=True)
class WritingOptions:
    """Options of texts to compare, if the runs have not written after the same prompt already."""

    prompt: str | None
    """None: one that a run has continued already."""
    sampler: str
    num_chars: int
    seed: int
    device_config: DeviceConfig


def compare(names: Sequence[str], root: Path, writing: WritingOptions | None) -> RunComparison:
    """Compare the runs that these names mean; a bench stands for its best entry, with all of its seeds.

    With None for `writing` there are no samples.
    Raises `TextgenError` if a name means no run, or two mean the same.
    """
    contenders = [_contender(name, root) for name in names]
    if len({each.run.name for each in contenders}) < len(contenders):
        raise UsageError("two of the names mean the same run; give different ones")
    problem = next(_problems(contenders), None)
    rows = {each.run.name: [row_of(row, each.run.scored_on) for row in each.rows] for each in contenders}
    scores, differences = rank_entries(score_samples(rows, SHIPPED_PRIORS["bits_per_char"]))
    texts, sample_problem = _texts(contenders, writing)
    differing = differing_settings([each.settings() for each in contenders])
    return RunComparison(
        runs=tuple(each.run for each in contenders),
        settings=tuple(DifferingSetting(*each) for each in differing.items()),
        scores=tuple(replace(each, is_best=each.is_best and problem is None) for each in scores),
        differences=() if problem else differences,
        problem=problem,
        samples=texts,
        sample_problem=sample_problem,
    )


def _contender(name: str, root: Path) -> Contender:
    """Return the run or entry that a name means."""
    folder = find_run(name, root)
    try:
        is_entry = not find(name, root, HAS_RUNS).is_run
    except AmbiguousNameError:  # the seeds of an entry
        is_entry = True
    folders = [folder]
    if is_entry:
        folders = sorted(each.parent for each in folder.parent.glob(f"*/{RUN_FILE}"))
        folders = [each for each in folders if entry_part(each) == entry_part(folder)]
    run_name = name_of(folder, root)
    whole_name = run_name.rpartition("/")[0] + "/" + entry_part(folder)
    manifest = read_manifest(folder)
    rows = [_row(each) for each in folders]
    run = ComparedRun(
        name=whole_name if len(rows) > 1 else run_name,
        folder=str(folder),
        entry=manifest.entry.name,
        seeds=tuple(row.seed for row in rows),
        scored_on="test" if manifest.result.test is not None else "validation",
        corpus=manifest.settings.corpus.name,
    )
    return Contender(run, manifest, rows)


def _row(folder: Path) -> EntryResult:
    """Return the result of a run, with what it wrote if it is one of a bench."""
    result = read_manifest(folder).result
    bench = identify(folder.parent.parent) if folder.parent.name == RUNS_OF_BENCH else None
    if bench and bench.is_finished and isinstance(compared := read_result(bench), Comparison):
        for row in compared.runs:
            if (row.name, row.seed) == (result.name, result.seed):
                return row
    return EntryResult(**vars(result))


def _problems(contenders: Sequence[Contender]) -> Iterator[str]:
    """Yield why the scores of runs cannot be compared."""
    for each in contenders:
        for row in each.rows:
            score = row.score(each.run.scored_on)
            if row.problem:
                yield f"{each.run.name} has no rank since {row.problem}"
            elif score is None or score.units is None:
                yield f"{each.run.name} has no score by passages"
    if any(each.text != contenders[0].text for each in contenders):
        where = "; ".join(
            f"{run.name} on the {run.scored_on} part of {run.corpus} ({each.text.num_chars:,} characters)"
            for each in contenders
            for run in [each.run]
        )
        yield f"they were scored on different texts: {where}"


def _texts(
    contenders: Sequence[Contender], options: WritingOptions | None
) -> tuple[tuple[ComparedTexts, ...], str | None]:
    """Return what the runs have written or write after the same prompt, or why they do not."""
    if options is None:
        return (), None
    if options.prompt is None:
        shared = list(islice(_shared_texts(contenders), MAX_PROMPTS))
        if shared:
            return tuple(shared), None
    try:
        return (_written(contenders, options),), None
    except TextgenError as error:  # the scores are worth having
        return (), str(error)


def _shared_texts(contenders: Sequence[Contender]) -> Iterator[ComparedTexts]:
    """Yield what all runs have written after the same prompt with the same sampler."""
    written = [
        {(sample.prompt, sample.sampler): sample for sample in reversed(each.rows[0].samples)}
        for each in contenders
    ]
    for key in reversed(written[0]):
        if all(key in samples for samples in written):
            samples = [each[key] for each in written]
            seeds, texts = (tuple(getattr(each, name) for each in samples) for name in ("seed", "text"))
            yield ComparedTexts(*key, seeds, texts)


def _written(contenders: Sequence[Contender], options: WritingOptions) -> ComparedTexts:
    """Return what the runs write after one prompt with the same seed."""
    known = [sample.prompt for each in contenders for sample in each.rows[0].samples]
    prompt = options.prompt if options.prompt is not None else next(iter(known), "")
    sampler, config = build_sampler(options.sampler), options.device_config
    texts = [
        load_run(each.run.folder, config.device)
        .generator(config)
        .generate([prompt], options.num_chars, sampler, [options.seed])[0]
        for each in contenders
    ]
    return ComparedTexts(prompt, options.sampler, (options.seed,) * len(texts), tuple(texts))
