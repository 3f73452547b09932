"""`textgen train --processes N`, and the same by torchrun: one model, trained by several processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from helpers.commands import Textgen, notes, run_textgen
from helpers.plugins import TOY_MODEL
from textgen.experiment.entry_parser import parse_entry
from textgen.library.saving import num_processes
from textgen.runtime.device import DeviceConfig
from textgen.runtime.messages import UsageError
from textgen.training.ranks import new_store

SMALL = "hidden_size=16,batch_size=6,sequence_length=8,num_validations=2,dropout=0"
ENTRY = f"char-lstm:num_layers=1,{SMALL}"
TEXT = ("--corpus", "lee", "--max-chars", "20000", "--precision", "fp32", "--device", "cpu")
TORCHRUN = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "1",
}


def assert_same_weights(one: Path, other: Path) -> None:
    mine, its = (load_file(folder / "weights.safetensors") for folder in (one, other))
    assert mine.keys() == its.keys()
    for name, value in mine.items():
        torch.testing.assert_close(value, its[name], rtol=0, atol=1e-5)


def test_two_processes_make_the_run_of_one(textgen: Textgen, tmp_path: Path) -> None:
    for folder, processes in (("one", 1), ("two", 2)):
        where = ("--out", tmp_path / folder, "--processes", processes)
        textgen("train", ENTRY, *TEXT, "--budget", "4000chars", *where)
    one, two = (json.loads((tmp_path / folder / "run.json").read_text()) for folder in ("one", "two"))
    assert one["result"]["train"]["num_processes"] == 1
    assert two["result"]["train"]["num_processes"] == 2
    assert one["settings"] == two["settings"]
    assert one["result"]["train"]["num_updates"] == two["result"]["train"]["num_updates"] > 5
    assert_same_weights(tmp_path / "one", tmp_path / "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_two_processes_continue_the_run_of_one(textgen: Textgen, tmp_path: Path) -> None:
    begun, longer = tmp_path / "begun", tmp_path / "longer"
    textgen("train", ENTRY, *TEXT, "--budget", "2000chars", "--out", begun)
    done = textgen(
        "train", begun, "--budget", "+2000chars", "--processes", 2, "--out", longer, "--device", "cpu"
    )
    assert notes(done) == []
    assert f"saved in {longer}" in done.stdout
    manifest = json.loads((longer / "run.json").read_text())
    assert manifest["settings"]["budget"] == "2000chars+2000chars"
    assert manifest["result"]["train"]["num_processes"] == 2


FAULTS = {
    "killed": (
        "import os; os.kill(os.getpid(), 9)",
        "process 2 of 2: its process was killed, possibly by the out-of-memory killer",
    ),
    "raises": ("raise ValueError('too much')", "failed: ValueError: too much (raises.py, line "),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_process_that_ends_takes_the_others_with_it(textgen: Textgen, name: str, tmp_path: Path) -> None:
    code, reason = FAULTS[name]
    is_second = "torch.distributed.is_initialized() and torch.distributed.get_rank() == 1"
    model = TOY_MODEL.format(f"if self.num_calls == 9 and {is_second}:\n            {code}")
    plugin = tmp_path / f"{name}.py"
    plugin.write_text(model.replace("class Toy", f"class {name.title()}"))
    where = ("--plugin", plugin, "--out", tmp_path / "run", "--processes", 2)
    done = textgen("train", f"char-{name}", *TEXT, "--budget", "1h", *where, code=1)
    (line,) = notes(done)
    assert line.startswith("error: ")
    assert reason in line
    assert [path.name for path in tmp_path.iterdir()] == [plugin.name]


@pytest.mark.parametrize(
    ("entry", "device", "asked", "message"),
    [
        ("char-lstm", "mps", 2, "processes=2: they cannot share the device 'mps'; choose --device "),
        ("char-lstm", "cuda:1", 2, "processes=2: they cannot share the device 'cuda:1'; choose "),
        ("char-lstm", "cuda", 99, "processes=99: each needs a GPU of its own, and this machine has "),
        ("char-ngram", "cpu", 2, "processes=2: 'char-ngram' is not trained by gradient descent; use one"),
        ("char-lstm", "cpu", 0, "processes must be at least 1, not 0"),
    ],
)
def test_processes_that_cannot_train_together_are_refused(
    entry: str, device: str, asked: int, message: str
) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        num_processes(asked, parse_entry(entry), DeviceConfig(torch.device(device), "fp32"))


def test_torchrun_says_how_many_processes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    config = DeviceConfig(torch.device("cpu"), "fp32")
    assert num_processes(1, parse_entry("char-lstm"), config) == 2
    with pytest.raises(UsageError, match=r"^torchrun has started 2 processes; leave out --processes$"):
        num_processes(2, parse_entry("char-lstm"), config)


@pytest.mark.parametrize("command", ["bench random", "suite improvements", "tune char-lstm"])
def test_several_processes_of_torchrun_are_refused_by_commands_that_one_computes(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    done = run_textgen(*command.split(), code=2, cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: torchrun has started 2 processes, each of which would compute the same; ")
    assert "textgen train" in line
    assert "--jobs or --on ray" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_torchrun_makes_the_run_of_one_process(textgen: Textgen, tmp_path: Path) -> None:
    arguments = ["train", ENTRY, *TEXT, "--budget", "4000chars", "--out"]
    textgen(*arguments, tmp_path / "one")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "textgen"]
    command = [*launcher, *arguments, str(tmp_path / "two"), "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert json.loads(done.stdout)["train"]["num_processes"] == 2  # one result, of the first process
    assert_same_weights(tmp_path / "one", tmp_path / "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads /proc")
def test_processes_meet_where_no_other_machine_reaches() -> None:
    store = new_store(2)
    local = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local += [line.split()[1] for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    assert {address for address in local if address.endswith(f":{store.port:04X}")} == {
        f"0100007F:{store.port:04X}"
    }


@pytest.mark.cuda
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_two_gpus_make_the_run_of_one(textgen: Textgen, tmp_path: Path) -> None:
    for processes in (1, 2):
        where = ("--device", "cuda", "--out", tmp_path / str(processes), "--processes", processes)
        textgen("train", ENTRY, *TEXT, "--budget", "4000chars", *where)
    one, two = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("1", "2"))
    assert two["result"]["train"]["num_processes"] == 2
    scores = [each["result"]["test"]["bits_per_char"] for each in (one, two)]
    assert scores[1] == pytest.approx(scores[0], abs=0.01)
