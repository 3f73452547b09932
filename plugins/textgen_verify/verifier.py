"""Saved results verified: comparisons by their numbers, runs and references, others by their own kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from textgen.comparison.kinds import BENCH, DETAILS
from textgen.comparison.references import score_references
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.defaults import ENTRY_TIMEOUT
from textgen.evaluation.baselines import PPMD, READING_ON, XZ
from textgen.experiment.entry_parser import split_yardsticks
from textgen.experiment.saved_run import read_manifest
from textgen.jobs.plugin_code import informed, read_reference
from textgen.registry.registry import plugins
from textgen.reports.html import to_html
from textgen.reports.markdown import to_markdown
from textgen.results.comparison import Comparison
from textgen.results.details import Details
from textgen.results.folders import run_folder
from textgen.results.guesses import GUESSES, Guesses
from textgen.results.header import Header
from textgen.results.kinds import kind_of, kinds
from textgen.results.ladder import Ladder
from textgen.results.names import HAS_PAGE, find
from textgen.runtime.device import DeviceConfig, choose_device
from textgen.runtime.messages import UsageError, one_line
from textgen.runtime.storage.json_records import read_record, read_values
from textgen.runtime.storage.result_folders import MARKDOWN, PAGE
from textgen.training.budget import parse_budget, parse_duration
from textgen.version import __version__
from textgen_verify.rebuilt import verify_comparison, verify_ladder, verify_rungs
from textgen_verify.remeasured import has_runs, loaded_again, verify_rows, verify_runs
from textgen_verify.verification import Disagreement, Partial, VerificationCheck, VerifiedFiles, compared

SAME_REFERENCE = 1e-3
"""The share by which other versions of a compressor, or other roundings, may change the bits of a stretch."""
COMPARED = ("name", "bits_per_char", "interval", "reads_on", "units")
"""What is computed again of a reference; its description is only text."""
WRITE = 'id="write"'
"""What a page has if it has models."""


def check_comparison(files: VerifiedFiles, path: Path) -> Iterator[VerificationCheck]:
    """Yield the checks of a comparison's numbers, and of those of its runs if they are there."""
    result, place = files.read(Comparison, path), files.place(path)
    for check in _checks(files, result, path.parent):
        yield check.within(place, result.budget if place else "")


def _checks(files: VerifiedFiles, result: Comparison, folder: Path) -> Iterator[VerificationCheck]:
    details = files.read(Details, folder / DETAILS) if (folder / DETAILS).is_file() else None
    if (folder / GUESSES).is_file():  # of readers; nothing tells whether they are right
        files.read(Guesses, folder / GUESSES)
    yield from verify_comparison(result)
    if files.device is not None or has_runs(result, folder):
        yield verify_rows(result, folder)
    if files.device is not None:
        corpus = loaded_again(result)
        text = compared("properties of the text", result.corpus, corpus.info).within("corpus.")
        yield text
        if not text.disagreements:
            yield from verify_runs(
                result, details, corpus, folder, choose_device(files.device, "fp32").device
            )
            yield from verify_references(result, corpus, folder)


def check_ladder(files: VerifiedFiles, path: Path) -> Iterator[VerificationCheck]:
    """Yield the checks of a ladder's numbers, and those of its benches if they are all there."""
    result = files.read(Ladder, path)
    yield from verify_ladder(result)
    benches = [path.parent / budget / BENCH for budget in result.budgets]
    if all(bench.is_file() for bench in benches):
        yield verify_rungs(result, [read_record(Comparison, bench) for bench in benches])
        for bench in benches:
            yield from check_comparison(files, bench)


def verify_references(result: Comparison, corpus: Corpus, folder: Path) -> Iterator[VerificationCheck]:
    """Yield the check of the compressors and reference entries of a comparison, scored again on its text.

    One that the machine of the comparison may have lacked is not missed.
    """
    trained = split_yardsticks(each.name for each in result.references)[0]
    saved = {each.name: each for each in result.references if each.name in trained}
    if not saved:  # as in the final comparison of a study
        return
    runs = {row.name: run_folder(folder, row.name, row.seed) for row in result.runs}
    entries = [informed(read_manifest(run).entry) for run in runs.values()]
    budget, silence = parse_budget(result.budget), parse_duration(ENTRY_TIMEOUT, "entry_timeout")
    made = score_references(entries, corpus, budget, DeviceConfig(torch.device("cpu"), "fp32"), silence)
    again = {
        each.name: Partial({name: getattr(each, name) for name in COMPARED})
        for each in made
        if each.name in saved or each.name in _always(result)
    }
    missing = {name: Partial() for name in saved if name not in again}  # its package or plugin is missing
    check = compared("references", saved, again | missing, relative=SAME_REFERENCE)
    yield replace(check, covers=() if missing else tuple(f"references.*.{name}" for name in COMPARED))


def _always(result: Comparison) -> set[str]:
    """Return the references that a comparison has unless one of its entries is the same."""
    ppmd = (PPMD, READING_ON) if "pyppmd" in result.versions else ()
    own = (read_reference(plugin.name).name for plugin in plugins("reference") if plugin.is_own)
    return {XZ, *ppmd, *own} - {row.name for row in result.entries}


CHECKS = {Comparison: check_comparison, Ladder: check_ladder}
"""What yields the checks of results of textgen itself, by the types of their records."""


def checks_of(files: VerifiedFiles) -> Iterator[VerificationCheck]:
    """Yield all checks of a result: those of its kind, and of the reports beside it.

    Raises `TextgenError` if it is not a result, is damaged or lacks its digest, and `UsageError` if runs
    shall score again that it does not keep.
    """
    path, values = files.path, read_values(files.path)
    shown = [kind for kind in kinds().values() if kind.has_page]
    known = (each for each in shown if (each.field in values if each.field else each.file == path.name))
    if (kind := next(known, None)) is None:
        raise TextgenError(f"{str(path)!r} is not a result of textgen bench, suite or tune")
    if files.device is not None and not kind.ranks_runs:
        reason = "only a bench keeps its runs; leave it out"
        raise UsageError(f"--runs has no effect on {str(path)!r}: {reason}")
    check = getattr(kind, "verify", None) or CHECKS.get(kind.record())
    try:
        if check:
            yield from check(files, path)
        else:  # what is found is that it is whole
            files.read(kind.record(), path)
        for file, result in files.results:
            yield from _reports(files, file.parent, result)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TextgenError(f"{str(path)!r} is damaged, it cannot be recomputed: {one_line(error)}") from error


def _reports(files: VerifiedFiles, folder: Path, result: Header) -> Iterator[VerificationCheck]:
    """Yield the check of the reports beside a result, if this version wrote them, made again.

    A page with models cannot be, since nothing else loads models here.
    """
    found = [file for name in (MARKDOWN, PAGE) if (file := folder / name).is_file()]
    files.kinds.update(map(files.name, found))
    kind, is_ours = kind_of(result), result.versions.get("textgen") == __version__
    lacks_details = isinstance(result, Comparison) and not (folder / DETAILS).is_file()
    if not found or not is_ours or lacks_details:
        return
    report = kind.page(result, folder, with_models=False)
    wrong, covers = list[Disagreement](), list[str]()
    for file in found:
        saved, is_page = file.read_text("utf-8", errors="replace"), file.name == PAGE
        if file.name in kind.files() and not (is_page and WRITE in saved):
            covers.append(files.name(file))
            if saved != (to_html(report) if is_page else to_markdown(report)):
                wrong.append(Disagreement(files.name(file), "another", "that of the result"))
    if covers:
        yield VerificationCheck("reports", len(covers), tuple(wrong), covers=tuple(covers))


def find_result(result: str | Path) -> Path:
    """Return the file of a result, which is given itself, by its folder or by a name."""
    file = Path(result)
    if not file.exists() and file.suffix != ".json":
        return find(str(file), chosen=HAS_PAGE).file
    if not file.is_dir():
        return file
    names = [kind.file for kind in kinds().values() if kind.has_page]
    path = next((file / name for name in names if (file / name).exists()), None)
    if path is None:
        raise TextgenError(f"the folder {str(file)!r} contains no result; give one with {' or '.join(names)}")
    return path
