"""Verification of a saved comparison by its runs: their own files, and what they predict when run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus, load_again
from textgen.evaluation.memorization import find_overlap
from textgen.experiment.entry_result import EntryResult, RunResult
from textgen.experiment.saved_run import SavedRun, load_run, read_manifest
from textgen.experiment.score_run import score_held_out
from textgen.nn.weights import num_frozen_parameters, num_parameters
from textgen.registry.registry import describe_error
from textgen.results.comparison import Comparison
from textgen.results.details import Details
from textgen.results.folders import run_folder
from textgen.results.verification import Disagreement, VerificationCheck, compared
from textgen.results.verify_bench import row_name, scores_of
from textgen.results.verify_written import WrittenAgain

SAME_SCORE = 1e-4
"""Bits per character by which the score of a run may change on another machine."""


def has_runs(result: Comparison, folder: Path) -> bool:
    """Return whether a folder holds all runs of a comparison."""
    return bool(result.runs) and all(_folder(folder, row).is_dir() for row in result.runs)


def verify_rows(result: Comparison, folder: Path) -> VerificationCheck:
    """Return the check of rows against the results that the runs in `folder` were saved with."""
    saved, own, lost = dict[str, Any](), dict[str, Any](), []
    for row in result.runs:
        try:
            manifest = read_manifest(_folder(folder, row))
        except TextgenError as error:
            lost.append(Disagreement(row_name(row), "a run", f"nothing: {error}"))
            continue
        names = [field.name for field in fields(RunResult)]
        # Of the sources only this, since a run that is reused may know the same text by another path.
        sources = {"max_chars": result.sources.max_chars}
        text = {"sources": sources, "corpus": result.corpus, "budget": result.budget}
        saved[row_name(row)] = text | {name: getattr(row, name) for name in names}
        settings = manifest.settings
        sources = {"max_chars": manifest.sources.max_chars}
        text = {"sources": sources, "corpus": settings.corpus, "budget": settings.budget}
        own[row_name(row)] = text | vars(manifest.result)
    covers = ["sources.max_chars", "corpus", *(f"entries.*.{field.name}" for field in fields(RunResult))]
    check = compared("rows of the runs' own files", saved, own, covers=covers)
    return replace(check, disagreements=(*lost, *check.disagreements))


def verify_runs(
    result: Comparison, details: Details | None, folder: Path, device: torch.device
) -> Iterator[VerificationCheck]:
    """Yield checks of the text, loaded again, and of what the runs in `folder` predict and wrote.

    Raises `TextgenError` if the text cannot be loaded.
    """
    corpus = loaded_again(result)
    text = compared("properties of the text", vars(result.corpus), vars(corpus.info))
    yield text
    if text.disagreements:
        return
    if result.overlap is not None:  # older results lack it
        overlap = find_overlap(corpus.split.held_out.stretches(), corpus.split.train.text)
        saved, found = {"overlap": result.overlap}, {"overlap": overlap}
        yield compared("overlaps with the training text", saved, found, covers=["overlap"])
    written = WrittenAgain.of(result, details, corpus, device) if details else None
    if written:
        yield from written.checks()
    yield from _rescored(result, corpus, folder, device, written)


def loaded_again(result: Comparison) -> Corpus:
    """Return the text of a comparison, read again; raises `TextgenError` if that is not possible."""
    sources = result.sources
    if not sources.names or "-" in sources.names:
        origin = "standard input" if sources.names else "a source that was not recorded"
        raise TextgenError(f"the text was read from {origin}, so the runs cannot be scored again")
    return load_again(sources, result.corpus.cleaner, result.corpus.split.method)


def _rescored(
    result: Comparison, corpus: Corpus, folder: Path, device: torch.device, written: WrittenAgain | None
) -> Iterator[VerificationCheck]:
    """Yield the checks of what all runs predict: scores, sizes, and with `written` what else they do."""
    largest, number, wrong = 0.0, 0, []
    facts, again = dict[str, Any](), dict[str, Any]()
    for row in result.runs:
        name = row_name(row)
        try:
            run, twin = (load_run(_folder(folder, row), device) for _ in range(2))
            again[name] = {
                field: fact for field, fact in _facts(run).items() if getattr(row, field) is not None
            }
            facts[name] = {field: getattr(row, field) for field in again[name]}  # older results lack some
            for part, saved in scores_of(row).items():
                texts = corpus.split.scored(part).stretches()
                ids = [run.tokenizer.encode(text) for text in texts]
                is_ranked = part == result.scored_on
                scored = score_held_out(run, texts, ids, device, twin=twin.model, has_checks=is_ranked)
                recomputed = scored.score.bits_per_char
                number += 1
                if is_ranked and (scored.checks.problem is None) != (row.problem is None):
                    wrong.append(Disagreement(f"{name}, rank", row.problem, scored.checks.problem))
                largest = max(largest, abs(recomputed - saved.bits_per_char))
                if abs(recomputed - saved.bits_per_char) > SAME_SCORE:
                    wrong.append(Disagreement(f"{name}, {part}", saved.bits_per_char, recomputed))
                facts[name][f"{part}, oov_rate"] = saved.oov_rate
                again[name][f"{part}, oov_rate"] = scored.score.oov_rate
            if written:
                written.read(row, run)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # one run must not keep the others from being checked
            score = row.score(result.scored_on)
            saved_bits = score.bits_per_char if score else "no score"
            wrong.append(Disagreement(name, saved_bits, f"nothing: {describe_error(error)}"))
    remark = f", the largest difference is {largest:.1g} bits per character"
    yield VerificationCheck("scores of saved runs", number, tuple(wrong), remark)
    yield compared("facts of saved runs", facts, again)
    if written:
        yield from written.checks_of_runs()


def _facts(run: SavedRun) -> dict[str, Any]:
    """Return fields of a row that the run itself tells."""
    return {
        "num_copies": run.entry.num_copies,
        "num_parameters": num_parameters(run.model.module),
        "num_frozen_parameters": num_frozen_parameters(run.model.module),
        "reads_on": run.entry.reads_on,
        "vocab_size": run.tokenizer.vocab_size,
        "state_bytes": run.model.state_bytes,
    }


def _folder(folder: Path, row: EntryResult) -> Path:
    return run_folder(folder, row.name, row.seed)
