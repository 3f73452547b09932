"""Bundled commands: models and looks inside them, texts by label, pages, ONNX files, lm-eval, runs, a tour.

    from textgen_tools import describe, look

    describe("runs/char").num_parameters
    look(["runs/novel"]).entries[0].cells

`textgen describe` and `textgen look` do the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from textgen import defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from textgen.experiment.entry_result import Sample
    from textgen.library.corpus import TextSource
    from textgen.library.runs import Run
    from textgen.training.progress import Report
    from textgen_tools.checkup.steps import Checkup
    from textgen_tools.conditions.result import ByLabel
    from textgen_tools.inside.result import Look
    from textgen_tools.lm_eval_compared import ImportedLogs
    from textgen_tools.model_layers import ModelSummary

Until: TypeAlias = Literal["line", "sentence", "paragraph"]
"""Where a text ends: at a line break, after a sentence, or at a blank line."""
__all__ = ["describe", "doctor", "import_lm_eval", "items", "labels", "look", "report"]


def describe(
    what: str | Path, corpus: TextSource = defaults.CORPUS, *, vocab_size: int | None = None
) -> ModelSummary:
    """Return the layers of the model of `what`, a run or an entry, with their shapes and parameter counts.

    The vocabulary of an entry is that of the text of `corpus`, unless `vocab_size` is its size. Raises
    `TextgenError` if there is no such run or entry.
    """
    from textgen.library.corpus import as_text
    from textgen.library.options import changed, refusing
    from textgen_tools.model_layers import describe_as

    text = as_text(corpus)
    given = changed(text) | (set() if vocab_size is None else {"vocab_size"})
    return describe_as(str(what), text, vocab_size, refusing(given))


def look(names: Sequence[str | Path], *, device: str = "auto", report: Report | bool | None = None) -> Look:
    """Return what the runs that `names` mean learnt, when, and what they remember of held-out text.

    A bench stands for its best entries, with their first seed. The text is read again from where the runs
    read it; they compute on `device`. `report` is that of `bench`. Raises `TextgenError` if there is no such
    run, if the runs were not trained on the same text, or if it has changed.
    """
    from textgen.library.progress import shown
    from textgen_tools.inside.looking import look_at

    with shown(report) as tell:
        return look_at(list(map(str, names)), device, tell)


def labels(
    names: Sequence[str | Path],
    against: Sequence[str | Path] = (),
    *,
    number: int = 20,
    length: int = 300,
    sampler: str = defaults.SAMPLER,
    seed: int = 0,
    device: str = "auto",
    report: Report | bool | None = None,
) -> ByLabel:
    """Return what labels are worth to the runs that `names` mean, who writes like whom, and texts by label.

    A bench stands for all of its runs. Those of `against` are of the same entries, trained on the same text
    without labels. For each label, the first seed of an entry writes a `number` of texts of `length`
    characters by `sampler`, from `seed` on. Runs compute on `device`; `report` is that of `bench`. Raises
    `TextgenError` if there is no such run, or if the text has no labels, differs, or has changed.
    """
    from textgen.library.progress import shown
    from textgen_tools.conditions.measuring import Writing, measure

    writing = Writing(number=number, num_chars=length, sampler=sampler, seed=seed)
    with shown(report) as tell:
        return measure(list(map(str, names)), list(map(str, against)), writing, device, tell)


def items(
    run: Run,
    number: int,
    prompt: str = "",
    *,
    until: Until = "line",
    unique: bool = False,
    new: bool = False,
    seed: int = 0,
    **settings: Any,
) -> Iterator[Sample]:
    """Yield a `number` of texts of `run` that end with a line, sentence or paragraph, as names or verses do.

    `until` is that end. What has none after the `length` in `settings` is left out; with `unique` so is what
    was there before, and with `new` what the training text has. There are fewer, with a `TextgenWarning`, if
    too few of twenty times as many texts are such. `prompt`, `seed` and `settings`, such as `label`, are
    those of `Run.samples`.
    """
    from textgen_tools.lists import written_items

    yield from written_items(run, number, prompt, until, unique=unique, new=new, seed=seed, settings=settings)


def report(name: str | Path, *, with_models: bool = False) -> Path:
    """Write the page of a bench, ladder, suite or study again; return its path.

    `name` is a folder, part of its name, or `latest`. With `with_models`, the page of a bench contains its
    small recurrent models over characters and writes with them. Raises `TextgenError` without results.
    """
    from textgen.results.items import read_result
    from textgen.results.names import HAS_PAGE, find
    from textgen.runtime.messages import UsageError
    from textgen.runtime.storage.files import write_file
    from textgen.runtime.storage.result_folders import PAGE

    found = find(str(name), chosen=HAS_PAGE)
    if with_models and not found.kind.has_models:
        raise UsageError("with models has an effect on the page of a bench only; leave it out")
    page = found.path / PAGE
    write_file(page, found.kind.html(read_result(found), found.path, with_models=with_models))
    return page


def import_lm_eval(*logs: str | Path) -> ImportedLogs:
    """Return the scores in `logs` of lm-eval, and how those of the others differ from those of the first.

    A log is a folder of `--output_path`, or a file of samples in it. Raises `TextgenError` if one has no
    samples, or if two share no metric or have other documents or prompts.
    """
    from textgen_tools.lm_eval_compared import import_logs

    return import_logs(logs)


def doctor(
    out: str | Path,
    steps: Sequence[str] = (),
    *,
    budget: str = "60s",
    device: str = "auto",
    report: Callable[[str], object] | None = None,
) -> Checkup:
    """Return what this machine does on a `device`, and write it to the new file `out`.

    `steps` are those of `textgen_tools.checkup.steps.STEPS`, by default all; `budget` is that of each entry
    of the bench; `report` is told what begins. Raises `TextgenError` if there is no such device or step, or
    if the file exists.
    """
    from textgen.runtime.device import choose_device
    from textgen.runtime.messages import UsageError
    from textgen.runtime.storage.files import write_file
    from textgen.runtime.storage.json_records import to_json
    from textgen.training.budget import parse_budget
    from textgen_tools.checkup.steps import check_up

    if Path(out).exists():
        raise UsageError(f"{str(out)!r} exists; give a new file")
    parse_budget(budget)
    found = str(choose_device(device).device)
    result = check_up(found, budget, steps, report or (lambda step: None))
    write_file(Path(out), to_json(result))
    return result
