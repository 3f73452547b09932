"""The live page without a server, as in a notebook: the same answers, as messages."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra play")

import textgen
import textgen_play
from helpers.playing import Relayed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def relayed(runs: list[Path]) -> Iterator[Relayed]:
    """The application of both runs, asked by messages."""
    relayed = Relayed(runs)
    yield relayed
    relayed.worker.close()


def test_what_is_streamed_is_the_sample_of_this_seed(relayed: Relayed, runs: list[Path]) -> None:
    (said, _), *parts = relayed.parts(
        relayed.send("write", {"entry": 0, "prompt": "The ", "length": 300, "seed": 3})
    )
    assert said["status"] == 200
    assert len(parts) > 3  # not all at once
    events = [json.loads(part.removeprefix(b"data: ")) for _, part in parts if part]
    assert events[-1]["is_over"]
    text = "".join(token["text"] for event in events for token in event["tokens"])
    assert text == textgen.load(runs[0], device="cpu").sample("The ", length=300, seed=3)


def test_who_leaves_is_written_for_no_longer(relayed: Relayed) -> None:
    asked = {"entry": 0, "prompt": "", "length": 5000}
    names = [relayed.send("write", asked | {"client": str(number)}) for number in range(48)]
    answers = [relayed.parts(name) for name in names]
    assert [next(answer)[0]["status"] for answer in answers] == [200] * 48
    assert relayed.ask("write", asked) == 503
    for name in names:
        relayed.relay.take({"request": name})
    assert b'"is_over": true' not in b"".join(part for answer in answers for _, part in answer)
    assert relayed.ask("write", asked | {"length": 1}) == 200


def test_the_widget_answers_and_ends_its_process_but_no_other(relayed: Relayed, runs: list[Path]) -> None:
    pytest.importorskip("anywidget", reason="needs the extra notebook")
    from textgen_play.client import Client
    from textgen_play.jupyter import PlayWidget

    before, said = set(active_children()), Queue[tuple[dict[str, Any], list[bytes]]]()
    widget = PlayWidget(Client(runs[:1], [], "cpu"), relayed.page)
    widget.send = lambda content, buffers: said.put((content, buffers))

    def status(name: str) -> int:
        asked = {"request": name, "path": "read", "body": '{"entry": 0, "text": "a"}'}
        data = {"method": "custom", "content": asked}
        widget._handle_msg({"content": {"data": data}, "buffers": []})
        status: int = said.get(timeout=60)[0]["status"]
        while not said.get(timeout=60)[0].get("is_over"):
            pass
        return status

    widget._view_count = 1
    assert status("shown") == 200
    assert len(set(active_children()) - before) == 1
    widget._view_count = 0
    assert set(active_children()) == before
    assert status("shown again") == 200
    widget.close()
    assert set(active_children()) == before
    assert relayed.ask("read", {"entry": 0, "text": "a"}) == 200


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("anywidget", 'the widget needs anywidget; run: pip install "textgen-bench[notebook]"'),
        ("", "the widget is shown in Jupyter only; elsewhere run: textgen play"),
    ],
)
def test_where_it_cannot_be_shown_one_line_says_what_to_do(
    missing: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    else:
        pytest.importorskip("anywidget", reason="needs the extra notebook")
    with pytest.raises(textgen.TextgenError) as caught:
        textgen_play.widget("latest")
    assert str(caught.value) == message
