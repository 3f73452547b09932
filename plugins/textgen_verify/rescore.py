"""A comparison by its runs: their own files, and what they score and write once more on its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

from textgen.comparison.bench_kind import DETAILS
from textgen.comparison.entry_job import EntryJob, EntryOutcome, WriteRow
from textgen.comparison.references import score_references
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_again
from textgen.data.split import PARTS
from textgen.defaults import ENTRY_TIMEOUT
from textgen.evaluation.memorization import find_overlap
from textgen.evaluation.text_metrics import TextAnalyzer, load_lexicon
from textgen.experiment.entry_parser import split_yardsticks
from textgen.experiment.entry_result import EntryResult, FailedEntry, SampleSet
from textgen.experiment.experiment import Experiment
from textgen.experiment.origin import origin_of
from textgen.experiment.samples import SampleWriter
from textgen.experiment.saved_run import read_manifest, read_run
from textgen.experiment.trained_entry import TrainedEntry, TrainingRecord
from textgen.jobs.backends import LocalBackend
from textgen.jobs.runner import run_jobs
from textgen.registry.registry import plugin_files
from textgen.results.comparison import Comparison
from textgen.results.details import Details, DetailsReader
from textgen.results.folders import run_folder
from textgen.results.judge import SCORE
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.storage.json_records import to_values
from textgen.training.budget import parse_duration
from textgen.training.progress import Report
from textgen_verify.compare import Check, SavedFiles
from textgen_verify.rebuild import Values

ONLY_ONCE = ("preparation", "train", "embedding", "machine", "scored_chars_per_second", "generate")
"""Values of a row that come from its training, or from the clock."""
SAME_SCORE = (0.0, 1e-4)
"""Bits per character by which a score may change on another machine."""
SAME_ROW = (1e-3, 1e-2)
"""The relative and absolute change of other numbers: rounding shows more in a stretch than in a text, and
compressors may be of other versions."""
Texts: TypeAlias = dict[tuple[str, int], tuple[str, ...]]
"""By entry and seed: the texts that its run wrote with the first sampler."""


def check_run_files(files: SavedFiles, path: Path, result: Comparison) -> Check:
    """Return the check of rows against the results that the runs were saved with."""
    again: Values = {"entries": []}
    for row in result.entries:
        try:
            manifest = read_manifest(run_folder(path.parent, row.name, row.seed))
        except TextgenError as error:
            again["entries"].append(str(error) if isinstance(row, EntryResult) else {})
            continue
        again["entries"].append(manifest.result if isinstance(row, EntryResult) else {})
        again |= {name: value for name, value in vars(manifest.settings).items() if hasattr(result, name)}
    return files.compare(path, "the files of its runs", again)


def rescore(files: SavedFiles, path: Path, result: Comparison, details: Details | None) -> Iterator[Check]:
    """Yield the checks of a comparison against its text, loaded again, and what its runs do with it."""
    corpus = load_text(result)
    text = files.compare(path, "its text", {"corpus": corpus.info})
    yield text
    if text.differences:
        return
    stretches, lexicon = corpus.split.held_out.stretches(), load_lexicon(corpus.language)
    yield files.compare(path, "its text", {"overlap": find_overlap(stretches, corpus.split.train.text)})
    known = details or Details(passages=(), entries=())
    analyzer = TextAnalyzer(corpus.split.train.text, lexicon, corpus.language)
    writer = SampleWriter(stretches, analyzer, known.sample_chars)
    if result.prompts != tuple(writer.shown_prompts()):
        writer.prompts = result.prompts
    texts: Texts = {}
    if details and lexicon.sources == result.lexicons:  # with others, other words are real ones
        wrote = (each for each in details.texts if each.sampler == result.measured_sampler)
        texts = {(each.name, each.seed): each.texts for each in wrote}
        yield files.compare(path, f"the texts in {DETAILS}", _measured(result, texts, writer))
    device = choose_device(files.device or "auto", "fp32").device
    config = DeviceConfig(device, result.precision if result.device == device.type else "fp32")
    rows = _run_again(path.parent, result, corpus, DetailsReader(writer, (), config), texts)
    scores = [
        {part: {SCORE: row[part][SCORE]} for part in PARTS[1:] if row.get(part)}
        for row in (row if isinstance(row, dict) else {} for row in rows)
    ]
    yield files.compare(path, "the scores of its runs", {"entries": scores}, SAME_SCORE)
    yield files.compare(path, "its runs", {"entries": rows}, SAME_ROW)
    references = _references(result, corpus, path.parent, config)
    yield files.compare(path, "compressors and reference entries", references, SAME_ROW)


def load_text(result: Comparison) -> Corpus:
    """Return the text of a comparison, read again; raises `TextgenError` if that is not possible."""
    sources = result.sources
    if not sources.names or "-" in sources.names:
        origin = "standard input" if sources.names else "a source that was not recorded"
        raise TextgenError(f"the text was read from {origin}, so the runs cannot be scored again")
    return load_again(sources, result.corpus)


def _measured(result: Comparison, texts: Texts, writer: SampleWriter) -> Values:
    """Return the metrics of the texts that each row's run wrote, and of the held-out text."""
    author, entries = writer.measure_held_out(), list[Values]()
    shares = {} if writer.passages_overlap else author.pseudovalues
    for row in result.entries:
        entries.append({})
        if own := texts.get((row.name, row.seed)):
            found = writer.analyzer.measure(own)
            entries[-1] = {"sample_metrics": found.metrics, "metric_pseudovalues": found.pseudovalues}
    held_out = {"sample_metrics": author.metrics, "pseudovalues": shares}
    return {"held_out": held_out, "lexicons": result.lexicons, "entries": entries}


@dataclass(frozen=True, kw_only=True)
class RerunJob(EntryJob[EntryOutcome]):
    """The job of an entry that is not trained: its saved run is scored, and writes."""

    run: Path
    index: int
    """That of its row."""

    def _trained(self, report: Report, checkpoints: Path | None) -> TrainedEntry:  # noqa: ARG002
        files = read_run(self.run)
        result = files.result
        record = TrainingRecord(
            entry=self.experiment.entry,
            preparation=result.preparation,
            train=result.train,
            embedding=result.embedding,
            is_lossless=True,
            starts_anew=bool(result.origin and not result.origin.is_used),
        )
        return TrainedEntry(record, files.tokenizer, files.weights)


def _run_again(
    folder: Path, result: Comparison, corpus: Corpus, reader: DetailsReader, texts: Texts
) -> list[Values | str]:
    """Score the run of each row again and let it write; return the new row, or the reason for a failure.

    A run that starts from another one that is gone is left out.
    """
    jobs, rows = list[RerunJob](), list[Values | str]()
    for index, row in enumerate(result.entries):
        rows.append({})
        if isinstance(row, FailedEntry):
            continue
        run = run_folder(folder, row.name, row.seed)
        try:
            entry = read_manifest(run).entry
            origin_of(entry)
        except TextgenError as error:
            rows[index] = {} if row.origin else str(error)
            continue
        budget, plugins = result.budget, plugin_files(entry.components.values())
        experiment = Experiment(entry, corpus, budget, reader.device_config, row.seed)
        samplers = dict.fromkeys([result.measured_sampler, *(each.sampler for each in row.samples)])
        finish = WriteRow(reader, tuple(samplers), has_details=False)
        jobs.append(RerunJob(experiment, plugins, finish, run=run, index=index))
    for job, outcome in run_jobs(jobs, EntryOutcome, LocalBackend()):
        rows[job.index] = _once_more(outcome.result, texts) if outcome.result else outcome.failure
    return rows


def _once_more(again: EntryOutcome, texts: Texts) -> Values:
    """Return what a run has measured once more, and what it wrote if that is what it wrote before."""
    row: Values = to_values(again.row)
    is_same = again.texts[0].texts == texts.get((row["name"], row["seed"]))
    left = set() if is_same and not row["sample_errors"] else {each.name for each in fields(SampleSet)}
    return {name: value for name, value in row.items() if name not in left.union(ONLY_ONCE)}


def _references(result: Comparison, corpus: Corpus, folder: Path, config: DeviceConfig) -> Values:
    """Return the compressors and reference entries of a comparison, scored again on its text.

    Yardsticks and those whose package or plugin is missing have no second source.
    """
    trained = split_yardsticks(each.name for each in result.references)[0]
    if not trained:  # as in the final comparison of a study
        return {}
    runs = {row.name: run for row in result.runs if (run := run_folder(folder, row.name, row.seed)).is_dir()}
    entries = [read_manifest(run).entry for run in runs.values()]
    budget, silence = result.budget, parse_duration(ENTRY_TIMEOUT, "entry_timeout")
    scores = score_references(entries, corpus, budget, config, silence, uses_cache=False)
    again = {each.name: each for each in scores}
    return {"references": [again.get(each.name, {}) for each in result.references]}
