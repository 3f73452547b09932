"""Saved results: runs, measurements, comparisons, studies and checkpoints, damaged or made by an enemy."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import torch

from textgen.contracts import TextgenError
from textgen.experiment.saved_run import SavedRun, load_run
from textgen.library.presentation import document
from textgen.reports.markdown import to_markdown
from textgen.results.folders import identify
from textgen.results.items import read_result
from textgen.runtime.storage.files import write_digests
from textgen.runtime.storage.json_records import read_record, to_json
from textgen.training.checkpoints import Checkpoints
from textgen_benchmarks.fuzzing.kind import Case, Kind, names_below, prepared_once, textgen
from textgen_benchmarks.fuzzing.mutations import (
    damage_folder,
    damaged,
    hostile_file,
    hostile_json,
    hostile_record,
)
from textgen_suites.result import JobResult
from textgen_tuning.result import StudyResult

TINY = "num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=2"
ENTRIES = (f"char-lstm:{TINY}", f"word-lstm:{TINY}", f"bpe-lstm+ngram:{TINY},vocab_size=300", "char-ngram")
TEXT = ("--corpus", "lee", "--max-chars", "4000", "--device", "cpu")
TRAINING = ("--precision", "fp32", "--budget", "2000chars")
SUITE = f"""title = "Fuzz"
budget = "1000chars"
seeds = 1
[[questions]]
name = "level"
text = "Words or characters?"
[[questions.cases]]
label = "characters"
entry = "char-lstm:{TINY}"
[[questions.cases]]
label = "words"
entry = "char-ngram"
"""


def make_runs(folder: Path) -> None:
    """Make runs of several kinds of entries."""
    for number, entry in enumerate(ENTRIES):
        training = TRAINING if "lstm" in entry else ()
        textgen("train", entry, *TEXT, *training, "--out", str(folder / f"{number}"))


def make_results(folder: Path) -> None:
    """Make one result of each kind, all small."""
    prepared_once(make_runs, folder / "runs")
    arguments = (ENTRIES[0], "char-ngram", "word-ngram", *TEXT, *TRAINING, "--length", "40")
    textgen("bench", *arguments, "--sampler", "greedy", "--out", str(folder / "bench"))
    (folder / "suite.toml").write_text(SUITE, "utf-8")
    textgen("suite", str(folder / "suite.toml"), *TEXT, *TRAINING[:2], "--out", str(folder / "suite"))
    study = ("--trials", "2", "--seeds", "1", "--search", "learning_rate=1e-3..1e-2")
    textgen("tune", ENTRIES[0], *TEXT, *TRAINING, *study, "--out", str(folder / "tune"))


# --- runs


def meaning(run: SavedRun) -> tuple[Any, ...]:
    """Return the contents of a run, for comparison."""
    weights = {name: value.numpy().tobytes() for name, value in run.model.module.state_dict().items()}
    said = repr((run.entry, run.settings, run.result, run.sources, run.spellings))
    return said, json.dumps(run.tokenizer.state(), sort_keys=True), weights


@cache
def true_meaning(folder: Path) -> tuple[Any, ...]:
    """Return the contents of an undamaged run."""
    return meaning(load_run(folder, "cpu"))


def copied(case: Case) -> tuple[Path, Path]:
    """Copy one of the prepared folders; return it and its copy."""
    origin = case.chance.choice(sorted(path for path in case.prepared.iterdir() if path.is_dir()))
    return origin, Path(shutil.copytree(origin, case.place / "copy"))


def damaged_run(case: Case) -> str | None:
    """Load a run after an accident; it must be refused or say the same."""
    origin, copy = copied(case)
    damage_folder(copy, case.chance)
    before = names_below(case.place)
    run = load_run(copy, "cpu")
    if meaning(run) != true_meaning(origin):
        return "unnoticed: a damaged run says something else"
    return None if names_below(case.place) == before else "left: loading a run changes its folder"


def hostile_run(case: Case) -> str | None:
    """Load a run that somebody made, digests included; use it if it can be loaded."""
    _, copy = copied(case)
    files = [path for path in sorted(copy.iterdir()) if path.name != "files.json"]
    hostile_file(case.chance.choice(files), case.chance)
    write_digests(copy)
    run = load_run(copy, "cpu")
    if sum(value.numel() for value in run.model.module.state_dict().values()) > 10**7:
        return "memory: it has more weights than its file holds"
    return None


def hostile_digests(case: Case) -> str | None:
    """Load a run whose list of files is hostile."""
    origin, copy = copied(case)
    path = copy / "files.json"
    path.write_bytes(hostile_json(json.loads(path.read_text()), case.chance).encode("utf-8", "surrogatepass"))
    is_same = meaning(load_run(copy, "cpu")) == true_meaning(origin)
    return None if is_same else "unnoticed: it says something else"


# --- results


def hostile_result(case: Case) -> str | None:
    """Read a comparison, suite or study whose JSON is hostile, and write its report."""
    file = case.chance.choice(("bench/bench.json", "suite/suite.json", "tune/study.json"))
    path = case.place / Path(file).name
    path.write_bytes(hostile_record((case.prepared / file).read_bytes(), case.chance))
    place = identify(case.place)
    if place is None:
        return "refused: a result is not recognized by its file"
    result = read_result(place)
    to_json(result)
    to_markdown(document(result))
    return None


def measurement(case: Case) -> str | None:
    """Read a measurement of a suite that was damaged, or is hostile."""
    origin = case.chance.choice(sorted((case.prepared / "suite" / "jobs").glob("*.json")))
    path = case.place / origin.name
    if case.chance.random() < 0.5:
        path.write_bytes(hostile_record(origin.read_bytes(), case.chance))
        to_json(read_record(JobResult, path))
        return None
    path.write_bytes(damaged(origin.read_bytes(), case.chance))
    is_same = to_json(read_record(JobResult, path)) == to_json(read_record(JobResult, origin))
    return None if is_same else "unnoticed: a damaged measurement says something else"


# --- checkpoints


def make_checkpoints(folder: Path) -> None:
    """Make two checkpoints and a finished training run, as they are on disk after a kill."""
    values = {"curve": [1.5, None], "names": ("a", "b"), 3: "three"}
    checkpoints = Checkpoints(folder / "model", interval=0.0, identity="fuzz")
    for number in range(2):
        state = {**values, "number": number, "weights": torch.full((3, 4), float(number))}
        checkpoints.save(state)


def damaged_checkpoint(case: Case) -> str | None:
    """Continue from checkpoints after an accident: with one of those that were written, or with none."""
    _, copy = copied(case)
    damage_folder(case.chance.choice(sorted(copy.iterdir())), case.chance)
    state = Checkpoints(copy, interval=0.0, identity="fuzz").latest()
    if state is None:
        return "lost: no checkpoint can be read though one is whole"
    origin = Checkpoints(case.prepared / "model", interval=0.0, identity="fuzz").latest()
    number = int(state["weights"][0, 0]) if isinstance(state["weights"], torch.Tensor) else -1
    wanted = {**origin, "number": number, "weights": torch.full((3, 4), float(number))}
    is_same = number in (0, 1) and repr(wanted) == repr(state)
    return None if is_same else "unnoticed: a damaged checkpoint is continued from"


def hostile_checkpoint(case: Case) -> str | None:
    """Continue from checkpoints that somebody made: anything but a failure."""
    _, copy = copied(case)
    for folder in sorted(copy.iterdir()):
        hostile_file(case.chance.choice(sorted(folder.iterdir())), case.chance)
        write_digests(folder)
    checkpoints = Checkpoints(copy, interval=0.0, identity="fuzz")
    checkpoints.latest()
    checkpoints.finished()
    return None


# --- studies


def damaged_study(case: Case) -> str | None:
    """Read a study after an accident; what can be read is reported."""
    copy = Path(shutil.copytree(case.prepared / "tune", case.place / "tune"))
    damage_folder(copy, case.chance)
    place = identify(copy)
    if place is None:
        return None  # it has no result any more
    result = read_result(place)
    assert isinstance(result, StudyResult)
    to_markdown(document(result))
    return None


def reading_twice(case: Case) -> str | None:
    """Check that what is refused is refused again, and for the same reason."""
    _, copy = copied(case)
    damage_folder(copy, case.chance, odd=False)
    said = []
    for _ in range(2):
        try:
            load_run(copy, "cpu")
            said.append("")
        except TextgenError as error:
            said.append(str(error))
    return None if said[0] == said[1] else f"changed: {said}"


KINDS = (
    Kind("damaged runs", damaged_run, 3500, make_runs),
    Kind("hostile runs", hostile_run, 3000, make_runs),
    Kind("hostile lists of files", hostile_digests, 500, make_runs),
    Kind("damaged runs read twice", reading_twice, 300, make_runs),
    Kind("hostile results", hostile_result, 2000, make_results),
    Kind("measurements", measurement, 1500, make_results),
    Kind("damaged studies", damaged_study, 500, make_results),
    Kind("damaged checkpoints", damaged_checkpoint, 1500, make_checkpoints),
    Kind("hostile checkpoints", hostile_checkpoint, 1000, make_checkpoints),
)
