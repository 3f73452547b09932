"""`textgen play` in a process of its own, and requests to it as any program here could make them."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

from helpers.commands import run_textgen

SMALL = ":num_layers=1,hidden_size=16,batch_size=4,sequence_length=16,num_validations=2"
ENTRIES = (f"char-lstm{SMALL}", "word-ngram")


def run_folders(folder: Path) -> list[Path]:
    """The folders of the runs that `trained_runs` makes in a folder."""
    return [folder / entry.partition(":")[0] for entry in ENTRIES]


def trained_runs(folder: Path) -> None:
    """Make a run over characters, with two snapshots, and one over words, on the same text."""
    for entry, run in zip(ENTRIES, run_folders(folder), strict=True):
        budget = ("--budget", "8000chars", "--snapshots") if "lstm" in entry else ()
        text = ("--corpus", "lee", "--max-chars", 100_000)
        run_textgen("train", entry, *text, *budget, "--device", "cpu", "--out", run)


@dataclass
class Server:
    """A server, known by its address."""

    address: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return urlsplit(self.address).port or 0

    def ask(self, path: str, body: Any = None, **options: Any) -> tuple[int, bytes]:
        """Return the status and the body of an answer to a request, which `open` makes."""
        with self.open(path, body, **options) as answer:
            return answer.status, answer.read()

    def open(
        self,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        token: str | None = None,
        method: str = "",
        **headers: str,
    ) -> http.client.HTTPResponse:
        """Send `body` as JSON, or `raw` unchanged, and return the response before its body is read.

        Closing its connection is leaving the page.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        prefix = urlsplit(self.address).path if token is None else f"/{token}/"
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
        given = {"Connection": "close"} | ({"Content-Type": "application/json"} if sent is not None else {})
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if sent is None else "POST"), prefix + path, sent, given)
        return connection.getresponse()

    def events(self, body: Any) -> Iterator[dict[str, Any]]:
        """Yield what is streamed while a text is continued."""
        with self.open("write", body) as answer:
            assert answer.status == 200, answer.read()
            for line in answer:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])


@contextmanager
def served(*runs: Path, stderr: int | None = None) -> Iterator[Server]:
    """A server of these runs, until the end of the block."""
    command = [sys.executable, "-m", "textgen", "play", *map(str, runs), "--no-browser", "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        assert process.stdout is not None
        yield Server(process.stdout.readline().strip(), process)
    finally:
        process.terminate()
        process.communicate()


def children(process: int) -> list[int]:
    """Return the processes that a process has started and that have not ended."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


class Relayed:
    """The application of runs in this process, asked by messages as by a notebook."""

    def __init__(self, runs: list[Path]) -> None:
        from textgen_play.client import Client
        from textgen_play.page import play_page
        from textgen_play.server import Relay, unguarded

        self.worker = Client(runs, [], "cpu")
        self.page = play_page(self.worker.wait(), is_relayed=True)
        self.said: Queue[tuple[dict[str, Any], bytes]] = Queue()
        """All parts of all answers."""
        app = unguarded(self.worker)
        self.relay = Relay(app, lambda said, part: self.said.put((said, part)))
        self._numbers = count()
        self._waiting: dict[str, list[tuple[dict[str, Any], bytes]]] = {}

    def send(self, path: str, body: Any = None, *, raw: str | None = None) -> str:
        """Send `body` as JSON, or `raw` unchanged, and return the name of the request."""
        name = str(next(self._numbers))
        sent = json.dumps(body) if body is not None else raw
        self.relay.take({"request": name, "path": path, "body": sent})
        return name

    def parts(self, name: str) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield the parts of an answer: its status, bytes, and its end."""
        while True:
            while not self._waiting.get(name):
                said, part = self.said.get(timeout=60)
                self._waiting.setdefault(said["request"], []).append((said, part))
            said, part = self._waiting[name].pop(0)
            yield said, part
            if said.get("is_over"):
                return

    def ask(self, path: str, body: Any = None, *, raw: str | None = None) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        (first, _), *rest = self.parts(self.send(path, body, raw=raw))
        return first["status"], b"".join(part for _, part in rest)
