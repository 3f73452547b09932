"""The weights at each validation: kept with a run, loaded again, and there after a kill."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import textgen
from textgen.contracts import TextgenError
from textgen.experiment.run_lock import partial_folder
from textgen.nn.weights import weights_of
from textgen.results.folders import identify, remove_results
from textgen.training.checkpoints import INTERVAL
from textgen.training.progress import Step

SMALL = "lstm:num_layers=1,hidden_size=8,batch_size=4,sequence_length=16,num_validations=4"
ENTRY = f"char-{SMALL},snapshots=true"
TEXT = textgen.TextOptions("lee", max_chars=20_000)
CPU = textgen.ClusterOptions(device="cpu", precision="fp32")


class KilledError(BaseException):
    """The process ends."""


def trained(out: Path, entry: str = ENTRY, report: object = False) -> textgen.Run:
    return textgen.train(entry, TEXT, budget="6000chars", cluster=CPU, out=out, report=report)  # type: ignore[arg-type]


def loaded(run: Path, after: int | None = None) -> textgen.Run:
    return textgen.load(run, device="cpu", after=after)


def same(one: textgen.Run, other: textgen.Run) -> bool:
    mine, its = (weights_of(run.saved.model.module) for run in (one, other))
    return mine.keys() == its.keys() and all(torch.equal(mine[name], its[name]) for name in mine)


def files(run: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run)): path.read_bytes() for path in run.glob("snapshots/*/*") if path.is_file()
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> textgen.Run:
    return trained(tmp_path_factory.mktemp("runs") / "run")


def test_each_validation_is_kept_and_the_best_one_is_the_run(run: textgen.Run) -> None:
    result = run.result.train
    assert run.snapshots == result.curve
    assert len(run.snapshots) == 4
    best = loaded(run.folder, result.best_update)
    assert same(best, loaded(run.folder))
    first = loaded(run.folder, run.snapshots[0].num_updates)
    assert not same(first, best)
    text = textgen.load_corpus("lee", max_chars=20_000).split.validation.text
    scores = [
        loaded(run.folder, point.num_updates).score(text, clean="raw").bits_per_char
        for point in run.snapshots
    ]
    known = [point.validation_bits_per_char or 0.0 for point in run.snapshots]
    assert scores == pytest.approx(known, rel=0.05)  # training validates on a part of the text
    places = range(len(known))
    assert sorted(places, key=scores.__getitem__) == sorted(places, key=known.__getitem__)


def test_a_killed_run_has_all_of_them_and_what_it_wrote(
    run: textgen.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(INTERVAL, "0")
    second = run.snapshots[1].num_updates

    def kill(step: Step) -> None:
        if step.progress and step.progress.num_updates > second:
            raise KilledError

    with pytest.raises(KilledError):
        trained(tmp_path / "run", report=kill)
    left = partial_folder(tmp_path / "run") / "snapshots" / "000001"  # of another attempt
    left.mkdir()
    again = trained(tmp_path / "run")
    assert files(tmp_path / "run") == files(run.folder)
    moments = ([(at.progress.num_updates, at.text) for at in of.result.train.moments] for of in (again, run))
    assert next(moments) == next(moments) != []
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_continued_run_has_those_since_then(run: textgen.Run, tmp_path: Path) -> None:
    longer = run.train("+3000chars", out=tmp_path / "longer")
    assert longer.snapshots == longer.result.train.curve[4:]
    assert len(longer.snapshots) == 4
    assert same(loaded(longer.folder, longer.result.train.best_update), longer)
    with pytest.raises(TextgenError, match=r"training continues from the end; load '.*' without after"):
        loaded(run.folder, run.snapshots[0].num_updates).train("+1s", out=tmp_path / "other")


def test_a_damaged_one_is_one_line_and_harms_no_other(run: textgen.Run, tmp_path: Path) -> None:
    copy = shutil.copytree(run.folder, tmp_path / "run")
    first, second = (point.num_updates for point in run.snapshots[:2])
    file = copy / "snapshots" / f"{first:06}" / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(TextgenError) as caught:
        loaded(copy, first)
    assert str(caught.value) == (
        f"snapshot {first} of run {str(copy)!r} is damaged (tensors.safetensors has changed since it was "
        "written); the run itself is not"
    )
    assert same(loaded(copy, second), loaded(run.folder, second))
    with pytest.raises(TextgenError, match=r"no weights after 1 updates: run .* has snapshots at"):
        loaded(copy, 1)
    assert same(loaded(copy), run)
    remove_results(identify(copy))  # type: ignore[arg-type]
    assert not copy.exists()


@pytest.mark.parametrize("entry", ["char-lstm+ngram", "2*char-lstm", "char-lstm+mix"])
def test_what_is_made_of_several_models_is_refused(entry: str, tmp_path: Path) -> None:
    with pytest.raises(TextgenError, match=r"snapshots need a single model, but [^\n]*$"):
        trained(tmp_path / "run", f"{entry}:snapshots=true")
