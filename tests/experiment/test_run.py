"""Run folders: what is saved comes back, and damage is one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.records import edit_record
from helpers.runs import CPU, SMALL, logits, make_run
from helpers.tokenizers import FITTED
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import SavedRun, load_run, write_run
from textgen.generation.bound_sampler import build_sampler
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.files import write_digests


def check_round_trip(run: SavedRun, folder: Path) -> None:
    write_run(folder, run.files)
    loaded = load_run(folder, CPU)
    assert torch.equal(logits(loaded), logits(run))
    assert list(loaded.tokenizer.tokens) == list(run.tokenizer.tokens)
    assert loaded.tokenizer.encode("a zoo\n").tolist() == run.tokenizer.encode("a zoo\n").tolist()
    assert loaded.tokenizer.is_fallback.tolist() == run.tokenizer.is_fallback.tolist()
    assert (loaded.entry, loaded.settings, loaded.result) == (run.entry, run.settings, run.result)
    assert loaded.spellings == run.spellings
    assert not loaded.model.module.training


@pytest.mark.parametrize("name", ["random", *(f"{tokenizer}-lstm{SMALL}" for tokenizer in FITTED)])
def test_a_run_round_trips(name: str, tmp_path: Path) -> None:
    check_round_trip(make_run(name), tmp_path / "deep" / "run")


@pytest.mark.parametrize("frozen", [True, False])
def test_a_run_with_an_embedding_loads_without_the_source_of_its_vectors(
    install: Callable[[str, str, str], None], tmp_path: Path, frozen: bool
) -> None:
    source = "class Gone:\n    def __init__(self): raise RuntimeError('the source is gone')\n"
    source += "    def vectors(self, train_text, tokens): ...\n"
    install("toys", "[textgen.embeddings]\ngone = toys:Gone\n", source)
    check_round_trip(make_run(f"word-lstm-gone{SMALL}", embedding=True, frozen=frozen), tmp_path / "run")


def test_a_run_that_spells_words_samples_the_same_when_it_is_loaded(tmp_path: Path) -> None:
    run = make_run(f"word-lstm{SMALL}")
    spelling = replace(run, spellings=((-1.0, -0.5, -0.25), (-2.0, -1.5)) * 10)
    check_round_trip(spelling, tmp_path / "run")
    config, sampler = DeviceConfig(CPU, "fp32"), build_sampler("temperature:temperature=0.3")
    before, after, unaware = (
        each.generator(config).generate(["The ca"] * 3, 80, sampler, [0, 1, 2])
        for each in (spelling, load_run(tmp_path / "run", CPU), run)
    )
    assert before == after != unaware


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    write_run(tmp_path / "run", make_run(f"char-lstm{SMALL}").files)
    kinds = sorted(path.suffix for path in (tmp_path / "run").iterdir())
    assert kinds == [".json", ".json", ".json", ".safetensors"]


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    run = make_run(f"char-lstm{SMALL}")
    (tmp_path / "file").write_text("mine")
    write_run(tmp_path / "run", make_run("random").files)
    for place in ("file", "run"):
        with pytest.raises(OSError, match=place):
            write_run(tmp_path / place, run.files)
    assert (tmp_path / "file").read_text() == "mine"
    assert load_run(tmp_path / "run", CPU).entry.name == "random"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run"]


Change = Callable[[Path], object]


def record(change: Callable[[Any], object]) -> Change:
    return lambda run: edit_record(run / "run.json", change)


def truncated(name: str) -> Change:
    return lambda run: (run / name).write_bytes((run / name).read_bytes()[:-40])


def removed(name: str) -> Change:
    return lambda run: (run / name).unlink()


def written(name: str, content: str) -> Change:
    def write(run: Path) -> None:
        (run / name).write_text(content)
        write_digests(run)

    return write


WEIGHTS = "weights.safetensors"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        *((truncated(name), "is damaged") for name in ("run.json", "tokenizer.json", WEIGHTS)),
        *((removed(name), "is damaged") for name in ("tokenizer.json", WEIGHTS)),
        (removed("run.json"), "no run in"),
        (record(lambda values: values["settings"]["corpus"].pop("cleaner")), "settings.corpus.cleaner: "),
        (record(lambda values: values["settings"].update(budget="60 parsecs")), "settings.budget: "),
        (record(lambda values: values["entry"]["parts"].update(model="gone")), "unknown model"),
        (record(lambda values: values["entry"]["options"]["model"].update(gone=1)), "'gone'"),
        (written("tokenizer.json", '{"alphabet": "ab"}'), "tokenizer.json has 258 tokens instead of"),
    ],
)
def test_a_damaged_run_is_a_one_line_error(change: Change, reason: str, tmp_path: Path) -> None:
    write_run(tmp_path / "run", make_run(f"char-lstm{SMALL}").files)
    change(tmp_path / "run")
    with pytest.raises(TextgenError) as caught:
        load_run(tmp_path / "run", CPU)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700
