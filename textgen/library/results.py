"""Saved results: verified, shown as a page, compared; and the layers of models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textgen import defaults
from textgen.comparison.bench import DETAILS
from textgen.contracts import TextgenError
from textgen.data.corpus import Corpus
from textgen.data.vocabulary import byte_mask
from textgen.experiment.entry_parser import parse_entry
from textgen.experiment.saved_run import Trained, load_run
from textgen.library.corpus import TextSource, check_text, loaded
from textgen.library.model_layers import ModelSummary, summarize_entry, summarize_run, summarize_untrained
from textgen.library.options import Refuse, SampleOptions, changed, refusing, several
from textgen.library.verifying import ResultVerifier
from textgen.reports.bench_report import bench_report
from textgen.reports.html import to_html
from textgen.reports.ladder_report import ladder_report
from textgen.reports.study_report import study_report
from textgen.reports.suite_report import suite_report
from textgen.results.comparison import Comparison
from textgen.results.details import Details
from textgen.results.differences import RunComparison, WritingOptions, compare
from textgen.results.folders import Kind
from textgen.results.guesses import guessed_by_reader
from textgen.results.items import best_runs
from textgen.results.ladder import Ladder
from textgen.results.names import find, find_run_or_entry
from textgen.results.study import StudyResult
from textgen.results.suite import SuiteResult
from textgen.results.verification import Verification, VerificationCheck, uncovered
from textgen.runtime.device import choose_device
from textgen.runtime.messages import UsageError
from textgen.runtime.storage.files import write_file
from textgen.runtime.storage.json_records import read_record

BENCH, SUITE, STUDY, LADDER = FILES = ("bench.json", "suite.json", "study.json", "ladder.json")
"""Files of which a folder of results has one."""
PAGE = "report.html"
RESULTS: tuple[Kind, ...] = ("bench", "ladder", "suite", "tune")
"""The kinds of results that have a report and can be verified."""


def describe(
    what: str | Path, corpus: TextSource = defaults.CORPUS, *, vocab_size: int | None = None
) -> ModelSummary:
    """Return the layers of the model of a run, or of an entry, with their shapes and parameter counts.

    The vocabulary of an entry is that of the text, unless its size is given. Raises `TextgenError` if there
    is no such run or entry.
    """
    text = None if isinstance(corpus, Corpus) else check_text(corpus)
    given = {"corpus"} if text is None else changed(text)
    refuse = refusing({*given, *([] if vocab_size is None else ["vocab_size"])})
    refuse(["split"], "on the layers of a model")
    run = check_describe(str(what), vocab_size, refuse)
    if run is not None:
        return summarize_run(run)
    entry = parse_entry(str(what))
    return (
        summarize_entry(entry, loaded(corpus))
        if vocab_size is None
        else summarize_untrained(entry, vocab_size)
    )


def check_describe(what: str, vocab_size: int | None, refuse: Refuse) -> Path | None:
    """Return the folder of a run, or None for an entry; refuse a text and a vocabulary that are not used."""
    text = ["corpus", "clean", "max_chars", "encoding"]
    run = find_run_or_entry(what)
    if run is not None:
        refuse(["vocab_size", *text], f"on {what!r}, a run with a vocabulary of its own")
    elif vocab_size is not None:
        refuse(text, "with --vocab-size, which needs no text")
    return run


def report(name: str | Path, *, with_models: bool = False) -> Path:
    """Write the page of a bench, ladder, suite or study again; return its path.

    `name` is a folder, part of its name, or `latest`. With `with_models`, the page of a bench contains its
    small recurrent models over characters and writes with them. Raises `TextgenError` without results.
    """
    found = find(str(name), kinds=RESULTS)
    folder = found.path
    if with_models and not (folder / BENCH).is_file():
        raise UsageError("with models has an effect on the page of a bench only; leave it out")
    if (folder / BENCH).is_file():
        bench = read_record(Comparison, folder / BENCH)
        if not (folder / DETAILS).is_file():
            raise TextgenError(
                f"{str(folder)!r} lacks {DETAILS}, what its runs read and wrote: run the bench again with "
                f"--out {folder}, which reuses the runs"
            )
        models = page_models(best_runs(found, len(found.runs))) if with_models else ()
        details = read_record(Details, folder / DETAILS)
        page = bench_report(bench, details, models, guessed_by_reader(folder))
    elif (folder / LADDER).is_file():
        page = ladder_report(read_record(Ladder, folder / LADDER))
    elif (folder / SUITE).is_file():
        page = suite_report(read_record(SuiteResult, folder / SUITE))
    elif (folder / STUDY).is_file():
        page = study_report(read_record(StudyResult, folder / STUDY))
    else:
        raise TextgenError(f"no results in {str(folder)!r}: give the folder of a bench, suite or study")
    write_file(folder / PAGE, to_html(page))
    return folder / PAGE


def verify(
    result: str | Path,
    *,
    runs: bool = False,
    device: str = "auto",
    on_check: Callable[[VerificationCheck], None] = lambda check: None,
) -> Verification:
    """Compute the numbers of a saved result again, from others in it or from its runs, and name the rest.

    `result` is a file, its folder, part of its name, or `latest`. The rows of a bench are compared with the
    files of its runs, if they are there. With `runs` the text is loaded again too, the saved runs score it on
    `device`, and what they wrote is measured. `on_check` is called after each check. Raises `TextgenError` if
    the result is damaged or lacks its digest.
    """
    if device != "auto" and not runs:
        raise UsageError("device has no effect without runs; leave it out")
    verifier = ResultVerifier(_find_result(Path(result)), device if runs else None)
    checks = []
    for check in verifier.checks():
        checks.append(check)
        on_check(check)
    agrees = not any(check.disagreements for check in checks)
    return Verification(str(verifier.path), agrees, tuple(checks), uncovered(verifier.kinds, checks))


def compare_runs(
    names: Sequence[str], root: Path, samples: SampleOptions | None, *, seed: int, device: str
) -> RunComparison:
    """Return how runs differ: their settings, scores and, unless `samples` is None, what they write."""
    if samples is None:
        return compare(names, root, None)
    sampler = several(samples.sampler)[0]
    writing = WritingOptions(
        prompt=next(iter(several(samples.prompt)), None),
        sampler=defaults.SAMPLER if sampler == defaults.EQUAL_SAMPLER else sampler,
        num_chars=samples.length,
        seed=seed,
        device_config=choose_device(device, "fp32"),
    )
    return compare(names, root, writing)


def _find_result(file: Path) -> Path:
    """Return the file of a result, which is given itself, by its folder or by a name."""
    if not file.exists() and file.suffix != ".json":
        return find(str(file), kinds=RESULTS).file
    if not file.is_dir():
        return file
    path = next((file / name for name in FILES if (file / name).exists()), None)
    if path is None:
        raise TextgenError(f"the folder {str(file)!r} contains no result; give one with {' or '.join(FILES)}")
    return path


MAX_BYTES = 4_000_000
"""Size of a model that a page may have, in 8 bits."""


def page_models(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Return those runs that a page can compute, as JSON values; raises `TextgenError` if there are none."""
    device = choose_device("cpu", "fp32").device
    reasons, found = [], []
    for folder in folders:
        run = load_run(folder, device)
        try:
            found.append({"name": run.entry.name, **page_model(run)})
        except TextgenError as error:
            reasons.append(str(error))
    if not found:
        raise TextgenError(f"no model can be a part of a page: {'; '.join(reasons)}")
    return found


def page_model(trained: Trained) -> dict[str, Any]:
    """Return a model as JSON values; raises `TextgenError` with the reason if a page cannot compute it."""
    name = trained.entry.name
    network = trained.model.portable()
    if network is None:
        raise TextgenError(f"{name!r} is not one stack of recurrent layers with one softmax")
    tokens = trained.tokenizer.tokens
    if not all(len(token) == 1 or is_byte for token, is_byte in zip(tokens, byte_mask(tokens), strict=True)):
        raise TextgenError(f"the tokens of {name!r} are not single characters")
    if network.num_bytes > MAX_BYTES:
        raise TextgenError(f"{name!r} has {network.num_bytes:,} bytes, of at most {MAX_BYTES:,}")
    return {"tokens": list(tokens), **network.values()}
