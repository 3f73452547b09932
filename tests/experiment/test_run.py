"""Run folders: what is saved comes back, and damage is one line."""

from __future__ import annotations

import json
import os
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
from textgen.runtime.storage.files import write_digests
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
    save_file({name: torch.stack([value, value]) for name, value in load_file(path).items()}, path)


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


# --- run folders by someone who recomputes the digests


Change = Callable[[Path], object]


def record(change: Callable[[Any], object]) -> Change:
    return lambda run: edit_record(run / "run.json", change)


def written(name: str, text: str) -> Change:
    def write(run: Path) -> None:
        (run / name).write_text(text, "utf-8")
        write_digests(run)

    return write


def tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Change:
    def write(run: Path) -> None:
        values = load_file(run / "weights.safetensors")
        change(values)
        save_file(values, run / "weights.safetensors")
        write_digests(run)

    return write


def longer(values: dict[str, torch.Tensor]) -> None:
    for name, value in values.items():
        values[name] = value.flatten()[:-1].clone()


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[str, Change], str]:
    """Return the line about a run of an entry that was changed."""

    def check(entry: str, change: Change) -> str:
        save_run(tmp_path / "run", make_run(entry))
        change(tmp_path / "run")
        with pytest.raises(TextgenError) as caught:
            load_run(tmp_path / "run", CPU)
        line = str(caught.value)
        assert "\n" not in line
        assert len(line) < 700
        return line

    return check


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (record(lambda values: values["settings"].pop("corpus")), "settings.corpus: "),
        (record(lambda values: values["settings"].update(corpus=5)), "settings.corpus: "),
        (record(lambda values: values["settings"]["corpus"].pop("cleaner")), "settings.corpus.cleaner: "),
        (record(lambda values: values["result"].update(validation={"bits_per_char": {}})), "bits_per_char: "),
        (record(lambda values: values["result"].update(vocab_size=5)), "tokens instead of 5"),
        (record(lambda values: values["entry"]["parts"].update(model=5)), "entry.parts.model: "),
        (record(lambda values: values["entry"]["parts"].pop("model")), "model"),
        (record(lambda values: values["entry"]["options"]["model"].update(hidden_size="8")), "hidden_size"),
        (record(lambda values: values["entry"]["options"]["model"].update(hidden_size=-8)), "hidden_size"),
        (record(lambda values: values["entry"]["options"]["model"].update(hidden_size=[8])), "hidden_size"),
        (
            record(lambda values: values["entry"]["options"].update(sampler={"x": 1})),
            "sampler has no option x",
        ),
        (written("tokenizer.json", "[" * 1_000_000), "nested too deeply"),
        (written("tokenizer.json", "[]"), "tokenizer.json is not a JSON object"),
        (written("tokenizer.json", "{}"), "alphabet"),
        (written("tokenizer.json", '{"alphabet": 5}'), "iterable"),
        (written("tokenizer.json", '{"alphabet": [5]}'), "str instance"),
        (written("tokenizer.json", '{"alphabet": "ab"}'), "tokenizer.json has 258 tokens instead of"),
        (written("tokenizer.json", '{"alphabet": NaN}'), "NaN is not JSON"),
        (written("spellings.json", "[[1, true]]"), "non-numbers"),
        (written("spellings.json", '["ab"]'), "lacks spellings"),
        (written("spellings.json", "[[-1.0, -1e999]]"), "larger than any number"),
        (written("weights.safetensors", "\x08" + "\0" * 7 + "not json"), "run"),
        (tensors(lambda values: values.clear()), "Missing key"),
        (tensors(longer), "size mismatch"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(
    change: Change, reason: str, refused: Callable[[str, Change], str]
) -> None:
    assert reason in refused(f"char-lstm{SMALL}", change)


def renamed(run: Path) -> None:
    (run.parent / "secret").write_text("x")
    digests = json.loads((run / "files.json").read_text())
    digests["../secret"] = {"num_bytes": 1, "sha256": "0" * 64}
    (run / "files.json").write_text(json.dumps(digests))


def replaced(name: str, make: Callable[[Path], object]) -> Change:
    def change(run: Path) -> None:
        (run / name).unlink()
        make(run / name)

    return change


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("weights.safetensors", os.mkfifo),
        ("tokenizer.json", lambda path: path.symlink_to("/dev/zero")),
        ("files.json", Path.mkdir),
    ],
)
def test_what_is_not_a_file_is_not_read(
    name: str, make: Callable[[Path], object], refused: Callable[[str, Change], str]
) -> None:
    line = refused(f"char-lstm{SMALL}", replaced(name, make))
    assert "not a regular file" in line or "Is a directory" in line


def test_digests_cover_what_is_read_and_nothing_outside(refused: Callable[[str, Change], str]) -> None:
    assert "files.json names a file outside the folder" in refused("random", renamed)


# --- sizes


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b'{"w":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}', "run"),
        (b'{"w":{"dtype":"F32","shape":[0,9999999999999],"data_offsets":[0,0]}}', "run"),
    ],
)
def test_headers_of_tensors_that_lie_are_refused(
    header: bytes, reason: str, refused: Callable[[str, Change], str]
) -> None:
    def change(run: Path) -> None:
        data = len(header).to_bytes(8, "little") + header + b"\0" * 4
        (run / "weights.safetensors").write_bytes(data)
        write_digests(run)

    assert reason in refused("random", change)
