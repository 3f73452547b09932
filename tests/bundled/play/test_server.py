"""The server of the live page: what it answers agrees with the commands, and it answers nobody else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra play")

import textgen
from helpers.commands import run_process
from helpers.playing import Server, served
from helpers.shared import ENTRIES
from textgen_play.client import Client, find_folders
from textgen_play.page import play_page, short_names

pytestmark = pytest.mark.slow

TEXT = "The weather in Sydney was fine.\nNobody had a zxqv, naïve or not."


def written(server: Server, **settings: Any) -> str:
    """All that is streamed, as text."""
    events = list(server.events("write", {"entry": 0, "prompt": "The ", "length": 80, **settings}))
    assert events[-1]["is_over"]
    return "".join(token["text"] for event in events for token in event["tokens"])


@pytest.mark.parametrize("entry", [0, 1])
def test_it_reads_and_writes_as_the_run_does(server: Server, runs: list[Path], entry: int) -> None:
    run = textgen.load(runs[entry], device="cpu")
    status, body = server.ask("read", {"entry": entry, "text": TEXT})
    assert status == 200
    (read,) = body["passages"]
    assert sum(read["bits"]) / len(TEXT) == pytest.approx(
        run.score(TEXT, clean="raw").bits_per_char, abs=1e-3
    )
    assert written(server, entry=entry, seed=3) == run.sample("The ", length=80, seed=3)
    assert written(server, entry=entry, seed=4) != written(server, entry=entry, seed=3)


def test_at_an_entropy_all_write_at_the_temperature_that_is_said(server: Server) -> None:
    for entry in (0, 1):
        equal = {"entry": entry, "prompt": "The ", "length": 30, "sampler": "temperature:entropy=1.5"}
        events = list(server.events("write", equal))
        fixed = f"temperature:temperature={events[0]['temperature']}"
        text = "".join(token["text"] for event in events for token in event["tokens"])
        assert text == written(server, **(equal | {"sampler": fixed}))
        assert next(server.events("write", equal | {"sampler": "greedy"}))["temperature"] is None


def test_the_token_is_not_in_the_command_line_of_the_browser(tmp_path: Path) -> None:
    """The browser of this test writes down its arguments, and the mode and contents of what they name."""
    browser = tmp_path / "browser"
    browser.write_text(
        '#!/bin/sh\nf=${1#file://}\nstat -c %a "$(dirname $f)" > seen; cat $f >> seen; echo "$1"\n'
    )
    browser.chmod(0o755)
    address = "http://127.0.0.1:1/s3cret/"
    program = (
        "import sys, contextlib; from textgen_play.command import open_privately as open_\n"
        "with contextlib.ExitStack() as stack: open_(sys.argv[1], stack)"
    )
    command = [sys.executable, "-c", program, address]
    variables = os.environ | {"BROWSER": f"{browser} %s"}
    done = subprocess.run(command, check=True, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.stdout.startswith("file://")
    assert "s3cret" not in done.stdout
    mode, page = (tmp_path / "seen").read_text().split("\n", 1)
    assert mode == "700"
    assert f'url={address}"' in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["browser", "seen"]


def test_two_continuations_at_once_are_those_of_each_alone(server: Server) -> None:
    alone = [written(server, entry=entry, length=300, client="a") for entry in (0, 1)]
    asked = [{"entry": entry, "prompt": "The ", "length": 300, "client": "b"} for entry in (0, 1)]
    texts = ["", ""]
    for events in zip_longest(*(server.events("write", each) for each in asked), fillvalue={"tokens": []}):
        for entry, event in enumerate(events):
            texts[entry] += "".join(token["text"] for token in event["tokens"])
    assert texts == alone


def test_a_snapshot_reads_and_writes_while_the_run_goes_on(server: Server, runs: list[Path]) -> None:
    first = textgen.load(runs[0], device="cpu").snapshots[0].num_updates
    then = textgen.load(runs[0], device="cpu", after=first)
    alone = written(server, length=300, client="a")
    stream = server.events("write", {"entry": 0, "prompt": "The ", "length": 300, "client": "b"})
    text = "".join(token["text"] for token in next(stream)["tokens"])
    assert written(server, after=first, client="c") == then.sample("The ", length=80)
    _, body = server.ask("read", {"entry": 0, "text": TEXT, "after": first})
    bits = sum(body["passages"][0]["bits"]) / len(TEXT)
    assert bits == pytest.approx(then.score(TEXT, clean="raw").bits_per_char, abs=1e-3)
    assert text + "".join(token["text"] for event in stream for token in event["tokens"]) == alone


def test_a_snapshot_that_there_is_not_is_refused_in_one_line(server: Server) -> None:
    for entry, others in ((0, "has snapshots at "), (1, "has no snapshots")):
        for path, asked in (("read", {"text": "a"}), ("write", {"prompt": "a"})):
            status, body = server.ask(path, {"entry": entry, "after": 1, **asked})
            assert status == 400
            assert others in body["error"]


def test_a_new_continuation_ends_the_last_one_of_the_same_page_and_entry(server: Server) -> None:
    asked = {"entry": 0, "prompt": "", "length": 5000, "client": "same"}
    first = server.events("write", asked)
    next(first)
    assert written(server, client="same", length=10)
    rest = [event for event in first if event["tokens"]]
    assert not any(event["is_over"] for event in rest)


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (403, {"token": "wrong"}),
        (403, {"Host": "evil.example"}),
        (403, {"Origin": "http://evil.example"}),
        (403, {"Origin": "null"}),
        (403, {"Content_Type": "text/plain"}),
        (413, {"Content_Length": "600000"}),
    ],
)
def test_a_page_from_elsewhere_and_a_body_that_is_too_large_are_refused(
    server: Server, status: int, options: dict[str, str]
) -> None:
    for path in ("read", "write"):
        assert server.ask(path, {"entry": 0, "text": "a"}, **options)[0] == status


MALFORMED = [
    *(b"", b"null", b"\xff\xfe", b"{" * 50_000, b'{"entry": 0}', b'{"entry": 7, "text": "a"}'),
    *(b'{"entry": 0, "text": "a", "more": 1}', b'{"entry": 1e400, "text": "a"}'),
    json.dumps({"entry": 0, "text": "\ud800"}).encode(),
    json.dumps({"entry": 0, "prompt": "a", "length": 5001}).encode(),
    json.dumps({"entry": 0, "prompt": "a", "sampler": "none"}).encode(),
]


@pytest.mark.parametrize("path", ["read", "write"])
def test_malformed_requests_get_one_line(server: Server, path: str) -> None:
    for raw in MALFORMED:
        status, body = server.ask(path, raw=raw)
        assert status == 400, raw[:80]
        error = body["error"]
        assert error
        assert "\n" not in error
    assert server.ask("read", {"entry": 0, "text": "a"})[0] == 200


def test_made_up_words_and_copies_are_marked(server: Server) -> None:
    (passage, *_) = server.ask("passages")[1]
    text = f"Xqzzvt {passage['before'][:200]}"
    status, marks = server.ask("marks", {"entry": 0, "text": text})
    assert status == 200
    assert [0, 6] in marks["made_up"]
    assert all(0 <= begin < end <= len(text) for spans in marks.values() for begin, end in spans)


def test_a_bench_stands_for_its_best_runs(shared_bench: Path) -> None:
    models = Client(find_folders([shared_bench]), [], "cpu")
    page = play_page(models.wait())
    models.close()
    runs = json.loads(page.partition('id="data">')[2].partition("</script>")[0])["runs"]
    assert {run["entry"] for run in runs} == set(ENTRIES)
    assert [run["bits"] for run in runs] == sorted(run["bits"] for run in runs)


def test_what_cannot_be_loaded_is_said_in_one_line(runs: list[Path], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(runs[0], damaged)
    (damaged / "weights.safetensors").write_bytes(b"damaged")
    done = run_process("play", damaged, "--no-browser", code=1)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    done = run_process("play", tmp_path / "nothing", "--no-browser", code=1)
    assert done.stderr.count("\n") == 1


def test_ctrl_c_ends_it_at_once_and_quietly(runs: list[Path]) -> None:
    with served(runs[0], stderr=subprocess.PIPE) as server:
        answer = server.open("write", {"entry": 0, "prompt": "a" * 15_000, "length": 5000})
        next(iter(answer))
        server.process.send_signal(signal.SIGINT)
        _, errors = server.process.communicate(timeout=30)
        answer.close()
    assert "Traceback" not in errors
    assert errors.count("\n") <= 1


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        ([("lstm:num_layers=1,dropout=0", 0, "a"), ("lstm:dropout=0", 1, "a")], "lstm:num_layers=1; lstm"),
        (
            [("lstm", 0, "a"), ("lstm", 1, "a"), ("lstm", 1, "b")],
            "lstm on a, seed 0; lstm on a, seed 1; lstm on b",
        ),
        ([("lstm", 0, "a"), ("lstm", 0, "a"), ("gru", 0, "a")], "lstm (1); lstm (2); gru"),
    ],
)
def test_a_name_has_what_differs_and_no_more(runs: list[tuple[str, int, str]], names: str) -> None:
    told = short_names([{"entry": entry, "seed": seed, "text": text} for entry, seed, text in runs])
    assert "; ".join(told) == names
