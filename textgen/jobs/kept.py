"""Kept runs: is the run of a job there, does it fit, and how is a new one made and kept?"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from safetensors import SafetensorError

from textgen.contracts import TextgenError
from textgen.experiment.experiment import Experiment
from textgen.experiment.run_lock import discard_outlived, locked_run
from textgen.experiment.saved_run import RunManifest, SavedRun, read_manifest, write_run
from textgen.runtime.storage.files import (
    NotSavedError,
    cannot_write,
    make_folder,
    new_folder,
    remove_unfinished,
)
from textgen.runtime.storage.json_records import read_values
from textgen.training.checkpoints import SNAPSHOTS
from textgen.training.progress import Report, Step, ignore_report


def made_with(folder: Path, pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the device and precision of each result in a folder, without those that cannot be read."""
    for path in sorted(folder.glob(pattern)):
        with suppress(TextgenError, LookupError, TypeError):
            settings = read_values(path)["settings"]
            yield settings["device"], settings["precision"]


def kept_manifest(folder: Path, report: Report) -> RunManifest | None:
    """Return what the run in `folder` says about itself; None if there is none yet."""
    if not folder.exists():
        return None
    discard_outlived(folder)
    report(Step("loading"))
    return read_manifest(folder)


def run_and_save(experiment: Experiment, folder: Path, report: Report = ignore_report) -> SavedRun:
    """Make a run in this process and save it in `folder`, as `make_and_save` does."""
    return make_and_save(partial(experiment.run, report), folder)


def make_and_save(make: Callable[[Path], SavedRun], folder: Path) -> SavedRun:
    """Make a run by a function of its folder of checkpoints, where those of an earlier attempt are.

    Until it is complete, its checkpoints are in `FOLDER.partial`, which is locked: a second process waits.
    Raises `TextgenError` if there is something in `folder` then, and `NotSavedError` with the run if the disk
    is full; then its checkpoints are kept, so that it is not trained again.
    """
    make_folder(folder.parent)
    remove_unfinished(folder.parent)
    with locked_run(folder) as checkpoints:
        check_new(folder)
        made = make(checkpoints)
        try:
            write_run(folder, made.files, checkpoints / SNAPSHOTS)
        except (OSError, SafetensorError) as error:
            raise NotSavedError(folder, error, made) from error
        shutil.rmtree(checkpoints, ignore_errors=True)
        return made


def check_new(folder: str | Path | None) -> None:
    """Raise `TextgenError` if there is something in the folder of a new run, or it cannot be replaced."""
    if folder is None or not Path(folder).exists():
        return
    path = Path(folder)
    if path.samefile(Path()):
        raise TextgenError(f"{str(path)!r} is the current folder; give a new one for the run (--out)")
    discard_outlived(path)
    if not path.is_dir() or any(path.iterdir()):
        raise TextgenError(f"{str(path)!r} already exists; choose another folder (--out)")
    try:
        with new_folder(path):
            pass
    except OSError as error:
        raise cannot_write(path, error) from None


def check_reuse(folder: Path, experiment: Experiment) -> None:
    """Raise `TextgenError` if `folder` holds a run that was made with other settings.

    If it cannot be read, whoever loads it will say so.
    """
    try:
        manifest = read_manifest(folder)
    except TextgenError:
        return
    what = _first_difference(manifest, experiment)
    if what is not None:
        remedy = f"add --precision {manifest.settings.precision}, or " if what == "precision" else ""
        raise TextgenError(
            f"{str(folder)!r} holds a run that differs in its {what}; {remedy}choose another folder (--out)"
        )


def _first_difference(manifest: RunManifest, experiment: Experiment) -> str | None:
    """Return what a kept run and an experiment first differ in, as a message names it; None if they fit."""
    entry, kept, wanted = experiment.entry, manifest.settings, experiment.settings()
    if (manifest.entry if entry.says_copies else manifest.entry.with_copies(1)).parts != entry.parts:
        return "entry"
    for name, value in vars(wanted).items():
        if getattr(kept, name) != value:
            same_text = name == "corpus" and kept.corpus.sha256 == wanted.corpus.sha256
            return "split" if same_text else "plugin versions" if name == "plugins" else name
    return "options" if manifest.entry.options != entry.options else None
