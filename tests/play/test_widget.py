"""The live page without a server, as in a notebook: the same answers, as messages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra play")

import textgen
from helpers.playing import Relayed
from textgen.library import live

pytestmark = pytest.mark.slow

TEXT = "The weather in Sydney was fine.\nNobody had a zxqv, naïve or not."


@pytest.fixture(scope="module")
def relayed(runs: list[Path]) -> Iterator[Relayed]:
    """The application of both runs, asked by messages."""
    relayed = Relayed(runs)
    yield relayed
    relayed.worker.close()


@pytest.mark.parametrize("entry", [0, 1])
def test_a_text_has_the_bits_of_the_run(relayed: Relayed, runs: list[Path], entry: int) -> None:
    status, body = relayed.ask("read", {"entry": entry, "text": TEXT})
    assert status == 200
    (read,) = json.loads(body)["passages"]
    (expected,) = live.read(textgen.load(runs[entry], device="cpu"), TEXT).passages
    assert read["bits"] == pytest.approx(list(expected.bits), abs=1e-6)


def test_what_is_streamed_is_the_sample_of_this_seed(relayed: Relayed, runs: list[Path]) -> None:
    events = list(relayed.events({"entry": 0, "prompt": "The ", "length": 80, "seed": 3}))
    assert events[-1]["is_over"]
    text = "".join(token["text"] for event in events for token in event["tokens"])
    assert text == textgen.load(runs[0], device="cpu").sample("The ", length=80, seed=3)


def test_who_leaves_is_written_for_no_longer(relayed: Relayed) -> None:
    asked = {"entry": 0, "prompt": "", "length": 5000}
    names = [relayed.send("write", asked | {"client": str(number)}) for number in range(48)]
    assert [relayed.next(name)["status"] for name in names] == [200] * 48
    assert relayed.ask("write", asked)[0] == 503
    for name in names:
        relayed.relay.take({"request": name})
    end = time.monotonic() + 30
    while relayed.ask("write", asked | {"length": 1})[0] == 503:
        assert time.monotonic() < end, "the continuations go on"
        time.sleep(0.1)
    for name in names:
        *_, last = iter(lambda: relayed.next(name), {"request": name, "is_over": True})  # noqa: B023
        assert b'"is_over": true' not in last["bytes"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("read", "{", 400),
        ("read", '{"entry": 7, "text": "a"}', 400),
        ("read", '{"entry": 0, "text": "\udc80"}', 400),
        ("write", '{"entry": 0, "prompt": "a", "length": 0}', 400),
        ("write", None, 405),
        ("elsewhere", None, 404),
        ("../read", "{}", 404),
    ],
)
def test_malformed_requests_get_an_error(relayed: Relayed, path: str, body: str | None, status: int) -> None:
    assert relayed.ask(path, raw=body)[0] == status


@pytest.mark.parametrize("message", [None, "read", [], {}, {"request": 5}, {"request": "unknown"}])
def test_what_is_not_a_request_is_ignored(relayed: Relayed, message: Any) -> None:
    relayed.relay.take(message)
    assert relayed.ask("read", {"entry": 0, "text": "a"})[0] == 200


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like Jupyter to the widget."""
    ipython = pytest.importorskip("IPython", reason="needs IPython")
    monkeypatch.setattr(ipython, "get_ipython", lambda: type("Shell", (), {"kernel": None})())
