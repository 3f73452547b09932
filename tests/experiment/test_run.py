"""Run folders: what is saved comes back, and damage is one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers.records import edit_record
from helpers.runs import CPU, SMALL, logits, make_run
from helpers.tokenizers import FITTED
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import SavedRun, load_run, save_run
from textgen.generation.bound_sampler import build_sampler
from textgen.runtime.device import DeviceConfig
from textgen.runtime.storage.json_records import SCHEMA_VERSION


def check_round_trip(run: SavedRun, folder: Path) -> None:
    save_run(folder, run)
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
    save_run(tmp_path / "run", make_run(f"char-lstm{SMALL}"))
    kinds = sorted(path.suffix for path in (tmp_path / "run").iterdir())
    assert kinds == [".json", ".json", ".json", ".safetensors"]


# --- writing


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    run = make_run(f"char-lstm{SMALL}")
    # Which JSON has no word for.
    run = replace(run, result=replace(run.result, train=replace(run.result.train, seconds=float("nan"))))
    with pytest.raises(ValueError, match="JSON"):
        save_run(tmp_path / "run", run)
    run = make_run(f"char-lstm{SMALL}")
    # The last file cannot hold it.
    run.model.module.register_buffer("complex", torch.zeros(1).to_sparse())
    with pytest.raises((ValueError, RuntimeError)):
        save_run(tmp_path / "run", run)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    run = make_run(f"char-lstm{SMALL}")
    (tmp_path / "file").write_text("mine")
    save_run(tmp_path / "run", make_run("random"))
    for place in ("file", "run"):
        with pytest.raises(OSError, match=place):
            save_run(tmp_path / place, run)
    assert (tmp_path / "file").read_text() == "mine"
    assert load_run(tmp_path / "run", CPU).entry.name == "random"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run"]


# --- damage


def edit_manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    return lambda run: edit_record(run / "run.json", change)


def truncate(name: str) -> Callable[[Path], None]:
    def cut(run: Path) -> None:
        data = (run / name).read_bytes()
        (run / name).write_bytes(data[: len(data) // 2])

    return cut


def other_shape(run: Path) -> None:
    path = run / "weights.safetensors"
    save_file({name: torch.cat([value, value]) for name, value in load_file(path).items()}, path)


FILES = ("run.json", "tokenizer.json", "weights.safetensors")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        *((truncate(name), "is damaged") for name in FILES),
        *((lambda run, name=name: (run / name).unlink(), "is damaged") for name in FILES[1:]),
        (lambda run: (run / "run.json").unlink(), "no run in"),
        (lambda run: (run / "run.json").write_text("[]"), "is damaged"),
        (lambda run: (run / "run.json").write_text("null"), "is damaged"),
        (lambda run: (run / "run.json").write_bytes(b"\xff\xfe"), "is damaged"),
        (other_shape, "is damaged"),
        (
            edit_manifest(lambda manifest: manifest.update(schema_version=SCHEMA_VERSION + 1)),
            f"was written by a newer textgen (schema version {SCHEMA_VERSION + 1}); update",
        ),
        (
            edit_manifest(lambda manifest: manifest.pop("schema_version")),
            "was written by an older textgen; make it again with this one",
        ),
        (
            edit_manifest(lambda manifest: manifest.update(schema_version=SCHEMA_VERSION - 1)),
            "was written by an older textgen; make it again with this one",
        ),
        (edit_manifest(lambda manifest: manifest["entry"]["parts"].update(model="gone")), "unknown model"),
    ],
)
def test_a_damaged_run_is_a_one_line_error(
    damage: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    save_run(run, make_run(f"char-lstm{SMALL}"))
    damage(run)
    with pytest.raises(TextgenError) as caught:
        load_run(run, CPU)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[[-1.0, -2.", "[[-1.0]]", "[[-1.0, null]]", "{}", "[1]"])
def test_damaged_spellings_are_a_one_line_error(content: str, tmp_path: Path) -> None:
    save_run(tmp_path / "run", replace(make_run(f"word-lstm{SMALL}"), spellings=((-1.0, -0.5),) * 20))
    (tmp_path / "run" / "spellings.json").write_text(content)
    with pytest.raises(TextgenError, match="is damaged"):
        load_run(tmp_path / "run", CPU)


def test_what_is_whole_is_not_called_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save_run(folder, make_run(f"char-lstm{SMALL}"))
    assert load_run(str(folder), "cpu").entry.name == f"char-lstm{SMALL}"
    for wrong in ((folder, "no-such-device"), (folder, None), (None, CPU)):
        with pytest.raises((TypeError, RuntimeError)):
            load_run(*wrong)  # type: ignore[arg-type]
    tokenizer = folder / "tokenizer.json"
    tokenizer.unlink()
    tokenizer.mkdir()
    with pytest.raises(TextgenError, match=r"^cannot read run '.*': Is a directory$"):
        load_run(folder, CPU)
