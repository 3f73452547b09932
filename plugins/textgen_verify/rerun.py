"""A saved run, scored and let write once more: its job runs none of its code, as when it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from textgen.data.corpus import Corpus
from textgen.evaluation.scoring import Score
from textgen.experiment.entry import Entry
from textgen.experiment.entry_result import Freedom
from textgen.experiment.hosts import assistants, heard
from textgen.experiment.samples import SampleWriter
from textgen.experiment.saved_run import SavedRun, read_run
from textgen.experiment.score_trained import score_trained
from textgen.experiment.trained_entry import TrainedEntry, TrainingRecord
from textgen.generation.bound_sampler import build_sampler
from textgen.results.details import all_settings
from textgen.results.passages import Passage, PassageReading, read_passages
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.json_records import from_values
from textgen.training.progress import Report, Step


@dataclass(frozen=True, kw_only=True)
class WrittenAgain:
    """What a run writes and reads once more."""

    freedom: Freedom | None = None
    """That of the texts that it writes; None if they are not compared."""
    is_same: bool = False
    """True if they are those that were kept."""
    reading: PassageReading | None = None


@dataclass(frozen=True, kw_only=True)
class RunAgain:
    """What was found of a run."""

    facts: dict[str, int | bool]
    """Fields of its row that it tells itself."""
    parts: dict[str, Score]
    problem: str | None
    settings: dict[str, str]
    written: WrittenAgain | None


@dataclass(frozen=True)
class WriteAgain:
    """Lets a run write with a sampler, and read passages."""

    writer: SampleWriter
    config: DeviceConfig
    sampler: str
    seed: int
    saved: Freedom | None
    """That of the texts that were kept; None if none are written again."""
    kept: tuple[str, ...]
    passages: Sequence[Passage]
    """Those to read."""

    def __call__(self, run: SavedRun, report: Report) -> WrittenAgain:
        """Return what it writes and reads."""
        report(Step("writing samples"))
        written = WrittenAgain() if self.saved is None else self._write(self.saved, run)
        if not self.passages:
            return written
        reading = read_passages(run, self.writer.held_out, self.passages, self.config.device)
        return replace(written, reading=reading)

    def _write(self, saved: Freedom, run: SavedRun) -> WrittenAgain:
        """Let a run write at its temperature, and unless that gives the same texts, find that again too."""
        sampler = build_sampler(self.sampler)
        tried = [sampler.at(saved.temperature)] if sampler.entropy and saved.temperature else []
        for each in [*tried, sampler]:
            written = self.writer.measure(run, each, self.seed, self.config)
            if written.texts == self.kept:
                break
        return WrittenAgain(freedom=written.freedom, is_same=written.texts == self.kept)


@dataclass(frozen=True)
class RerunJob:
    """A saved run that is scored once more."""

    run: Path
    entry: Entry
    corpus: Corpus
    device: torch.device
    write_again: WriteAgain | None
    plugin_files: Sequence[Path]
    folder: None = None
    num_assistants: int = 3

    def compute(self, report: Report) -> RunAgain:
        """Return what is found of it; raises `TextgenError` if it cannot be read."""
        report(Step("scoring"))
        files = read_run(self.run)
        result = files.result
        record = TrainingRecord(
            entry=self.entry,
            preparation=result.preparation,
            train=result.train,
            embedding=result.embedding,
            is_lossless=True,
        )
        found = score_trained(
            TrainedEntry(record, files.tokenizer, files.weights),
            self.corpus.split,
            self.device,
            assistants(self.plugin_files),
            train=result.train,
            report=lambda fraction: report(Step("scoring", fraction=fraction)),
        )
        parts = {name: each.score for name, each in found.scores.items()}
        names = ("num_parameters", "num_frozen_parameters", "reads_on", "vocab_size", "state_bytes")
        facts = {"num_copies": self.entry.num_copies, **{name: found.sizes[name] for name in names}}
        written = None
        if self.write_again is not None:
            told = replace(files, weights={})
            values = found.model.ask("write", self.write_again, told, hear=heard(report))
            written = from_values(WrittenAgain, values)
        found.model.end()
        settings, origin = all_settings(self.entry), result.origin
        problem = found.checks.problem or (origin.problem if origin else None)
        return RunAgain(facts=facts, parts=parts, problem=problem, settings=settings, written=written)
