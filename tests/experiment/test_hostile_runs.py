"""Run folders by someone who recomputes the digests: one line about each, in bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers.records import edit_record
from helpers.runs import CPU, SMALL, make_run
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import load_run, save_run
from textgen.runtime.storage.files import write_digests

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


@pytest.mark.parametrize("entry", ["random", "char-ngram"])
def test_counts_of_another_vocabulary_are_refused(entry: str, refused: Callable[[str, Change], str]) -> None:
    assert "run" in refused(entry, tensors(longer))


def renamed(run: Path) -> None:
    (run.parent / "secret").write_text("x")
    digests = json.loads((run / "files.json").read_text())
    digests["../secret"] = {"num_bytes": 1, "sha256": "0" * 64}
    (run / "files.json").write_text(json.dumps(digests))


def without_weights(run: Path) -> None:
    digests = json.loads((run / "files.json").read_text())
    del digests["weights.safetensors"]
    (run / "files.json").write_text(json.dumps(digests))


def replaced(name: str, make: Callable[[Path], object]) -> Change:
    def change(run: Path) -> None:
        (run / name).unlink()
        make(run / name)

    return change


@pytest.mark.parametrize("name", ["weights.safetensors", "tokenizer.json", "files.json"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_not_a_file_is_not_read(
    name: str, make: Callable[[Path], object], refused: Callable[[str, Change], str]
) -> None:
    line = refused(f"char-lstm{SMALL}", replaced(name, make))
    assert "not a regular file" in line or "Is a directory" in line


def test_digests_cover_what_is_read_and_nothing_outside(refused: Callable[[str, Change], str]) -> None:
    assert "files.json names a file outside the folder" in refused("random", renamed)


def test_digests_that_leave_out_the_weights_are_refused(refused: Callable[[str, Change], str]) -> None:
    assert "files.json lacks weights.safetensors" in refused("random", without_weights)


def test_a_large_file_is_refused_before_it_is_read(refused: Callable[[str, Change], str]) -> None:
    line = refused("random", lambda run: os.truncate(run / "run.json", 2**40))
    assert "larger than 64 MiB" in line


# --- sizes


LOAD_WITH_LIMIT = """
import resource, sys
from pathlib import Path
from textgen.contracts import TextgenError
from textgen.experiment.saved_run import load_run
from textgen_models import recurrent
used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (used + 400 * 2**20,) * 2)
for run in sys.argv[1:]:
    try:
        load_run(run, "cpu")
    except TextgenError as error:
        print(error)
"""
SIZES: tuple[tuple[Callable[[Any], object], str], ...] = (
    (lambda values: values["entry"]["options"]["model"].update(hidden_size=60_000), " of memory"),
    (
        lambda values: values["entry"]["options"]["model"].update(num_layers=1000, hidden_size=900),
        " of memory",
    ),
    (lambda values: values["entry"]["options"]["model"].update(hidden_size=10**9), "option hidden_size: "),
    (lambda values: values["result"].update(vocab_size=10**9), "tokens instead of 1000000000"),
)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_DATA")
def test_terabytes_are_refused_before_they_are_allocated(tmp_path: Path) -> None:
    for number, (change, _) in enumerate(SIZES):
        save_run(tmp_path / str(number), make_run(f"char-lstm{SMALL}"))
        edit_record(tmp_path / str(number) / "run.json", change)
    command = [sys.executable, "-c", LOAD_WITH_LIMIT, *map(str, range(len(SIZES)))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(SIZES)
    for line, (_, reason) in zip(lines, SIZES, strict=True):
        assert reason in line


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b'{"w":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}', "run"),
        (b'{"w":{"dtype":"F32","shape":[0,9999999999999],"data_offsets":[0,0]}}', "run"),
        (b" " * 2**24 + b"{} ", "larger than 16 MiB"),
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
