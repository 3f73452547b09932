"""A checkup: its programs, what becomes of one that fails, and its file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from helpers.commands import run_textgen
from textgen.contracts import TextgenError
from textgen.runtime.environment import machine
from textgen_tools import doctor
from textgen_tools.checkup import steps, updates
from textgen_tools.checkup.steps import STEPS, Checkup, _Program, _programs, _run
from textgen_tools.checkup.summary import lines


def test_a_device_is_measured_and_the_file_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "doctor.json"
    done = run_textgen("doctor", "--device", "cpu", "--step", "device", "--out", out, "--json", "--quiet")
    saved = json.loads(out.read_text("utf-8"))
    assert json.loads(done.stdout) == saved
    (step,) = saved["steps"]
    assert step["outcome"] == "done"
    assert step["values"]["gflops"]["fp32"] > 1
    assert saved["machine"]["num_cores"] >= 1
    refused = run_textgen("doctor", "--step", "device", "--out", out, code=2).stderr
    assert refused.endswith("exists; give a new file\n")
    assert json.loads(out.read_text("utf-8")) == saved


def test_an_unknown_step_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(TextgenError, match="unknown step 'device2'; did you mean 'device'"):
        doctor(tmp_path / "new.json", ["device2"], device="cpu")
    assert not (tmp_path / "new.json").exists()


def test_the_pace_of_updates_is_that_of_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "SECONDS", 0.2)
    found = updates.pace_of("char-lstm:hidden_size=8,num_layers=1", 16, 24, False, "cpu")
    assert found["tokens_per_update"] == 16 * 24
    assert found["tokens_per_second"] * found["update_seconds"] == pytest.approx(16 * 24)
    assert found["first_update_seconds"] > 0
    assert found["waits_per_update"] == {}


def test_a_program_that_fails_or_lasts_too_long_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MAX_SECONDS", 2)
    told: list[str] = []
    codes = ["raise SystemExit('no card')", "import time; time.sleep(60)", "print('{}')", "print('fine')"]
    codes[2] = codes[2].replace("{}", '{\\"a\\": 1}')
    results = [_run(_Program("bench", code, [sys.executable, "-c", code]), told.append) for code in codes]
    assert [each.outcome for each in results] == ["failed", "failed", "done", "done"]
    assert [each.output.strip() for each in results] == ["no card", "ended after 2 s", "", "fine"]
    assert results[2].values == {"a": 1}
    assert len(told) == 4
    missing = _run(_Program("tests", "", [], "there is no clone here"), told.append)
    assert (missing.outcome, missing.output, len(told)) == ("left out", "there is no clone here", 4)


def test_every_step_has_programs(tmp_path: Path) -> None:
    programs = list(_programs("cuda", "60s", tmp_path))
    assert [*dict.fromkeys(each.step for each in programs)] == [*STEPS]
    timed = [each.command[3:] for each in programs if each.step == "updates"]
    assert ["char-lstm", "256", "256", "yes", "cuda"] in timed


def test_a_summary_has_the_numbers() -> None:
    pace = {"tokens_per_second": 81_920.0, "update_seconds": 0.2, "first_update_seconds": 3.0}
    values = [{**pace, "waits_per_update": {"a": 1.5}}, {"gflops": {"fp32": 1234.5, "fp16": None}}, {}]
    found = [steps.StepResult("updates", "", "", "done", 1.0, each, "last\nline\n") for each in values]
    result = Checkup(versions={}, machine=machine(), device="cpu", budget="1s", steps=tuple(found))
    assert [each["found"] for each in lines(result)] == [
        "81.9 k tokens/s, 200.0 ms each, first 3.0 s, 1.5 waits",
        "fp32 1,234 GFLOP/s",
        "line",
    ]
